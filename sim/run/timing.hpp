// The timing log: which layer and phase the engines worked for, and when.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "models/device.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// The time of one layer's operations in one phase.
struct LayerTime {
  int layer = 0;  ///< as in Tensor::layer
  std::string name;
  workloads::Phase phase = workloads::Phase::forward;
  models::WorkTimes times;  ///< in time since the step's begin
};

/// Gives the instructions of a step's programs the labels by which the device counts time: one for
/// each layer and phase that has operations. A load and a generate belong to the operation that
/// comes next in program order, for which they are made; a store to the operation that last wrote
/// the tensor. What is done again counts where it was done first.
class TimingLog {
 public:
  /// Keeps nothing of the step. Throws ConsistencyError when the same kernel writes a tensor in two
  /// layers or phases.
  explicit TimingLog(const workloads::Step& step);

  /// The same program with labels, pulled from `program` as it is pulled itself. It must not
  /// outlive this object.
  models::Program labelled(models::Program program) const;

  /// By layer, then by phase. They add up to the engines' times if the step's operations alone were
  /// run.
  std::vector<LayerTime> lines(const models::Execution& execution) const;

 private:
  class Labeller;
  /// A kernel that writes a tensor, and whose time that is.
  struct Writer {
    workloads::Kernel kernel;
    models::WorkLabel label;
  };
  void add(const workloads::Kernel& kernel, workloads::TensorId output, models::WorkLabel label);
  models::WorkLabel label_of(const models::Compute& compute) const;

  std::vector<LayerTime> lines_;              // without times; line i has the label i + 1
  std::vector<std::vector<Writer>> writers_;  // by tensor
};

}  // namespace spillway::sim
