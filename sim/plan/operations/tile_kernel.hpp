// The kernel that does a part of an operation.
#pragma once

#include <span>

#include "models/tile.hpp"
#include "workloads/kernels/kernel.hpp"

namespace spillway::sim {

/// The kernel that does the part of `whole` whose operands are these boxes of the whole operands,
/// in the order of the operation's; biases may be left out. Every
/// part of `whole` that its geometry names must be done once, by one tile or another:
///
///  * Convolutions: all of a kernel's taps. Of the products of x, weights and y (or their errors)
///    those count that lie in all three boxes; so rows and columns may have their halo on x's side
///    (the rows that the windows of a tile of y touch, clipped at the map's border) or on y's side
///    (all the windows that touch a tile of x). With groups, a tile covers whole groups or lies
///    within one. dbias sums the rows and columns of dy whose windows begin in the tile of x, or
///    above or left of the map; a tile with the map's last row takes all later rows of dy, too.
///  * Dense products: x may be flat, or channels of full maps.
///  * MaxPool: all the inputs that the outputs' windows touch. MaxPoolError: all the windows that
///    touch the inputs.
///  * BatchNorm, BatchNormError: a range of channels, with all examples, rows and columns.
///    NormStatistics with `accumulate` takes `before` from `whole`, NormRunning its `values`, and
///    NormErrorApply its `total`.
///  * Losses: a range of examples; with values for targets any box of scores and the same of
///    targets, where both have one shape. They divide by the whole's batch.
///
/// `accumulate` is for kernels that can; where it has no meaning it must be false. Throws
/// ConsistencyError when the boxes do not fit each other or the kernel.
workloads::Kernel tile_kernel(const workloads::Kernel& whole, std::span<const models::Tile> inputs,
                              std::span<const models::Tile> outputs, bool accumulate);

}  // namespace spillway::sim
