// What treats every element alike: ReLU, ReLU6, dropout.
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

/// y -> y, in place: at least 0 and at most 6; NaN stays NaN
struct Relu6 {
  static constexpr std::string_view name = "ReLU6";
  std::int64_t elements;

  Contract contract() const;
  Relu6 on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, y -> dy, in place: dy where 0 < y < 6, else 0
struct Relu6Error {
  static constexpr std::string_view name = "ReLU6 error";
  std::int64_t elements;

  Contract contract() const;
  Relu6Error on_boxes(Boxes in, Boxes out, bool accumulate) const;
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

}  // namespace spillway::workloads
