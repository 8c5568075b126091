// Dense products: fully connected layers, and local classifiers. Inputs may be flat or maps.
#pragma once

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// `batch` rows, `inputs` values in and `outputs` values out of each.
struct DenseGeometry {
  std::int64_t batch, inputs, outputs;
  bool operator==(const DenseGeometry&) const = default;
};

/// x, weights, bias -> y
struct FcForward {
  static constexpr std::string_view name = "fc forward";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  FcForward on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, weights -> dx
struct FcInputGradient {
  static constexpr std::string_view name = "fc input gradient";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  FcInputGradient on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, x -> dweights, dbias
struct FcWeightGradient {
  static constexpr std::string_view name = "fc weight gradient";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  FcWeightGradient on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Scores of a local classifier, s = y M: y, M -> scores. inputs = features, outputs = classes.
struct ClassifierForward {
  static constexpr std::string_view name = "classifier forward";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  ClassifierForward on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Error of a layer's output from errors of scores: dscores, K -> dy. K is [features, classes]: the
/// classifier itself (symmetric feedback) or another matrix.
struct ClassifierError {
  static constexpr std::string_view name = "classifier error";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  ClassifierError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Of a trained classifier: dscores, y -> dM.
struct ClassifierWeightGradient {
  static constexpr std::string_view name = "classifier weight gradient";
  DenseGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  ClassifierWeightGradient on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
