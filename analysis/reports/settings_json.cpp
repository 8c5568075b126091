#include "analysis/reports/settings_json.hpp"

#include "analysis/reports/version.hpp"
#include "models/dram/placement.hpp"

namespace spillway::analysis {

using sim::Experiment;

namespace {

Json rule_options_json(const workloads::RuleOptions& options) {
  Json json = {{"loss", to_string(options.loss)},
               {"targets", to_string(options.targets)},
               {"distribution", name_in(workloads::distribution_names, options.distribution)},
               {"fix", options.fix},
               {"feedback_scale", options.feedback_scale}};
  if (options.classifier_rate) json["classifier_rate"] = *options.classifier_rate;
  if (options.random != workloads::RandomMatrices::generated) {
    json["random"] = name_in(workloads::random_matrices_names, options.random);
  }
  if (options.block_count) json["blocks"] = *options.block_count;
  if (!options.block_ends.empty()) json["blocks"] = options.block_ends;
  return json;
}

Json shape_json(const workloads::ImageShape& shape) {
  return {shape.channels, shape.height, shape.width};
}

Json window_json(const workloads::Window& window) {
  return {{"kernel", window.kernel},
          {"stride", window.stride},
          {"padding_begin", window.padding_begin},
          {"padding_end", window.padding_end}};
}

Json input_names(const workloads::Network& network, const workloads::Layer& layer) {
  Json names = Json::array();
  for (const int input : layer.inputs) {
    names.push_back(input == 0 ? "input" : network.layer(input).name);
  }
  return names;
}

/// In a network that is no chain each layer says what it reads.
Json layer_json(const workloads::Network& network, const workloads::Layer& layer) {
  const bool conv = layer.kind == workloads::LayerKind::conv;
  Json json = {{"layer", layer.name},
               {"type", name_in(workloads::layer_kind_names, layer.kind)},
               {"input", shape_json(layer.input)},
               {"output", shape_json(layer.output)}};
  if (conv) {
    json.update(window_json(layer.window));
    json["groups"] = layer.groups;
  }
  json["bias"] = layer.bias;
  json["batch_norm"] = layer.batch_norm;
  json["relu"] = layer.relu;
  if (layer.relu6) json["relu6"] = true;
  if (!network.is_chain()) json["from"] = input_names(network, layer);
  if (layer.pool) {
    const workloads::PoolRow& row = workloads::pool_row(layer.pool->kind);
    json[row.key] = window_json(*layer.pool_window);
    for (const auto& [key, value] : row.settings(*layer.pool)) json[row.key][key] = value;
  }
  json["dropout"] = layer.dropout;
  return json;
}

Json data_json(const sim::DataSource& data) {
  Json json = {{"set", data.set}, {"standardise", data.standardise}};
  if (!data.folder.empty()) json["folder"] = data.folder.string();
  if (data.train) json["train"] = *data.train;
  if (data.test) json["test"] = *data.test;
  return json;
}

Json device_json(const Experiment& experiment) {
  const models::DeviceConfig& device = experiment.device;
  const models::dram::DramDevice& dram = device.dram;
  Json json = {{"name", device.name},
               {"file", experiment.device_file},
               {"clock_mhz", 1e6 / static_cast<double>(device.clock_period.count())},
               {"clock_period_ps", device.clock_period.count()}};
  json["array"] = {{"rows", device.array_rows},
                   {"columns", device.array_columns},
                   {"dataflow", name_in(models::dataflow_names, device.dataflow)}};
  if (device.vector_unit) {
    const auto period = static_cast<double>(device.vector_unit->clock_period.count());
    json["vector"] = {{"lanes", device.vector_unit->lanes}, {"clock_mhz", 1e6 / period}};
  }
  json["buffer_bytes"] = device.buffer.count();
  json["buffer_port_bytes_per_cycle"] = device.buffer_port.count();
  json["queue_depth"] = device.queue_depth;
  if (device.host_bytes_per_ns) json["host_gb_per_s"] = *device.host_bytes_per_ns;
  if (device.technology) {
    json["technology"] = {{"name", device.technology->name},
                          {"buffer_law", device.technology->law}};
  }
  // All that times depend on; what matters most has keys of its own.
  json["dram"] = {{"name", dram.name},
                  {"channels", dram.channels},
                  {"mapping", dram.mapping_name},
                  {"controller", scheduler_name(dram.controller.scheduler)},
                  {"placement", models::dram::placement_name(dram.placement)},
                  {"grain_bytes", device.dram_chunk.count()},
                  {"clock_period_fs", dram.timing.clock_period_fs},
                  {"parameters", models::dram::describe(dram)}};
  return json;
}

/// Of what came after SGD with momentum, what is not as it was then.
Json optimizer_json(const workloads::Optimizer& optimizer) {
  Json json = Json::object();
  if (!optimizer.is_sgd()) json["kind"] = to_string(optimizer.kind);
  json["rate"] = optimizer.rate;
  if (optimizer.is_sgd()) {
    json["momentum"] = optimizer.momentum;
  } else {
    json["beta1"] = optimizer.beta1;
    json["beta2"] = optimizer.beta2;
    json["epsilon"] = optimizer.epsilon;
  }
  if (optimizer.weight_decay != 0) json["weight_decay"] = optimizer.weight_decay;
  return json;
}

}  // namespace

Json result_head(const Experiment& experiment, const std::string& command) {
  Json json = {{"schema", result_schema}, {"version", version()},
               {"command", command},      {"experiment", experiment.name},
               {"rule", experiment.rule}, {"batch", experiment.batch},
               {"seed", experiment.seed}, {"policy", to_string(experiment.policy)}};
  json["objective"] = name_in(sim::objective_names, experiment.objective);
  json["network"] = experiment.network.name;
  json.update(network_settings(experiment.network));
  json["rule_options"] = rule_options_json(experiment.rule_options);
  json["optimizer"] = optimizer_json(experiment.optimizer);
  Json idealised = Json::array();
  for (const sim::Item item : sim::all_items()) {
    if (experiment.idealisations.contains(item)) idealised.push_back(to_string(item));
  }
  json["idealisations"] = idealised;
  json["data"] = data_json(experiment.data);
  json["device"] = device_json(experiment);
  return json;
}

Json network_settings(const workloads::Network& network) {
  Json layers = Json::array();
  for (const workloads::Layer& layer : network.layers) layers.push_back(layer_json(network, layer));
  return {{"classes", network.classes},
          {"readout", name_in(workloads::readout_names, network.readout)},
          {"input_dropout", network.input_dropout},
          {"network_layers", layers}};
}

const std::vector<std::string>& setting_keys() {
  static const std::vector<std::string> keys{
      "experiment", "network", "classes",      "readout",       "input_dropout",  "network_layers",
      "rule",       "batch",   "rule_options", "seed",          "policy",         "objective",
      "optimizer",  "device",  "data",         "idealisations", "values_computed"};
  return keys;
}

}  // namespace spillway::analysis
