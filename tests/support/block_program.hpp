// A training step cut into blocks: every axis of its tensors (examples, neurons of each layer) in
// equal parts, every operation in one for each part of the axes that it runs along. Made from the
// step's operands and the kernels' contracts, with nothing of a plan.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "workloads/step.hpp"

namespace spillway::test {

/// Of operations, or of blocks.
using Mask = std::uint64_t;
inline Mask bit(std::size_t i) { return Mask{1} << i; }

/// A box of a tensor on the grid.
struct Block {
  std::string name;
  workloads::TensorId tensor = 0;
  std::uint64_t words = 0;
  bool given = false;   ///< lies in memory before the step
  bool wanted = false;  ///< its final value has to lie there afterwards
  Mask users = 0;       ///< operations that need it on chip
};

/// These operands pass through the buffer during an operation, each element once, the others being
/// there whole; they take so many words together.
struct Passing {
  Mask blocks = 0;
  std::uint64_t room = 0;
};

/// A part of one operation, or of several that run on one element after another.
struct BlockOp {
  std::string name;
  Mask does = 0;                 ///< bits of operations
  Mask after = 0;                ///< operations that come before it
  Mask blocks = 0;               ///< it needs them on chip
  Mask changes = 0;              ///< of those
  std::vector<Passing> passing;  ///< ascending in the number of blocks; first that of none
};

struct BlockProgram {
  std::vector<Block> blocks;  ///< at most 64
  std::vector<BlockOp> ops;   ///< the first `parts` do one part each, in the step's order
  std::size_t parts = 0;      ///< at most 64
  /// Ways to number equal parts of axes anew that leave all the same: new numbers of operations and
  /// blocks by old ones.
  struct Symmetry {
    std::vector<std::size_t> ops, blocks;
  };
  std::vector<Symmetry> symmetries;

  Mask all() const { return parts == 64 ? ~Mask{0} : bit(parts) - 1; }
};

/// Axes of a step of fully connected layers: examples, neurons of layer 0 (the input) … L.
struct Grid {
  std::vector<std::int64_t> cuts;  ///< of each axis; the scores' is never cut
};

/// Throws std::invalid_argument for a step with anything but fully connected layers without biases
/// whose last one gives the scores, for cuts that do not divide their axis, and std::length_error
/// for more than 64 operations or blocks.
///
/// Taken to be at least as cheap as on any device: ReLU costs nothing where its map is made, and
/// its mask on the way back is taken where the error lies, once the map is on chip; random matrices
/// take no room.
BlockProgram cut_into_blocks(const workloads::Step& step, const Grid& grid);

/// Words of each axis of the step, in the order of `Grid::cuts`.
std::vector<std::int64_t> grid_axes(const workloads::Step& step);

}  // namespace spillway::test
