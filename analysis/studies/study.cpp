#include "analysis/studies/study.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <numeric>

#include "sim/run/checkpoint.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/config.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using sim::Experiment;
using workloads::Config;

namespace {

std::vector<double> read_numbers(const Config& config) {
  if (!config.is_list()) config.refuse("a list of percentages");
  std::vector<double> values;
  for (const Config& item : config.items()) values.push_back(item.number(0, 100));
  return values;
}

std::vector<workloads::Assignment> read_overrides(const Config& config) {
  if (!config.is_list()) config.refuse("a list of KEY=VALUE");
  std::vector<workloads::Assignment> overrides;
  for (const Config& item : config.items()) {
    overrides.emplace_back(item.text(), item.where() + workloads::printable(item.text(), 200));
  }
  return overrides;
}

StudyRow read_row(const Config& config) {
  config.allow_only({"label", "experiment", "set", "paper", "pytorch"});
  StudyRow row;
  row.label = config.at("label").text();
  const Config& experiment = config.at("experiment");
  const std::string name = experiment.text();
  const bool is_path = name.find('/') != std::string::npos || name.ends_with(".yaml");
  row.experiment =
      is_path ? fs::path(experiment.file()).parent_path() / name
              : workloads::shared_folder() / "workloads" / "experiments" / (name + ".yaml");
  if (!fs::exists(row.experiment)) {
    experiment.refuse("a shipped experiment's name, or a path to a YAML file");
  }
  if (const Config* set = config.find("set")) row.overrides = read_overrides(*set);
  if (const Config* paper = config.find("paper")) row.paper = read_numbers(*paper);
  if (const Config* pytorch = config.find("pytorch")) {
    if (!pytorch->is_list()) pytorch->refuse("a list of lists of percentages, one a seed");
    for (const Config& seed : pytorch->items()) row.pytorch.push_back(read_numbers(seed));
  }
  return row;
}

int read_count(const Config& config) { return static_cast<int>(config.integer(1, 1'000'000)); }

}  // namespace

double mean(const std::vector<double>& values) {
  return std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
}

double spread(const std::vector<double>& values) {
  if (values.size() < 2) return 0;
  const double middle = mean(values);
  double squares = 0;
  for (const double value : values) squares += (value - middle) * (value - middle);
  return std::sqrt(squares / static_cast<double>(values.size() - 1));
}

Study read_study(const fs::path& path) {
  const Config config = Config::from_file(path);
  workloads::require_kind(config, workloads::FileKind::study);
  config.allow_only({"title", "paper_epochs", "paper_seeds", "default", "pytorch", "rows"});
  Study study;
  study.name = path.stem().string();
  study.title = config.at("title").text();
  if (const Config* epochs = config.find("paper_epochs")) study.paper_epochs = read_count(*epochs);
  if (const Config* seeds = config.find("paper_seeds")) study.paper_seeds = read_count(*seeds);
  const Config& usual = config.at("default");
  usual.allow_only({"epochs", "seeds", "subset", "test"});
  study.usual.epochs = read_count(usual.at("epochs"));
  study.usual.seeds = read_count(usual.at("seeds"));
  if (const Config* subset = usual.find("subset")) study.usual.subset = read_count(*subset);
  if (const Config* test = usual.find("test")) study.usual.test = read_count(*test);
  if (const Config* pytorch = config.find("pytorch")) {
    pytorch->allow_only({"epochs", "images"});
    study.pytorch_epochs = read_count(pytorch->at("epochs"));
    study.pytorch_images = read_count(pytorch->at("images"));
  }
  const Config& rows = config.at("rows");
  if (!rows.is_list() || rows.items().empty()) rows.refuse("a list of at least one row");
  for (const Config& row : rows.items()) study.rows.push_back(read_row(row));
  return study;
}

Experiment row_experiment(const Study& study, const StudyRow& row, const StudySetting& setting,
                          int seed) {
  Experiment experiment = sim::read_experiment(row.experiment, row.overrides);
  if (!workloads::decides(experiment.rule_options)) {
    throw workloads::InputError(row.experiment.string() +
                                ": targets: inputs; allowed in a study: labels, as it compares "
                                "accuracies");
  }
  experiment.seed = static_cast<std::uint64_t>(seed);
  if (!setting.data.empty()) {
    // What `workloads/data/fetch` makes is a folder with one for each set.
    const fs::path inner = setting.data / experiment.data.set;
    experiment.data.folder = fs::is_directory(inner) ? inner : setting.data;
  }
  if (setting.subset) experiment.data.train = setting.subset;
  if (setting.test) experiment.data.test = setting.test;
  experiment.training.epochs = setting.epochs;
  if (setting.epochs != study.paper_epochs) {
    const auto epochs = [&](double share) {
      return static_cast<int>(std::lround(share * setting.epochs));
    };
    const int first = std::max(1, epochs(0.6)), second = std::max(first + 1, epochs(0.8));
    experiment.schedule = sim::RateSchedule::drops(5, {first, second});
  }
  return experiment;
}

