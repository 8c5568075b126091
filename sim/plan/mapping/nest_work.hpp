// What a nest asks of the device's engines, and how long that takes: a model for the search, cheap
// and from the formulas that the device itself goes by.
#pragma once

#include <cstdint>
#include <vector>

#include "models/device_config.hpp"
#include "models/dram/run_losses.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// The device's speeds, as the model needs them. Times are in picoseconds.
class DevicePace {
 public:
  explicit DevicePace(const models::DeviceConfig& device);

  /// Of the bus, for bytes that stream at the peak of all channels, less what refreshes take.
  double bus(double bytes) const { return bytes * per_byte_; }
  /// Beside the data of each tile loaded: from the first request to the first data.
  double latency() const { return latency_; }
  /// The same in runs of so many bytes, with the rows that these open.
  double bus(double bytes, double run_bytes) const {
    return bus(bytes) * (1 + losses_.scattered(run_bytes));
  }
  /// Lost for a picosecond of data in runs of so many bytes, while as much goes the other way.
  double mixed(double run_bytes) const { return losses_.mixed(run_bytes); }
  std::int64_t burst_bytes() const { return burst_bytes_; }
  double cycles(double count) const { return count * period_; }
  /// A kernel on the array, the vector unit and the buffer port at once.
  double compute(models::Cycles array, double elements_ps, double port_bytes) const;
  /// Of work on single elements.
  double elements(double count) const;
  /// Work on single elements alone goes on beside products.
  bool has_vector_unit() const { return has_vector_unit_; }
  const models::ComputeArray& array() const { return array_; }
  /// Of DRAM chips and interface, in pJ: for a byte on the bus with the row activations that it
  /// takes in long runs, and for a picosecond of standby and refreshes. 0 without currents.
  double energy_per_byte() const { return energy_per_byte_; }
  double energy_per_ps() const { return energy_per_ps_; }

 private:
  models::ComputeArray array_;
  const models::dram::RunLosses& losses_;
  double vector_lanes_, vector_period_;
  bool has_vector_unit_;
  double period_ = 0, per_byte_ = 0, latency_ = 0, port_bytes_ = 1;
  std::int64_t burst_bytes_ = 0;
  double energy_per_byte_ = 0, energy_per_ps_ = 0;
};

/// Work of the engines for a nest.
struct NestWork {
  double load = 0, store = 0, compute = 0;  ///< ps that each engine is busy
  double bytes = 0;                         ///< over the bus, in whole bursts
  /// Ps from begin to end. In each turn of the loops what the next one needs is loaded, and what
  /// the one before made is stored, beside what is computed, where slots are double-buffered; loads
  /// and stores share the bus, and lose some of it to each other.
  double time = 0;
};
/// How the bytes of a tensor cross the bus.
struct BusRuns {
  double share = 1;  ///< bytes on the bus for each byte that is asked for
  double bytes = 0;  ///< of a run, in the mean
};
struct BusShare {
  /// Tiles are taken to lie as they are read: else in runs of a row-major tensor.
  bool contiguous = false;
  /// By tensor, where that is known.
  const std::vector<BusRuns>* known = nullptr;
};

/// `shape` has been set to the nest's loops and parts; of no rows at all: not known yet.
NestWork nest_work(const NestSpec& spec, const NestShape& shape, const std::vector<Loop>& loops,
                   const Parts& parts, const ResidentPrefixes& resident, const DevicePace& pace,
                   const BusShare& share = {});

/// What is paid for a picosecond and for a byte on the bus.
struct Price {
  double per_ps = 1, per_byte = 0;
  bool contiguous = false;  ///< as in BusShare

  double of(const NestWork& work) const { return per_ps * work.time + per_byte * work.bytes; }
};

}  // namespace spillway::sim
