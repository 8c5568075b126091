#include "analysis/figures/locality.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/lower_bound.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/output.hpp"
#include "sim/plan/lifetimes/whole_tensors.hpp"
#include "sim/run/training.hpp"

namespace spillway::analysis {

namespace {

/// From the natural blocks to one, and backpropagation.
std::vector<LocalitySetting> settings_of(const workloads::Network& network,
                                         const std::string& rule) {
  std::vector<LocalitySetting> settings;
  for (auto blocks = static_cast<int>(natural_blocks(network).size()); blocks > 0; --blocks) {
    settings.push_back({rule, blocks});
  }
  settings.push_back({"bp", std::nullopt});
  return settings;
}

Bytes alive_at_once(const workloads::Step& step) {
  std::vector<Words> alive(step.ops.size());
  for (const sim::Residency& residency : sim::lasting_residencies(step)) {
    if (residency.begin == sim::Residency::Begin::generate) continue;
    for (std::size_t op = residency.first; op <= residency.last; ++op) {
      alive[op] += words_of(residency, step);
    }
  }
  return Bytes(std::ranges::max(alive).count() * workloads::bytes_per_word);
}

std::optional<double> trained_accuracy(const sim::Experiment& experiment,
                                       const workloads::DataSplit& data, const std::string& title,
                                       const LocalityOptions& options) {
  sim::TrainingOptions training;
  training.direct = true;
  training.progress = [&](const sim::TrainingProgress& at) {
    if (!options.training) return;
    options.training(fmt::format("{}, epoch {}/{}, step {}/{}", title, at.epoch,
                                 experiment.training.epochs, at.step, at.steps));
  };
  const sim::TrainingResult result = sim::train(experiment, data, training);
  if (!workloads::decides(experiment.rule_options)) return std::nullopt;
  return result.state.history.back().test_accuracy.back();
}

}  // namespace

std::string setting_title(const LocalitySetting& setting) {
  if (!setting.blocks) return rule_title(setting.rule);
  return counted(static_cast<std::uint64_t>(*setting.blocks), "block");
}

std::vector<std::string> locality_rules() {
  std::vector<std::string> names;
  for (const workloads::LearningRule& rule : workloads::learning_rules()) {
    if (rule.local) names.push_back(rule.name);
  }
  return names;
}

sim::Experiment at_setting(sim::Experiment experiment, const LocalitySetting& setting) {
  workloads::RuleOptions& options = experiment.rule_options;
  if (experiment.rule != setting.rule) {
    workloads::RuleOptions others;
    others.loss = options.loss;
    others.targets = options.targets;
    options = others;
  }
  experiment.rule = setting.rule;
  options.block_ends.clear();
  options.block_count = setting.blocks;
  if (!setting.blocks) experiment.training.layer_by_layer = false;
  return experiment;
}

Locality explore_locality(const sim::Experiment& experiment, const std::vector<Bytes>& sizes,
                          const LocalityOptions& options) {
  const workloads::Network& network = experiment.network;
  workloads::require_supported(network);
  Locality result{
      network.name,   options.rule, static_cast<std::uint64_t>(experiment.batch), experiment.policy,
      options.epochs, true,         settings_of(network, options.rule),           {}};
  std::vector<sim::Experiment> experiments;
  std::vector<Bytes> needs;
  std::vector<Words> once;
  std::size_t chains = 0;
  for (const LocalitySetting& setting : result.settings) {
    experiments.push_back(at_setting(experiment, setting));
    require_fitting_rule(network, setting.rule, experiments.back().rule_options);
    const workloads::Step step = sim::training_step(experiments.back());
    needs.push_back(alive_at_once(step));
    once.push_back(compulsory_words(step));
    chains += step.is_chain;
  }
  const std::size_t settings = result.settings.size();
  result.searched_alike =
      !sim::heeds_objective(experiment.policy) || chains == 0 || chains == settings;
  for (const Bytes size : sizes) {
    for (std::size_t s = 0; s < settings; ++s) {
      result.rows.push_back({result.settings[s], size, {}, needs[s], once[s], {}, {}});
    }
  }
  PlannedPoints points{result.rows.size(), options.jobs, {}, {}, {}, options.progress};
  points.what = [&](std::size_t i) {
    return fmt::format("{} at {}", setting_title(result.rows[i].setting),
                       size_name(result.rows[i].buffer));
  };
  points.experiment = [&](std::size_t i) {
    sim::Experiment planned = experiments[i % settings];
    planned.device.buffer = result.rows[i].buffer;
    return planned;
  };
  points.take = [&](std::size_t i, BufferPoint point) { result.rows[i].point = std::move(point); };
  std::optional<workloads::DataSplit> data;
  if (options.epochs > 0) {
    data = sim::load_data(experiment);
    require_enough_images(experiment, *data);
  }
  plan_points(points);
  std::vector<std::optional<double>> accuracies(settings);
  for (std::size_t s = 0; data && s < settings; ++s) {
    experiments[s].training.epochs = options.epochs;
    accuracies[s] =
        trained_accuracy(experiments[s], *data, setting_title(result.settings[s]), options);
  }
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    LocalityRow& row = result.rows[i];
    row.accuracy = accuracies[i % settings];
    const LocalityRow& bp = result.rows[i - i % settings + settings - 1];
    if (!row.point.planned() || !bp.point.planned()) continue;
    row.over_bp =
        static_cast<double>(row.words().count()) / static_cast<double>(bp.words().count());
  }
  return result;
}

}  // namespace spillway::analysis
