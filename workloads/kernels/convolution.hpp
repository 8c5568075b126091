// Convolutions of maps: forward, and the gradients of their input and of their weights. Products of
// x, weights and y (or their errors) count that lie in all three boxes of a part; so rows and
// columns may have their halo on x's side (the rows that the windows of a tile of y touch, clipped
// at the map's border) or on y's side (all the windows that touch a tile of x). A part has all of a
// kernel's taps, and whole groups or a part of one.
#pragma once

#include <array>

#include "workloads/kernels/kernel.hpp"
#include "workloads/network.hpp"

namespace spillway::workloads {

struct ConvGeometry {
  std::int64_t batch;
  ImageShape input, output;
  Window window;
  std::int64_t groups;
  bool operator==(const ConvGeometry&) const = default;
};

/// x, weights, bias -> y
struct ConvForward {
  static constexpr std::string_view name = "conv forward";
  ConvGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  ConvForward on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, weights -> dx
struct ConvInputGradient {
  static constexpr std::string_view name = "conv input gradient";
  ConvGeometry shape;
  bool accumulate = false;

  Contract contract() const;
  ConvInputGradient on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// dy, x -> dweights, dbias. dbias sums the rows and columns of dy whose windows begin in the tile
/// of x, or above or left of the map; a tile with the map's last row takes all later rows of dy,
/// too.
struct ConvWeightGradient {
  static constexpr std::string_view name = "conv weight gradient";
  ConvGeometry shape;
  bool accumulate = false;
  /// dbias leaves out the first rows and columns of dy: those that another part counts.
  std::array<std::int64_t, 2> bias_begin{0, 0};

  Contract contract() const;
  ConvWeightGradient on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
