#include "analysis/studies/study_run.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <optional>

#include "sim/run/checkpoint.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using sim::Experiment;

namespace {

/// What a crash costs at most, of runs whose epochs take longer.
constexpr std::chrono::seconds checkpoint_interval{60};

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

double seconds_of(const std::function<void()>& work) {
  const auto begin = std::chrono::steady_clock::now();
  work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

/// Of a training step, with its share of the looks at the test set after each epoch.
double expected_step_seconds(const Experiment& experiment, const workloads::DataSplit& data,
                             bool direct) {
  std::unique_ptr<sim::Trainee> trainee;
  if (direct) {
    trainee = std::make_unique<sim::DirectTraining>(experiment);
  } else {
    trainee = std::make_unique<sim::Simulation>(experiment);
  }
  const sim::Batch batch = sim::make_batch(data.train, 0, experiment.batch);
  trainee->run_step(batch);  // makes what later steps find ready
  const double step = seconds_of([&] { trainee->run_step(batch); });
  // Measuring the test set is a forward pass: about a third of a step without the device.
  const auto looks = static_cast<double>(data.test.size());
  return step * (1 + looks / 3 / static_cast<double>(data.train.size()));
}

/// What the checkpoints of one row and seed begin with, whatever the settings.
std::string checkpoint_prefix(const Study& study, std::size_t row) {
  return fmt::format("{}-row{}-", study.name, row + 1);
}

std::string checkpoint_suffix(const Experiment& experiment, const std::string& sum) {
  return fmt::format("-seed{}-{}.checkpoint", experiment.seed, sum);
}

/// A name that tells apart all runs that differ in anything.
std::string checkpoint_name(const Study& study, std::size_t row, const Experiment& experiment,
                            const workloads::DataSplit& data, const StudySetting& setting) {
  const std::string sum = sim::fingerprint(sim::run_settings(experiment, data, setting.direct));
  return fmt::format("{}{}epochs{}", checkpoint_prefix(study, row), setting.epochs,
                     checkpoint_suffix(experiment, sum));
}

/// Checkpoints of the same row and seed in a folder, in the order of their names.
std::vector<fs::path> checkpoints_of(const Study& study, std::size_t row,
                                     const Experiment& experiment, const fs::path& folder) {
  const std::string prefix = checkpoint_prefix(study, row);
  const std::string sum(8, '?'), suffix = checkpoint_suffix(experiment, sum);
  const std::string middle = suffix.substr(0, suffix.find('?'));
  std::vector<fs::path> found;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(prefix) && name.ends_with(".checkpoint") &&
        name.find(middle) != std::string::npos) {
      found.push_back(entry.path());
    }
  }
  std::ranges::sort(found);
  return found;
}

/// How a run that is kept in the place of the wanted one differs from it.
std::string what_differs(const fs::path& kept, const sim::Settings& settings) {
  const std::string settings_text = sim::checkpoint_differences(kept, settings);
  const std::string name = kept.filename().string();
  return name + ": " + (settings_text.empty() ? "another number of epochs" : settings_text);
}

/// Without the device: what one step of a row would move through it, by the layer trained (0: all).
class StepTraffic {
 public:
  explicit StepTraffic(const Experiment& experiment) : experiment_(experiment) {}

  const sim::Traffic& of(int layer) {
    const auto known = by_layer_.find(layer);
    if (known != by_layer_.end()) return known->second;
    sim::Simulation step(experiment_, sim::make_plan(experiment_, layer), {.values = false});
    sim::Traffic traffic;
    traffic.add(step.run_step({}));
    return by_layer_[layer] = traffic;
  }

 private:
  const Experiment& experiment_;
  std::map<int, sim::Traffic> by_layer_;
};

void add_times(sim::Traffic& sum, const sim::Traffic& part, std::uint64_t times = 1) {
  sum.dram_read += times * part.dram_read;
  sum.dram_write += times * part.dram_write;
  sum.host_read += times * part.host_read;
  sum.host_write += times * part.host_write;
  sum.macs += times * part.macs;
  sum.time_ps += times * part.time_ps;
  sum.steps += times * part.steps;
}

/// Which layer an epoch trained: 0 for all.
int layer_of(const Experiment& experiment, const sim::Epoch& epoch) {
  if (!experiment.training.layer_by_layer) return 0;
  const auto& layers = experiment.network.layers;
  const auto at = std::ranges::find(layers, epoch.layers.front(), &workloads::Layer::name);
  return static_cast<int>(at - layers.begin()) + 1;
}

