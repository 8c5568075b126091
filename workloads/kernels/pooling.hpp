// Pooling of maps, and max-pooling. A part of the outputs has all the inputs that its windows
// touch; a part of the errors of the inputs has all the windows that touch it.
#pragma once

#include "workloads/kernels/kernel.hpp"
#include "workloads/network.hpp"

namespace spillway::workloads {

struct PoolGeometry {
  std::int64_t batch;
  ImageShape input, output;
  Window window;
  bool operator==(const PoolGeometry&) const = default;
};

/// What both passes of a pooling have in common: the axes, and the maps before and after.
struct PoolMaps {
  Contract contract;
  AccessMap before, after;
  explicit PoolMaps(const PoolGeometry& g);
};
/// The pooling of a part of the maps.
PoolGeometry pool_part(const PoolGeometry& whole, const Box& before, const Box& after);

/// y -> a, winners. A winner is the place of the first maximum in its window, counted row by row,
/// in one byte; padding never wins. A part of the outputs has the winners of the whole.
struct MaxPool {
  static constexpr std::string_view name = "max-pool";
  PoolGeometry shape;

  Contract contract() const;
  MaxPool on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// da, winners -> dy. A winner outside the map gives NaN; with `clip` it is dropped, for a part of
/// dy with all the windows that touch it.
struct MaxPoolError {
  static constexpr std::string_view name = "max-pool error";
  PoolGeometry shape;
  bool clip = false;

  Contract contract() const;
  MaxPoolError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return false; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
