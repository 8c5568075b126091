// The order of a tensor's elements in DRAM.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "workloads/kernels/box.hpp"

namespace spillway::models {

/// The tensor is cut into a grid of blocks. They follow each other in row-major order of the grid,
/// and the elements of a block in row-major order of the block. Blocks at the upper edges are
/// smaller, so that there is no padding: the tensor takes the same bytes in every layout.
struct Layout {
  /// Elements of a block by dimension; 0, or more than there are: the whole dimension.
  std::array<std::int64_t, workloads::largest_rank> block{};

  bool operator==(const Layout&) const = default;
};

/// Elements of a block that is not at an edge, by dimension; 1 past the shape's rank.
std::array<std::int64_t, workloads::largest_rank> block_sizes(const Layout& layout,
                                                              std::span<const std::int64_t> shape);

/// All elements stand where they do without blocks.
bool is_row_major(const Layout& layout, std::span<const std::int64_t> shape);

}  // namespace spillway::models
