#include "analysis/train_report.hpp"

#include <fmt/format.h>

#include "analysis/json.hpp"
#include "analysis/output.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;

std::string train_head(const sim::Experiment& experiment, const workloads::DataSplit& data) {
  return fmt::format(
      "{} trained with {} through device {}: batch {}, rate {:g}, momentum {:g}, seed {}\n"
      "data {}: {} training and {} test images\n\n",
      experiment.network.name, experiment.rule, experiment.device.name, experiment.batch,
      experiment.optimizer.rate, experiment.optimizer.momentum, experiment.seed,
      experiment.data.set, data.train.size(), data.test.size());
}

std::string train_epoch_text(const sim::Epoch& epoch) {
  std::string text = fmt::format("epoch {}\n", epoch.epoch);
  Table table({"decision at", "loss", "train accuracy %", "test accuracy %"});
  for (std::size_t i = 0; i < epoch.layers.size(); ++i) {
    table.add({epoch.layers[i], fmt::format("{:.4f}", epoch.loss[i]),
               fmt::format("{:.2f}", 100 * epoch.train_accuracy[i]),
               fmt::format("{:.2f}", 100 * epoch.test_accuracy[i])});
  }
  return text + table.text() + "\n";
}

std::string train_tail(const sim::TrainingResult& result) {
  return fmt::format(
      "{} steps through the device: {} words read from DRAM, {} written; {:.3f} ms of simulated "
      "time\n",
      result.steps, grouped(result.ledger.total(Port::dram, Direction::read).count()),
      grouped(result.ledger.total(Port::dram, Direction::write).count()),
      static_cast<double>(result.time.count()) / 1e9);
}

std::string train_json(const sim::TrainingResult& result) {
  Json epochs = Json::array();
  for (const sim::Epoch& epoch : result.epochs) {
    epochs.push_back({{"epoch", epoch.epoch},
                      {"loss", epoch.loss.back()},
                      {"train_accuracy", epoch.train_accuracy},
                      {"test_accuracy", epoch.test_accuracy},
                      {"layers", epoch.layers},
                      {"layer_loss", epoch.loss}});
  }
  return dump({{"epochs", epochs},
               {"steps", result.steps},
               {"dram",
                {{"read_words", result.ledger.total(Port::dram, Direction::read).count()},
                 {"write_words", result.ledger.total(Port::dram, Direction::write).count()}}},
               {"time_ns", static_cast<double>(result.time.count()) / 1000}});
}

}  // namespace spillway::analysis
