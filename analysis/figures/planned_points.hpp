// Plans of one step at many points, several at once: what figures of plans are made of.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "sim/experiment.hpp"
#include "workloads/network.hpp"
#include "workloads/support/units.hpp"

namespace spillway::analysis {

using workloads::Bytes;
using workloads::Macs;
using workloads::Words;

/// What one plan moves and computes.
struct BufferPoint {
  Words reads, writes;    ///< through the DRAM port
  std::string refusal;    ///< why the buffer is too small; "" when there is a plan
  Bytes smallest;         ///< the smallest buffer that works, where it is too small
  Macs macs, recomputed;  ///< sim/plan/planned_macs.hpp, the readout's left out
  bool pending = false;   ///< of an exploration that goes on: nobody has tried yet
  Words host_reads{0}, host_writes{0};
  Macs readout{0}, readout_recomputed{0};
  bool planned() const { return refusal.empty() && !pending; }
  Words words() const { return reads + writes; }
};

/// A network in the setting of figures of plans: plain SGD, everything in DRAM, nothing idealised,
/// and memory has room for any network and batch.
sim::Experiment plain_experiment(const workloads::Network& network, std::int64_t batch);

/// The plan of an experiment's step, or why its buffer is too small.
BufferPoint plan_point(const sim::Experiment& experiment);

/// How far many plans are.
struct ExplorationProgress {
  std::size_t begun, done, of;  ///< plans; without those that were known before
  std::string what;             ///< the plan that was begun last
};

/// Plans 0 … count - 1. `take` and `progress` are called one at a time, from any thread.
struct PlannedPoints {
  std::size_t count;
  std::size_t jobs;  ///< plans made at once; 0: one for each core
  std::function<std::string(std::size_t)> what;
  std::function<sim::Experiment(std::size_t)> experiment;
  std::function<void(std::size_t, BufferPoint)> take;
  std::function<void(const ExplorationProgress&)> progress{};
};
/// The first exception stops the rest and is thrown.
void plan_points(const PlannedPoints& points);

}  // namespace spillway::analysis
