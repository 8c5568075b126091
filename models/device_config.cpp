#include "models/device_config.hpp"

#include <cmath>

#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::models {

namespace {

using workloads::Config;

std::uint64_t read_count(const Config& config, std::int64_t maximum = 1 << 20) {
  return static_cast<std::uint64_t>(config.integer(1, maximum));
}

Picoseconds read_period(const Config& clock_mhz) {
  const double mhz = clock_mhz.number(0.001, 1e6);
  return Picoseconds(static_cast<std::uint64_t>(std::llround(1e6 / mhz)));
}

}  // namespace

Picoseconds DeviceConfig::elementwise_time(std::uint64_t elements) const {
  const Picoseconds period = vector_unit ? vector_unit->clock_period : clock_period;
  return period * workloads::ceil_div(elements, vector_lanes());
}

std::vector<EngineKind> DeviceConfig::engines() const {
  std::vector<EngineKind> result(all_engines.begin(), all_engines.end());
  if (!vector_unit) std::erase(result, EngineKind::vector);
  return result;
}

DeviceConfig read_device(const Config& config) {
  workloads::require_kind(config, workloads::FileKind::device);
  config.allow_only({"name", "clock_mhz", "buffer", "buffer_port", "queue_depth", "array", "vector",
                     "dram", "host", "technology"});
  DeviceConfig device;
  device.name = config.at("name").text();
  device.clock_period = read_period(config.at("clock_mhz"));
  device.buffer = config.at("buffer").size();
  device.buffer_where = config.at("buffer").where();
  if (device.buffer.count() % 4 != 0 || device.buffer > Bytes(std::uint64_t{1} << 40)) {
    config.at("buffer").refuse("a whole number of 4-byte words up to 1024 GiB");
  }
  device.buffer_port = config.at("buffer_port").size();
  if (const Config* depth = config.find("queue_depth")) device.queue_depth = read_count(*depth);
  const Config& array = config.at("array");
  array.allow_only({"rows", "columns", "dataflow"});
  device.array_rows = read_count(array.at("rows"));
  device.array_columns = read_count(array.at("columns"));
  device.dataflow = array.at("dataflow").choice(dataflow_names);
  if (const Config* vector = config.find("vector")) {
    vector->allow_only({"lanes", "clock_mhz"});
    const Config* clock = vector->find("clock_mhz");
    device.vector_unit = {read_count(vector->at("lanes")),
                          clock != nullptr ? read_period(*clock) : device.clock_period};
  }
  device.dram = dram::read_dram_device(
      workloads::resolve_shared(config.at("dram"), "models/devices/dram", {"controller"}));
  device.dram_chunk = Bytes(device.dram.grain_bytes);
  if (const Config* host = config.find("host")) {
    host->allow_only({"bandwidth_gb_per_s"});
    device.host_bytes_per_ns = host->at("bandwidth_gb_per_s").number(1e-6, 1e6);
  }
  if (const std::optional<Config> technology = technology_of(config)) {
    device.technology = read_technology(*technology);
  }
  return device;
}

}  // namespace spillway::models