/// Takes in the run of one seed, epoch by epoch.
void add_history(StudyOutcome& outcome, const std::vector<sim::Epoch>& history,
                 std::size_t seed_index) {
  for (const sim::Epoch& epoch : history) {
    for (std::size_t i = 0; i < epoch.layers.size(); ++i) {
      const auto known = std::ranges::find(outcome.layers, epoch.layers[i]);
      const auto at = static_cast<std::size_t>(known - outcome.layers.begin());
      if (known == outcome.layers.end()) outcome.layers.push_back(epoch.layers[i]);
      for (auto* values : {&outcome.test, &outcome.train}) {
        values->resize(outcome.layers.size());
        (*values)[at].resize(seed_index + 1);
      }
      outcome.by_epoch.resize(outcome.layers.size());
      outcome.by_epoch[at].resize(seed_index + 1);
      outcome.test[at][seed_index] = 100 * epoch.test_accuracy[i];
      outcome.train[at][seed_index] = 100 * epoch.train_accuracy[i];
      outcome.by_epoch[at][seed_index].push_back(100 * epoch.test_accuracy[i]);
    }
  }
}

/// Adds the traffic of one run: its own, or that of a step times its steps.
void add_traffic(StudyOutcome& outcome, const Experiment& experiment,
                 const sim::TrainingState& state, bool direct, StepTraffic& of_a_step) {
  outcome.epochs += state.history.size();
  if (!direct) {
    add_times(outcome.traffic, state.traffic);
    return;
  }
  const std::uint64_t steps = state.traffic.steps / state.history.size();
  try {
    for (const sim::Epoch& epoch : state.history) {
      add_times(outcome.traffic, of_a_step.of(layer_of(experiment, epoch)), steps);
    }
  } catch (const workloads::InputError& error) {
    outcome.not_counted = error.what();
    outcome.traffic.steps += state.traffic.steps;
  }
}

}  // namespace

std::vector<RunOutlook> look_ahead(const Study& study, const StudySetting& setting) {
  std::vector<RunOutlook> runs;
  DataCache cache;
  for (std::size_t row = 0; row < study.rows.size(); ++row) {
    std::optional<double> step_seconds;
    for (int seed = 1; seed <= setting.seeds; ++seed) {
      const Experiment experiment = row_experiment(study, study.rows[row], setting, seed);
      const workloads::DataSplit& data = cache.of(experiment);
      sim::require_enough_images(experiment, data);
      RunOutlook run{row, seed, sim::training_steps(experiment, data)};
      if (setting.checkpoints) {
        const sim::Settings settings = sim::run_settings(experiment, data, setting.direct);
        run.checkpoint =
            *setting.checkpoints / checkpoint_name(study, row, experiment, data, setting);
        if (fs::exists(run.checkpoint)) {
          const auto state = sim::read_checkpoint(run.checkpoint, settings);
          run.kept = sim::training_steps_done(experiment, data, state);
        } else {
          const auto others = checkpoints_of(study, row, experiment, *setting.checkpoints);
          if (!others.empty()) run.other = what_differs(others.back(), settings);
        }
      }
      if (run.kept < run.steps) {
        if (!step_seconds) step_seconds = expected_step_seconds(experiment, data, setting.direct);
        run.step_seconds = *step_seconds;
      }
      runs.push_back(std::move(run));
    }
  }
  return runs;
}

double seconds_ahead(const std::vector<RunOutlook>& runs) {
  double seconds = 0;
  for (const RunOutlook& run : runs) {
    seconds += static_cast<double>(run.steps - std::min(run.kept, run.steps)) * run.step_seconds;
  }
  return seconds;
}

StudyResult run_study(const Study& study, const StudySetting& setting,
                      const StudyProgress& progress) {
  StudyResult result{study, setting, 0, 0, {}};
  DataCache cache;
  for (std::size_t r = 0; r < study.rows.size(); ++r) {
    const StudyRow& row = study.rows[r];
    const Experiment first = row_experiment(study, row, setting, 1);
    StepTraffic of_a_step(first);
    StudyOutcome outcome;
    for (int seed = 1; seed <= setting.seeds; ++seed) {
      const auto index = static_cast<std::size_t>(seed) - 1;
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
        options.checkpoint_interval = checkpoint_interval;
      }
      options.progress = [&](const sim::TrainingProgress& at) {
        if (!progress.now) return;
        const std::size_t run = r * static_cast<std::size_t>(setting.seeds) + index;
        progress.now({run, at.steps_left,
                      fmt::format("{}, seed {}/{}, epoch {}/{}, step {}/{}", row.label, seed,
                                  setting.seeds, at.epoch, setting.epochs, at.step, at.steps)});
      };
      const sim::TrainingResult trained = sim::train(experiment, data, options);
      if (trained.stopped) throw StudyStopped("stopped in " + row.label);
      add_history(outcome, trained.state.history, index);
      add_traffic(outcome, experiment, trained.state, setting.direct, of_a_step);
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
