// What treats every element alike: ReLU, dropout, updates.
#pragma once

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// y -> y, in place; NaN stays NaN
struct Relu {
  static constexpr std::string_view name = "ReLU";
  std::int64_t elements;

  Contract contract() const;
  Relu on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, y -> dy, in place: dy where y > 0, else 0
struct ReluError {
  static constexpr std::string_view name = "ReLU error";
  std::int64_t elements;

  Contract contract() const;
  ReluError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// y, mask -> y, in place or not: y / (1 - p) where the mask byte is 1, else 0. Serves forward and
/// backward. A mask byte above 1 (poison) gives NaN.
struct Dropout {
  static constexpr std::string_view name = "dropout";
  std::int64_t elements;
  float scale;  ///< 1 / (1 - p)

  Contract contract() const;
  Dropout on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// seed -> seed, in place: the seed of the next step's masks (one step of a 32-bit generator with
/// full period).
struct AdvanceSeed {
  static constexpr std::string_view name = "advance seed";

  Contract contract() const;
  AdvanceSeed on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// Plain SGD: p, g -> p in place, p -= rate g. With momentum (Nesterov): p, g, v -> p, v in place,
/// v = momentum v + g, p -= rate (g + momentum v).
struct Update {
  static constexpr std::string_view name = "update";
  std::int64_t elements;
  double rate;
  float momentum;

  Contract contract() const;
  Update on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  Update with_rate_scale(double scale) const { return {elements, rate * scale, momentum}; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
