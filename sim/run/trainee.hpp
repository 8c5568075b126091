// What training needs of whatever computes a step: the simulated device, or a direct run without
// one.
#pragma once

#include <cstdint>
#include <limits>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "models/device.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/run/timing.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// In the place of an accuracy where decisions are neither right nor wrong (workloads::decides).
inline constexpr double no_accuracy = std::numeric_limits<double>::quiet_NaN();

/// What a layer's decisions were worth on one mini-batch.
struct Decision {
  std::string layer;
  double loss = 0;
  std::int64_t right = 0;  ///< of the batch
};

/// What one step gave. Without a device the ledger and the execution are empty, without values the
/// decisions are.
struct Result {
  Ledger ledger;                ///< words that the engines moved, by line
  models::Execution execution;  ///< the device's own counters
  std::vector<Decision> decisions;
  std::vector<LayerTime> timing{};  ///< by layer and phase; empty without a device
};

/// One mini-batch of images and labels, in the order of the batch.
struct Batch {
  std::vector<float> images;
  std::vector<std::int32_t> labels;
};

/// Throws InputError unless it has as many values as the step's input.
void require_fitting(const Batch& batch, const workloads::Step& step);

/// Examples `first`, `first + 1` … of `order` (of the whole set in file order when `order` is
/// empty), from the start again after the end.
Batch make_batch(const workloads::Dataset& data, std::size_t first, std::int64_t size,
                 std::span<const std::size_t> order = {});

/// The first mini-batch of an experiment's training set, in file order.
Batch first_batch(const Experiment& experiment);

/// A metrics tensor's values as a decision.
Decision make_decision(const workloads::Step& step, workloads::TensorId id,
                       std::span<const float> metrics);

/// Bytes by tensor name: what a training run keeps from step to step.
using State = std::map<std::string, std::vector<std::byte>>;

class Trainee {
 public:
  virtual ~Trainee() = default;

  virtual const workloads::Step& step() const = 0;
  /// Run the next step, with learning rates times `rate_scale`.
  virtual Result run_step(const Batch& batch, double rate_scale = 1) = 0;
  virtual std::vector<std::byte> read(workloads::TensorId id) = 0;
  virtual void write(workloads::TensorId id, std::span<const std::byte> bytes) = 0;

  /// Put an experiment's initial values into all that is kept.
  void initialise(const Experiment& experiment);
  /// Copy all that is kept into `state`.
  void save(State& state);
  /// Take over the tensors of `state` that this step keeps, too; others stay as they are. They have
  /// been trained for so many steps: optimizers may ask for a step's number.
  void restore(const State& state, std::size_t steps_done);

 protected:
  /// What the next step's kernels have to know of it; it is counted.
  workloads::StepControl next_step(double rate_scale);

 private:
  std::int64_t steps_done_ = 0;
};

}  // namespace spillway::sim
