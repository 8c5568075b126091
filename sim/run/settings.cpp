#include "sim/run/settings.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <string_view>

#include "models/dram/placement.hpp"
#include "sim/run/checksum.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

std::string pair_text(const std::array<std::int64_t, 2>& pair) {
  return pair[0] == pair[1] ? std::to_string(pair[0]) : fmt::format("[{}, {}]", pair[0], pair[1]);
}

std::string padding_text(const workloads::Window& window) {
  const std::string begin = pair_text(window.padding_begin), end = pair_text(window.padding_end);
  return begin == end ? begin : begin + " before, " + end + " behind";
}

std::string pool_text(const std::optional<workloads::Window>& pool) {
  if (!pool) return "none";
  return fmt::format("kernel {}, stride {}, padding {}", pair_text(pool->kernel),
                     pair_text(pool->stride), padding_text(*pool));
}

void add_layer(Settings& settings, const workloads::Layer& layer, std::size_t number) {
  const auto add = [&](const char* key, const auto& value) {
    settings.push_back(
        {fmt::format("network.layers[{}].{}", number, key), fmt::format("{}", value)});
  };
  add("name", layer.name);
  add("type", name_in(workloads::layer_kind_names, layer.kind));
  add("out", layer.outputs);
  add("kernel", pair_text(layer.window.kernel));
  add("stride", pair_text(layer.window.stride));
  add("padding", padding_text(layer.window));
  add("groups", layer.groups);
  add("bias", layer.bias);
  add("batch_norm", layer.batch_norm);
  add("relu", layer.relu);
  // Of layers without one it has always been said that they have no max_pool.
  const workloads::PoolSpec pool = layer.pool.value_or(workloads::PoolSpec{});
  const workloads::PoolRow& row = workloads::pool_row(pool.kind);
  add(row.key.c_str(), pool_text(layer.pool_window));
  for (const auto& [key, value] : row.settings(pool)) add((row.key + "." + key).c_str(), value);
  add("dropout", layer.dropout);
  // What every layer of a chain has is the usual.
  if (layer.relu6) add("relu6", true);
  if (layer.inputs != std::vector{static_cast<int>(number)}) {
    add("from", fmt::format("{}", fmt::join(layer.inputs, ", ")));
  }
}

void add_optimizer(Settings& settings, const workloads::Optimizer& optimizer) {
  const auto add = [&](const char* key, const auto& value, bool usual = false) {
    settings.push_back({fmt::format("optimizer.{}", key), fmt::format("{}", value), usual});
  };
  add("kind", to_string(optimizer.kind), optimizer.is_sgd());
  add("rate", optimizer.rate);
  if (optimizer.is_sgd()) {
    add("momentum", optimizer.momentum);
  } else {
    add("beta1", optimizer.beta1);
    add("beta2", optimizer.beta2);
    add("epsilon", optimizer.epsilon);
  }
  add("weight_decay", optimizer.weight_decay, optimizer.weight_decay == 0);
}

std::string names_of(const Idealisations& idealisations) {
  std::vector<std::string> names;
  for (const Item item : all_items()) {
    if (idealisations.contains(item)) names.push_back(to_string(item));
  }
  return names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "));
}

/// The front of a set, which tells it from others.
template <class Value>
std::string mark_of(const std::vector<Value>& values) {
  const std::size_t some = std::min<std::size_t>(values.size(), 1 << 20);
  return fmt::format(
      "{:08x}", checksum({reinterpret_cast<const char*>(values.data()), some * sizeof(Value)}));
}

void add_data(Settings& settings, const Experiment& experiment, const workloads::DataSplit& data) {
  const auto add = [&](const char* key, const std::string& value) {
    settings.push_back({key, value});
  };
  add("data.base", experiment.data.set);
  add("data.train", std::to_string(data.train.size()));
  add("data.test", std::to_string(data.test.size()));
  add("data.standardise", fmt::format("{}", experiment.data.standardise));
  add("data (checksum of the training images)", mark_of(data.train.images));
  add("data (checksum of the training labels)", mark_of(data.train.labels));
  add("data (checksum of the test images)", mark_of(data.test.images));
  add("data (checksum of the test labels)", mark_of(data.test.labels));
}

void add_device(Settings& settings, const models::DeviceConfig& device) {
  const auto add = [&](const char* key, const auto& value) {
    settings.push_back({fmt::format("device.{}", key), fmt::format("{}", value)});
  };
  add("clock_mhz", 1e6 / static_cast<double>(device.clock_period.count()));
  add("buffer", device.buffer.count());
  add("buffer_port", device.buffer_port.count());
  add("queue_depth", device.queue_depth);
  add("array.rows", device.array_rows);
  add("array.columns", device.array_columns);
  add("array.dataflow", name_in(models::dataflow_names, device.dataflow));
  if (device.vector_unit) {
    add("vector.lanes", device.vector_unit->lanes);
    add("vector.clock_mhz", 1e6 / static_cast<double>(device.vector_unit->clock_period.count()));
  }
  add("host.bandwidth_gb_per_s",
      device.host_bytes_per_ns ? fmt::format("{}", *device.host_bytes_per_ns) : "none");
  const models::dram::DramDevice& dram = device.dram;
  add("dram.name", dram.name);
  add("dram.channels", dram.channels);
  add("dram.interleave", dram.interleave_bytes);
  add("dram.grain", device.dram_chunk.count());
  add("dram.mapping", dram.mapping_name);
  add("dram.controller", scheduler_name(dram.controller.scheduler));
  add("dram.placement", models::dram::placement_name(dram.placement));
  // The rest of them, times above all, in one.
  add("dram (all it counts and times by)", describe(dram));
}

}  // namespace

