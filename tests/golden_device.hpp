// The step of a golden file on a device, with the file's values in the place of random ones.
#pragma once

#include <memory>
#include <span>
#include <string>

#include "sim/run/simulation.hpp"
#include "workloads/executor.hpp"

namespace spillway::test {

/// Under policy `paper` in a large buffer, where each operation is that of a direct run, and under
/// policy `layer` in a small one.
class GoldenDevice {
 public:
  GoldenDevice(const workloads::Network& network, const workloads::Step& step);

  void give(workloads::TensorId id, std::span<const std::byte> bytes);
  void run(const sim::Batch& batch);
  /// What the step leaves behind, gradients and scores included, must be the direct run's: bit for
  /// bit under `paper`, to summation order under `layer`. Throws Mismatch.
  void compare(workloads::DirectExecutor& direct, const std::string& place);

 private:
  std::unique_ptr<sim::Simulation> paper_, layer_;
};

}  // namespace spillway::test
