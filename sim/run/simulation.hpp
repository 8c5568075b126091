// An experiment on its device: one step after another.
#pragma once

#include <memory>
#include <vector>

#include "models/device.hpp"
#include "sim/plan/plan.hpp"
#include "sim/run/trainee.hpp"

namespace spillway::sim {

class Simulation : public Trainee {
 public:
  /// Plans the experiment's training step and writes the initial values, if there are values, to
  /// the device's memories.
  explicit Simulation(const Experiment& experiment, const models::DeviceOptions& options = {});
  /// The same with another step's plan.
  Simulation(const Experiment& experiment, Plan plan, const models::DeviceOptions& options = {});

  const Plan& plan() const { return plan_; }
  const workloads::Step& step() const override { return plan_.step(); }

  /// Run one step; without values the batch is not looked at. Throws ConsistencyError when the
  /// ledger's sum is not the channel's own counter.
  Result run_step(const Batch& batch, double rate_scale = 1) override;
  /// The same with another program in the place of the plan's: for tests of what goes wrong.
  Result run_step(const Batch& batch, const models::Program& program);

  /// A tensor's bytes outside the chip.
  std::vector<std::byte> read(workloads::TensorId id) override;
  void write(workloads::TensorId id, std::span<const std::byte> bytes) override;

 private:
  models::BackingStore& store_of(workloads::TensorId id);

  Plan plan_;
  TimingLog timing_;
  bool values_;
  models::Device device_;
};

}  // namespace spillway::sim