Settings network_settings(const Experiment& experiment) {
  const workloads::Network& network = experiment.network;
  const workloads::ImageShape& input = network.input;
  Settings settings{
      {"network.input", fmt::format("[{}, {}, {}]", input.channels, input.height, input.width)},
      {"network.classes", std::to_string(network.classes)},
      {"network.readout", name_in(workloads::readout_names, network.readout)},
      {"network.input_dropout", fmt::format("{}", network.input_dropout)},
      {"network.layers", std::to_string(network.layers.size())}};
  for (std::size_t i = 0; i < network.layers.size(); ++i) {
    add_layer(settings, network.layers[i], i);
  }
  settings.push_back({"rule", experiment.rule});
  settings.push_back({"rule.distribution", name_in(workloads::distribution_names,
                                                   experiment.rule_options.distribution)});
  return settings;
}

Settings run_settings(const Experiment& experiment, const workloads::DataSplit& data, bool direct) {
  Settings settings = network_settings(experiment);
  const auto add = [&](const char* key, const auto& value) {
    settings.push_back({key, fmt::format("{}", value)});
  };
  const workloads::RuleOptions& rule = experiment.rule_options;
  add("rule.loss", to_string(rule.loss));
  add("rule.targets", to_string(rule.targets));
  add("rule.fix", rule.fix);
  add("rule.classifier_rate",
      rule.classifier_rate ? fmt::format("{}", *rule.classifier_rate) : "optimizer.rate");
  add("rule.feedback_scale", rule.feedback_scale);
  settings.push_back({"rule.random", name_in(workloads::random_matrices_names, rule.random),
                      rule.random == workloads::RandomMatrices::generated});
  if (rule.block_count || !rule.block_ends.empty()) {
    add("rule.blocks", fmt::format("{}", fmt::join(layers_trained_apart(experiment), ", ")));
  }
  add("batch", experiment.batch);
  add("seed", experiment.seed);
  add_optimizer(settings, experiment.optimizer);
  add("optimizer.schedule", experiment.schedule.description());
  const TrainingPlan& training = experiment.training;
  add("training.order", training.layer_by_layer ? "layer-by-layer" : "simultaneous");
  // Trained one after the other, layers cannot be given more epochs afterwards.
  if (training.layer_by_layer) add("training.epochs", training.epochs);
  add("training.validation", training.validation);
  add("training.enough_gain", training.enough_gain);
  add_data(settings, experiment, data);
  add("idealisations", names_of(experiment.idealisations));
  add("policy", to_string(experiment.policy));
  settings.push_back(
      {"objective", std::string(name_in(objective_names, experiment.objective)),
       !heeds_objective(experiment.policy) || experiment.objective == Objective::words});
  add("trained", direct ? "without a device" : "through the device");
  add_device(settings, experiment.device);
  return settings;
}

std::string fingerprint(const Settings& settings) {
  std::string text;
  for (const Setting& setting : settings) {
    if (!setting.usual) text += setting.name + "=" + setting.value + "\n";
  }
  return fmt::format("{:08x}", checksum(text));
}

std::string differences(const Settings& checkpoint, const Settings& now) {
  constexpr std::size_t most_shown = 6, longest = 300;
  std::vector<std::string> found;
  for (const Setting& setting : now) {
    const auto other = std::ranges::find(checkpoint, setting.name, &Setting::name);
    if (other == checkpoint.end() && setting.usual) continue;
    const std::string before = other == checkpoint.end() ? "not set" : other->value;
    if (before == setting.value) continue;
    // What sums up others says nothing that they have not said.
    const std::size_t sum = setting.name.find(" (");
    const std::string group = setting.name.substr(0, sum);
    const bool said = sum != std::string::npos && std::ranges::any_of(found, [&](const auto& text) {
                        return text.starts_with(group + ".");
                      });
    if (said) continue;
    found.push_back(fmt::format("{} is {} in the checkpoint and {} now", setting.name,
                                workloads::printable(before, longest),
                                workloads::printable(setting.value, longest)));
  }
  const std::size_t shown = std::min(found.size(), most_shown);
  const std::size_t left = found.size() - shown;
  found.resize(shown);
  return fmt::format("{}{}", fmt::join(found, "; "),
                     left == 0 ? "" : fmt::format("; and {} more", left));
}

}  // namespace spillway::sim
