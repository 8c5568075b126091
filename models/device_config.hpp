// A device as its YAML file states it, checked. All modules take it by const reference.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "models/compute_array.hpp"
#include "models/dram/device.hpp"
#include "models/energy/technology.hpp"
#include "models/engine_times.hpp"
#include "workloads/support/config.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;
using workloads::Cycles;
using workloads::Words;

/// Lanes for work on single elements, each of which does one a clock.
struct VectorUnit {
  std::uint64_t lanes = 0;
  Picoseconds clock_period;
};

struct DeviceConfig {
  std::string name;
  Picoseconds clock_period;  ///< of the array, the buffer port and the PRNG unit
  Bytes buffer;              ///< capacity of the on-chip buffer
  std::string buffer_where = "device.buffer: ";  ///< the place of that value, for messages
  Bytes buffer_port;              ///< bytes a cycle through each engine's side of the buffer
  std::uint64_t queue_depth = 8;  ///< instructions that wait in front of each engine
  std::uint64_t array_rows = 0, array_columns = 0;
  Dataflow dataflow = Dataflow::output_stationary;
  /// An engine of its own; absent: the array's columns do its work, between products.
  std::optional<VectorUnit> vector_unit;
  dram::DramDevice dram;
  Bytes dram_chunk;  ///< largest transaction; at most a row. Changes time, never counts
  std::optional<double> host_bytes_per_ns;  ///< absent: the host port is free of time

  std::optional<Technology> technology;  ///< absent: no energy on the chip, no area

  /// Throws InputError when a side is zero.
  ComputeArray array() const { return {array_rows, array_columns, dataflow}; }
  std::uint64_t vector_lanes() const { return vector_unit ? vector_unit->lanes : array_columns; }
  /// Of work on so many single elements.
  Picoseconds elementwise_time(std::uint64_t elements) const;
  /// All but the vector unit's where there is none.
  std::vector<EngineKind> engines() const;
};

/// Read a device from YAML. Throws InputError with file:line and key path.
DeviceConfig read_device(const workloads::Config& config);

}  // namespace spillway::models