namespace {

/// The data of a row, loaded again only where it is another row's.
class DataCache {
 public:
  const workloads::DataSplit& of(const Experiment& experiment) {
    const sim::DataSource& source = experiment.data;
    const workloads::ImageShape& input = experiment.network.input;
    const std::string key =
        fmt::format("{} {} {} {} {} {} {}x{}x{} {}", source.set, source.folder.string(),
                    source.standardise, source.train.value_or(-1), source.test.value_or(-1),
                    source.set == "random" ? experiment.seed : 0, input.channels, input.height,
                    input.width, experiment.network.classes);
    if (key != key_) data_ = sim::load_data(experiment);
    key_ = key;
    return data_;
  }

 private:
  std::string key_;
  workloads::DataSplit data_;
};

std::unique_ptr<sim::Trainee> make_trainee(const Experiment& experiment, bool direct) {
  if (direct) return std::make_unique<sim::DirectTraining>(experiment);
  return std::make_unique<sim::Simulation>(experiment);
}

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace

double estimate_seconds(const Study& study, const StudySetting& setting) {
  double total = 0;
  DataCache cache;
  for (const StudyRow& row : study.rows) {
    const Experiment experiment = row_experiment(study, row, setting, 1);
    const workloads::DataSplit& data = cache.of(experiment);
    sim::require_enough_images(experiment, data);
    const auto trainee = make_trainee(experiment, setting.direct);
    const sim::Batch batch = sim::make_batch(data.train, 0, experiment.batch);
    trainee->run_step(batch);  // makes what later steps find ready
    const double step = seconds_of([&] { trainee->run_step(batch); });
    const auto per_epoch = data.train.size() / experiment.batch;
    // Measuring the test set is a forward pass: about a third of a step without the device.
    const auto looks =
        static_cast<double>(data.test.size()) / static_cast<double>(experiment.batch);
    total += setting.epochs * setting.seeds * step * (static_cast<double>(per_epoch) + looks / 3);
  }
  return total;
}

namespace {

/// A name that tells apart all runs that differ in anything.
std::string checkpoint_name(const Study& study, std::size_t row, const Experiment& experiment,
                            const workloads::DataSplit& data, const StudySetting& setting) {
  const std::string sum = sim::fingerprint(sim::run_settings(experiment, data, setting.direct));
  return fmt::format("{}-row{}-{}epochs-seed{}-{}.checkpoint", study.name, row + 1, setting.epochs,
                     experiment.seed, sum);
}

/// The last epoch; of layers that were trained one after the other, each one's last.
sim::Epoch final_accuracies(const std::vector<sim::Epoch>& history) {
  sim::Epoch result;
  for (const sim::Epoch& epoch : history) {
    for (std::size_t i = 0; i < epoch.layers.size(); ++i) {
      const auto known = std::ranges::find(result.layers, epoch.layers[i]);
      const auto at = static_cast<std::size_t>(known - result.layers.begin());
      if (known == result.layers.end()) {
        result.layers.push_back(epoch.layers[i]);
        result.test_accuracy.emplace_back();
        result.train_accuracy.emplace_back();
      }
      result.test_accuracy[at] = epoch.test_accuracy[i];
      result.train_accuracy[at] = epoch.train_accuracy[i];
    }
  }
  return result;
}

}  // namespace

StudyResult run_study(const Study& study, const StudySetting& setting,
                      const StudyProgress& progress) {
  StudyResult result{study, setting, 0, 0, {}};
  DataCache cache;
  for (std::size_t r = 0; r < study.rows.size(); ++r) {
    const StudyRow& row = study.rows[r];
    StudyOutcome outcome;
    for (int seed = 1; seed <= setting.seeds; ++seed) {
      const Experiment experiment = row_experiment(study, row, setting, seed);
      const workloads::DataSplit& data = cache.of(experiment);
      result.train_images = data.train.size();
      result.test_images = data.test.size();
      sim::TrainingOptions options;
      options.direct = setting.direct;
      options.stop = progress.stop;
      if (setting.checkpoints) {
        options.checkpoint =
            *setting.checkpoints / checkpoint_name(study, r, experiment, data, setting);
      }
      options.progress = [&](const sim::TrainingProgress& at) {
        if (!progress.now) return;
        progress.now(fmt::format("{}, seed {}/{}, epoch {}/{}, step {}/{}", row.label, seed,
                                 setting.seeds, at.epoch, setting.epochs, at.step, at.steps));
      };
      const sim::TrainingResult trained = sim::train(experiment, data, options);
      if (trained.stopped) throw StudyStopped("stopped in " + row.label);
      const sim::Epoch last = final_accuracies(trained.state.history);
      outcome.layers = last.layers;
      outcome.test.resize(last.layers.size());
      outcome.train.resize(last.layers.size());
      for (std::size_t i = 0; i < last.layers.size(); ++i) {
        outcome.test[i].push_back(100 * last.test_accuracy[i]);
        outcome.train[i].push_back(100 * last.train_accuracy[i]);
      }
      const sim::Traffic& traffic = trained.state.traffic;
      outcome.traffic.dram_read += traffic.dram_read;
      outcome.traffic.dram_write += traffic.dram_write;
      outcome.traffic.macs += traffic.macs;
      outcome.traffic.time_ps += traffic.time_ps;
      outcome.traffic.steps += traffic.steps;
    }
    if (progress.row) {
      std::string text = row.label + ":";
      for (const auto& seeds : outcome.test) text += fmt::format(" {:.2f}", mean(seeds));
      progress.row(text);
    }
    result.outcomes.push_back(std::move(outcome));
  }
  return result;
}

}  // namespace spillway::analysis
