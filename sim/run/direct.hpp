// The same training without a device: the reference for values, and what measures accuracy.
#pragma once

#include <map>
#include <memory>
#include <span>
#include <vector>

#include "sim/run/trainee.hpp"
#include "workloads/executor.hpp"

namespace spillway::sim {

class DirectTraining : public Trainee {
 public:
  explicit DirectTraining(const Experiment& experiment, int only_layer = 0);
  DirectTraining(const DirectTraining&) = delete;
  DirectTraining& operator=(const DirectTraining&) = delete;

  const workloads::Step& step() const override { return step_; }
  Result run_step(const Batch& batch, double rate_scale = 1) override;
  std::vector<std::byte> read(workloads::TensorId id) override;
  void write(workloads::TensorId id, std::span<const std::byte> bytes) override;

 private:
  workloads::Step step_;
  workloads::DirectExecutor executor_;
};

/// Measures decisions over whole sets, without the device. Keeps what it has prepared.
class Evaluator {
 public:
  /// Of all layers that give a decision, or of `exit_layer` alone. Keeps a reference.
  explicit Evaluator(const Experiment& experiment, int exit_layer = 0);
  ~Evaluator();

  /// Loss and right decisions over a set, in file order, of the network that `state` holds.
  std::vector<Decision> evaluate(const workloads::Dataset& data, const State& state);

 private:
  struct Prepared;
  const Experiment& experiment_;
  int exit_layer_;
  std::map<std::int64_t, std::unique_ptr<Prepared>> by_batch_;
};

}  // namespace spillway::sim
