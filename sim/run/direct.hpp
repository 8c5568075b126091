// The same training without a device: the reference for values, and what measures accuracy.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "sim/run/simulation.hpp"
#include "workloads/executor.hpp"

namespace spillway::sim {

class DirectTraining {
 public:
  explicit DirectTraining(const Experiment& experiment);
  DirectTraining(const DirectTraining&) = delete;
  DirectTraining& operator=(const DirectTraining&) = delete;

  std::vector<Decision> run_step(const Batch& batch);
  std::span<const std::byte> read(workloads::TensorId id) { return executor_.bytes(id); }
  const workloads::Step& step() const { return step_; }

 private:
  workloads::Step step_;
  workloads::DirectExecutor executor_;
};

/// Loss and right decisions of each layer that gives one, over a whole set, in file order. `read`
/// gives a trained tensor's bytes by name.
std::vector<Decision> evaluate(
    const Experiment& experiment, const workloads::Dataset& data,
    const std::function<std::vector<std::byte>(const std::string&)>& read);

}  // namespace spillway::sim
