#include "analysis/reports/train_report.hpp"

#include <fmt/format.h>

#include <cmath>

#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace {

Json depth_json(const sim::DepthAdvice& depth) {
  return {{"layer", depth.layer},
          {"layers", depth.layers},
          {"validation_accuracy", depth.accuracy},
          {"stopped_early", depth.stopped_early}};
}

std::string optimizer_text(const sim::Experiment& experiment) {
  const workloads::Optimizer& optimizer = experiment.optimizer;
  std::string text =
      fmt::format("rate {:g} ({})", optimizer.rate, experiment.schedule.description());
  if (optimizer.is_sgd()) {
    text += fmt::format(", momentum {:g}", optimizer.momentum);
  } else {
    text = fmt::format("{}, {}, betas {:g} and {:g}, epsilon {:g}", to_string(optimizer.kind), text,
                       optimizer.beta1, optimizer.beta2, optimizer.epsilon);
  }
  if (optimizer.weight_decay > 0) {
    text += fmt::format(", weight decay {:g}", optimizer.weight_decay);
  }
  return text;
}

}  // namespace

std::string loss_text(double loss) {
  return std::isnan(loss) ? "nan" : fmt::format("{:.4f}", loss);
}

std::string train_head(const sim::Experiment& experiment, const workloads::DataSplit& data,
                       bool direct) {
  std::string text = fmt::format(
      "{} trained with {} {}: batch {}, {}, seed {}\n"
      "data {}: {} training and {} test images",
      experiment.network.name, experiment.rule,
      direct ? "without a device" : "through device " + experiment.device.name, experiment.batch,
      optimizer_text(experiment), experiment.seed, experiment.data.set,
      data.train.size() - static_cast<std::size_t>(experiment.training.validation),
      data.test.size());
  if (experiment.training.validation > 0) {
    text += fmt::format(", {} more for validation", experiment.training.validation);
  }
  return text + "\n\n";
}

std::string train_epoch_text(const sim::Experiment& experiment, const sim::Epoch& epoch) {
  const bool by_layer = experiment.training.layer_by_layer;
  std::string text =
      fmt::format("{}epoch {}\n", by_layer ? epoch.layers.front() + ", " : "", epoch.epoch);
  const bool validated = !epoch.validation_accuracy.empty();
  std::vector<std::string> header{"decision at", "loss", "train accuracy %"};
  if (validated) header.emplace_back("validation accuracy %");
  header.emplace_back("test accuracy %");
  Table table(header);
  const auto percent = [](double share) {
    return std::isnan(share) ? "-" : fmt::format("{:.2f}", 100 * share);
  };
  for (std::size_t i = 0; i < epoch.layers.size(); ++i) {
    std::vector<std::string> row{epoch.layers[i], loss_text(epoch.loss[i]),
                                 percent(epoch.train_accuracy[i])};
    if (validated) row.push_back(percent(epoch.validation_accuracy[i]));
    row.push_back(percent(epoch.test_accuracy[i]));
    table.add(row);
  }
  return text + table.text() + "\n";
}

std::string train_tail(const sim::TrainingResult& result) {
  const sim::Traffic& traffic = result.state.traffic;
  std::string text;
  if (traffic.macs > 0) {
    text += fmt::format(
        "{} steps through the device: {} words read from DRAM, {} written; {:.3f} ms of simulated "
        "time\n",
        traffic.steps, grouped(traffic.dram_read), grouped(traffic.dram_write),
        static_cast<double>(traffic.time_ps) / 1e9);
  } else {
    text += fmt::format("{} steps without a device: nothing was counted\n", traffic.steps);
  }
  if (result.depth) {
    std::string judged;
    for (std::size_t i = 0; i < result.depth->layers.size(); ++i) {
      judged += fmt::format("{}{} {:.2f} %", i == 0 ? "" : ", ", result.depth->layers[i],
                            100 * result.depth->accuracy[i]);
    }
    text += fmt::format("By the validation images layer {} suffices ({}){}\n", result.depth->layer,
                        judged, result.depth->stopped_early ? "; training ended there" : "");
  }
  return text;
}

std::string train_json(const sim::Experiment& experiment, const sim::TrainingResult& result,
                       bool direct) {
  Json epochs = Json::array();
  for (const sim::Epoch& epoch : result.state.history) {
    Json row = {{"epoch", epoch.epoch},
                {"loss", epoch.loss.back()},
                {"train_accuracy", epoch.train_accuracy},
                {"test_accuracy", epoch.test_accuracy},
                {"layers", epoch.layers},
                {"layer_loss", epoch.loss}};
    if (!epoch.validation_accuracy.empty()) row["validation_accuracy"] = epoch.validation_accuracy;
    epochs.push_back(std::move(row));
  }
  const sim::Traffic& traffic = result.state.traffic;
  Json json = {{"network", experiment.network.name},
               {"rule", experiment.rule},
               {"batch", experiment.batch},
               {"seed", experiment.seed},
               {"epochs", epochs},
               {"steps", traffic.steps}};
  json["device"] = !direct;
  if (!direct) {
    json["dram"] = {{"read_words", traffic.dram_read}, {"write_words", traffic.dram_write}};
    json["time_ns"] = static_cast<double>(traffic.time_ps) / 1000;
  }
  if (result.depth) json["depth"] = depth_json(*result.depth);
  return dump(json);
}

}  // namespace spillway::analysis
