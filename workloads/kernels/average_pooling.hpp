// Average pooling of maps. A part of the outputs has all the inputs that its windows touch; a part
// of the errors of the inputs has all the windows that touch it.
#pragma once

#include <array>

#include "workloads/kernels/kernel.hpp"
#include "workloads/kernels/pooling.hpp"

namespace spillway::workloads {

/// The map as rows and columns of the part's inputs: [-2, 6) where the part begins at row 2 of 8.
using MapAround = std::array<Range, 2>;

/// y -> a: the sum of a window's places over their number, either of those on the map or, with
/// `count_padding`, of all.
struct AveragePool {
  static constexpr std::string_view name = "average-pool";
  PoolGeometry shape;
  MapAround map;
  bool count_padding = false;

  /// Of whole maps.
  static AveragePool whole(const PoolGeometry& shape, bool count_padding);

  Contract contract() const;
  AveragePool on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// da -> dy: a window's error over the same number, at each of its places.
struct AveragePoolError {
  static constexpr std::string_view name = "average-pool error";
  PoolGeometry shape;
  MapAround map;
  bool count_padding = false;

  /// Of whole maps.
  static AveragePoolError whole(const PoolGeometry& shape, bool count_padding);

  Contract contract() const;
  AveragePoolError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
