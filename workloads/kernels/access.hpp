// A contract's maps on tensors of given shapes.
#pragma once

#include <array>
#include <span>
#include <vector>

#include "workloads/kernels/contract.hpp"

namespace spillway::workloads {

/// Axes as the tensors have them: a flat one has become as many as there are dimensions.
struct Access {
  struct BoundAxis {
    AxisId of = 0;  ///< in the contract
    AxisKind kind = AxisKind::none;
    std::int64_t extent = 1;
    Cut cut = Cut::freely;
    Side side = Side::none;
  };
  using Dimensions = std::array<Index, largest_rank>;  ///< past the rank: whole, of extent 1

  InlineVector<BoundAxis, 12> axes;
  std::vector<Dimensions> inputs, outputs;  ///< terms are numbers of these axes
};

/// The maps of the operands that are given, in the contract's order, by their tensors' shapes.
/// Throws ConsistencyError when a shape does not fit its map.
Access access_of(const Contract& contract, std::span<const TensorShape* const> inputs,
                 std::span<const TensorShape* const> outputs);

}  // namespace spillway::workloads
