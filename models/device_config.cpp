#include "models/device_config.hpp"

#include <fmt/format.h>

#include <cmath>

namespace spillway::models {

namespace {

using workloads::Config;

Picoseconds read_ns(const Config& config, double minimum = 0) {
  return Picoseconds(static_cast<std::uint64_t>(std::llround(config.number(minimum, 1e9) * 1000)));
}

std::uint64_t read_count(const Config& config, std::int64_t maximum = 1 << 20) {
  return static_cast<std::uint64_t>(config.integer(1, maximum));
}

DramTimingConfig read_dram(const Config& config) {
  config.allow_only({"banks", "row", "burst", "chunk", "burst_ns", "activate_ns", "precharge_ns",
                     "row_active_min_ns", "read_latency_ns", "write_latency_ns",
                     "write_recovery_ns", "read_to_write_ns", "write_to_read_ns"});
  DramTimingConfig dram;
  dram.banks = read_count(config.at("banks"));
  dram.row = config.at("row").size();
  dram.burst = config.at("burst").size();
  if (dram.burst.count() % 4 != 0) config.at("burst").refuse("a whole number of 4-byte words");
  if (dram.row.count() % dram.burst.count() != 0) {
    config.at("row").refuse(
        fmt::format("a whole number of bursts of {} bytes", dram.burst.count()));
  }
  dram.burst_time = read_ns(config.at("burst_ns"), 0.001);
  dram.activate = read_ns(config.at("activate_ns"));
  dram.precharge = read_ns(config.at("precharge_ns"));
  dram.row_active_min = read_ns(config.at("row_active_min_ns"));
  dram.read_latency = read_ns(config.at("read_latency_ns"));
  dram.write_latency = read_ns(config.at("write_latency_ns"));
  dram.write_recovery = read_ns(config.at("write_recovery_ns"));
  dram.read_to_write = read_ns(config.at("read_to_write_ns"));
  dram.write_to_read = read_ns(config.at("write_to_read_ns"));
  return dram;
}

Bytes read_chunk(const Config& config, const DramTimingConfig& dram) {
  const Config* chunk = config.find("chunk");
  if (chunk == nullptr) return dram.row;
  const Bytes size = chunk->size();
  if (size > dram.row || dram.row.count() % size.count() != 0 ||
      size.count() % dram.burst.count() != 0) {
    chunk->refuse("a whole number of bursts that divides the row");
  }
  return size;
}

}  // namespace

std::string describe(const DeviceConfig& device) {
  const DramTimingConfig& dram = device.dram;
  std::string text = fmt::format(
      "clock {} ps, buffer {} by {}, queues {}, array {}x{} {}, host {}, DRAM {} banks {} {} {}",
      device.clock_period.count(), device.buffer.count(), device.buffer_port.count(),
      device.queue_depth, device.array_rows, device.array_columns,
      device.dataflow == Dataflow::output_stationary ? "output" : "weight",
      device.host_bytes_per_ns.value_or(0), dram.banks, dram.row.count(), dram.burst.count(),
      device.dram_chunk.count());
  for (const Picoseconds time :
       {dram.burst_time, dram.activate, dram.precharge, dram.row_active_min, dram.read_latency,
        dram.write_latency, dram.write_recovery, dram.read_to_write, dram.write_to_read}) {
    text += fmt::format(" {}", time.count());
  }
  return text;
}

DeviceConfig read_device(const Config& config) {
  config.allow_only(
      {"name", "clock_mhz", "buffer", "buffer_port", "queue_depth", "array", "dram", "host"});
  DeviceConfig device;
  device.name = config.at("name").text();
  const double mhz = config.at("clock_mhz").number(0.001, 1e6);
  device.clock_period = Picoseconds(static_cast<std::uint64_t>(std::llround(1e6 / mhz)));
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
  device.dataflow = array.at("dataflow").choice({"output-stationary", "weight-stationary"}) == 0
                        ? Dataflow::output_stationary
                        : Dataflow::weight_stationary;
  device.dram = read_dram(config.at("dram"));
  device.dram_chunk = read_chunk(config.at("dram"), device.dram);
  if (const Config* host = config.find("host")) {
    host->allow_only({"bandwidth_gb_per_s"});
    device.host_bytes_per_ns = host->at("bandwidth_gb_per_s").number(1e-6, 1e6);
  }
  return device;
}

}  // namespace spillway::models
