// Batch-norm: in one go, which takes the whole mini-batch, and in phases, each of which takes a
// part of the maps. Channel operands are those of the part's channels.
#pragma once

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// Maps of height x width values for each of `channels`; an fc layer has one pixel a channel.
struct NormGeometry {
  std::int64_t batch, channels, height, width;
  bool operator==(const NormGeometry&) const = default;
};

/// Batch-norm with the statistics of the batch: x, norm, running -> z, statistics, running. `norm`
/// is [2, channels]: scales, then shifts. `statistics` and `running` are [2, channels]: means, then
/// variances. The normaliser takes the biased variance of the batch and epsilon 1e-5; running = 0.9
/// running + 0.1 batch, with the unbiased variance (the biased one where a channel has one value).
struct BatchNorm {
  static constexpr std::string_view name = "batch-norm";
  NormGeometry shape;

  Contract contract() const;
  BatchNorm on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
  std::vector<KernelPhase> phases() const;
};

/// Batch-norm with given statistics: x, norm, running -> z, in place.
struct BatchNormInference {
  static constexpr std::string_view name = "batch-norm inference";
  NormGeometry shape;

  Contract contract() const;
  BatchNormInference on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dz, x, statistics, norm -> dx, dnorm. dx may lie on dz.
struct BatchNormError {
  static constexpr std::string_view name = "batch-norm error";
  NormGeometry shape;

  Contract contract() const;
  BatchNormError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
  std::vector<KernelPhase> phases() const;
};

/// x -> statistics, merged with what stands there for `before` earlier values of each channel: the
/// means and biased variances of all of them. `before` = 0 overwrites. (Chan, Golub and LeVeque,
/// "Updating formulae and a pairwise algorithm for computing sample variances", 1979.)
struct NormStatistics {
  static constexpr std::string_view name = "batch-norm statistics";
  NormGeometry shape;
  std::int64_t before = 0;

  Contract contract() const;
  /// Where it accumulates, it takes `before` as it is.
  NormStatistics on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return before > 0; }
  NormStatistics after(std::int64_t values) const { return {shape, values}; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// statistics, running -> running, in place or not, as BatchNorm does it. `values` of each channel
/// made the statistics.
struct NormRunning {
  static constexpr std::string_view name = "batch-norm running statistics";
  std::int64_t channels, values;

  Contract contract() const;
  NormRunning on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// x, norm, statistics -> z, in place or not.
struct NormApply {
  static constexpr std::string_view name = "batch-norm values";
  NormGeometry shape;

  Contract contract() const;
  NormApply on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dz, x, statistics -> dnorm: the sums over the part.
struct NormErrorSums {
  static constexpr std::string_view name = "batch-norm error sums";
  NormGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  NormErrorSums on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dz, x, statistics, norm, dnorm -> dx. dx may lie on dz. `total` values of each channel made the
/// statistics and dnorm.
struct NormErrorApply {
  static constexpr std::string_view name = "batch-norm error values";
  NormGeometry shape;
  std::int64_t total;

  Contract contract() const;
  NormErrorApply on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
