// An experiment on its device: initial values, one step after another, the values afterwards.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "models/device.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/ledger.hpp"
#include "sim/plan/plan.hpp"

namespace spillway::sim {

/// What a layer's decisions were worth on one mini-batch.
struct Decision {
  std::string layer;
  double loss = 0;
  std::int64_t right = 0;  ///< of the batch
};

/// What one step on the device gave.
struct Result {
  Ledger ledger;                ///< words that the engines moved, by line
  models::Execution execution;  ///< the device's own counters
  std::vector<Decision> decisions;
};

/// One mini-batch of images and labels, in the order of the batch.
struct Batch {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
};

/// Examples `first`, `first + 1` … of `order` (of the whole set in file order when `order` is
/// empty), from the start again after the end.
Batch make_batch(const workloads::Dataset& data, std::size_t first, std::int64_t size,
                 std::span<const std::size_t> order = {});

/// The first mini-batch of an experiment's training set, in file order.
Batch first_batch(const Experiment& experiment);

/// A metrics tensor's values as a decision.
Decision make_decision(const workloads::Step& step, workloads::TensorId id,
                       std::span<const float> metrics);

class Simulation {
 public:
  /// Plans the step and writes the initial values to the device's memories.
  explicit Simulation(const Experiment& experiment, models::DeviceOptions options = {});

  const Plan& plan() const { return plan_; }

  /// Run one step. Throws ConsistencyError when the ledger's sum is not the channel's own counter.
  Result run_step(const Batch& batch);
  /// The same with another program in the place of the plan's: for tests of what goes wrong.
  Result run_step(const Batch& batch, const models::Program& program);

  /// A tensor's bytes outside the chip.
  std::vector<std::byte> read(workloads::TensorId id);

 private:
  void write(workloads::TensorId id, std::span<const std::byte> bytes);
  models::BackingStore& store_of(workloads::TensorId id);

  Plan plan_;
  models::Device device_;
};

}  // namespace spillway::sim
