// The kernel that does a part of an operation.
#pragma once

#include <span>

#include "models/tile.hpp"
#include "workloads/kernels/kernel.hpp"

namespace spillway::sim {

/// The kernel that does the part of `whole` whose operands are these boxes of the whole operands,
/// in the order of the operation's; biases may be left out. Every
/// part of `whole` that its geometry names must be done once, by one tile or another; the
/// needs of a part of an operation are said where its family is declared (workloads/kernels/).
///
/// `accumulate` is for kernels that can; where it has no meaning it must be false. Throws
/// ConsistencyError when the boxes do not fit each other or the kernel.
workloads::Kernel tile_kernel(const workloads::Kernel& whole, std::span<const models::Tile> inputs,
                              std::span<const models::Tile> outputs, bool accumulate);

}  // namespace spillway::sim
