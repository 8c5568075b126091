#include "analysis/sweeps/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

using workloads::Config;

namespace {

struct KnownMetric {
  Metric metric;
  std::vector<PointCommand> commands;  ///< that give it
};

const std::vector<KnownMetric>& known_metrics() {
  using enum PointCommand;
  static const std::vector<PointCommand> all{plan, count, run, train}, steps{plan, count, run},
      timed{count, run, train}, runs{count, run};
  static const std::vector<KnownMetric> metrics{
      {{"words", {"dram.read_words", "dram.write_words"}, {}, 1, "words"}, all},
      {{"read_words", {"dram.read_words"}, {}, 1, "words"}, all},
      {{"write_words", {"dram.write_words"}, {}, 1, "words"}, all},
      {{"host_words", {"host.read_words", "host.write_words"}, {}, 1, "words"}, steps},
      {{"bytes", {"dram.read_bytes", "dram.write_bytes"}, {}, 1, "bytes"}, runs},
      {{"macs", {"macs", "macs_readout"}, {}, 1, "MACs"}, steps},
      {{"macs_again", {"macs_again", "macs_readout_again"}, {}, 1, "MACs"}, steps},
      {{"high_water_bytes", {"buffer.high_water_bytes"}, {}, 1, "bytes"}, steps},
      {{"cycles", {"cycles"}, {}, 1, "cycles"}, runs},
      {{"time_ms", {"time_ns"}, {}, 1e-6, "ms"}, timed},
      {{"energy_mj", {"dram.energy_pJ.total"}, {}, 1e-9, "mJ"}, runs},
      {{"energy_delay", {"dram.energy_pJ.total"}, {"time_ns"}, 1e-15, "mJ ms"}, runs},
      {{"device_energy_mj", {"energy.total_pJ"}, {}, 1e-9, "mJ"}, runs},
      {{"area_mm2", {"area.total_mm2"}, {}, 1, "mm2"}, steps},
      {{"accuracy", {"epochs[-1].test_accuracy[-1]"}, {}, 1, ""}, {train}},
      {{"loss", {"epochs[-1].loss"}, {}, 1, ""}, {train}},
      {{"steps", {"steps"}, {}, 1, "steps"}, {train}},
  };
  return metrics;
}

bool gives(const KnownMetric& known, PointCommand command) {
  return std::ranges::find(known.commands, command) != known.commands.end();
}

/// One step of a path into a result: a key, or an index from the front or (-1) from the end.
const Json* step_into(const Json* json, const std::string& part) {
  if (json->is_object()) {
    const auto found = json->find(part);
    return found == json->end() ? nullptr : &*found;
  }
  long long index = 0;
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), index);
  if (!json->is_array() || error != std::errc{} || end != part.data() + part.size()) return nullptr;
  if (index < 0) index += static_cast<long long>(json->size());
  if (index < 0 || index >= static_cast<long long>(json->size())) return nullptr;
  return &(*json)[static_cast<std::size_t>(index)];
}

std::optional<double> number_at(const Json& result, const std::string& path) {
  const Json* json = &result;
  for (std::size_t begin = 0; begin < path.size();) {
    const std::size_t end = std::min(path.find_first_of(".[", begin), path.size());
    std::string part = path.substr(begin, end - begin);
    if (part.ends_with(']')) part.pop_back();
    json = step_into(json, part);
    if (json == nullptr) return std::nullopt;
    begin = end + 1;
  }
  if (json->is_boolean()) return json->get<bool>() ? 1 : 0;
  if (!json->is_number()) return std::nullopt;
  return json->get<double>();
}

Metric read_own_metric(const Config& config) {
  config.allow_only({"name", "key", "scale"});
  Metric metric;
  metric.name = config.at("name").text();
  const Config& key = config.at("key");
  if (key.is_list()) {
    for (const Config& each : key.items()) metric.keys.push_back(each.text());
  } else {
    metric.keys.push_back(key.text());
  }
  if (metric.keys.empty()) key.refuse("a key of the result such as dram.row_hits, or several");
  if (const Config* scale = config.find("scale")) metric.scale = scale->number();
  return metric;
}

}  // namespace

std::vector<std::string> metric_names(PointCommand command) {
  std::vector<std::string> names;
  for (const KnownMetric& known : known_metrics()) {
    if (gives(known, command)) names.push_back(known.metric.name);
  }
  return names;
}

Metric read_metric(const Config& config, PointCommand command) {
  if (config.is_map()) return read_own_metric(config);
  const std::vector<std::string> names = metric_names(command);
  const std::string name = config.text();
  for (const KnownMetric& known : known_metrics()) {
    if (known.metric.name != name) continue;
    if (gives(known, command)) return known.metric;
    config.refuse(fmt::format("what `{}` gives: {}, or a map with name and key",
                              name_in(point_command_names, command), workloads::joined(names)));
  }
  config.refuse(workloads::joined(names) + ", or a map with name and key",
                workloads::did_you_mean(name, names));
}

std::optional<double> value_of(const Metric& metric, const Json& result) {
  double sum = 0;
  for (const std::string& key : metric.keys) {
    const std::optional<double> value = number_at(result, key);
    if (!value) return std::nullopt;
    sum += *value;
  }
  for (const std::string& key : metric.times) {
    const std::optional<double> value = number_at(result, key);
    if (!value) return std::nullopt;
    sum *= *value;
  }
  return sum * metric.scale;
}

}  // namespace spillway::analysis
