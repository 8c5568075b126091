// The best of all ways to cut one matrix product into tiles, found by trying every one of them:
// each is walked tile by tile, and what has to move is counted.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "workloads/kernels/operations.hpp"

namespace spillway::test {

enum class Product { forward, input_gradient, weight_gradient };

inline constexpr std::uint64_t no_tiles = std::numeric_limits<std::uint64_t>::max();

/// When an operand's one tile on chip is changed.
enum class Tiles {
  innermost,  ///< it is what the innermost loops take of the operand, changed whenever they move on
  any_level,  ///< what the loops inside some level of the nest take together; all levels are tried
};

/// Fewest words that x, weights and y (or their errors) move, by the words of the buffer; from 0 to
/// the words of all three, `no_tiles` where nothing fits.
///
/// Tried are loops along examples, rows, columns, groups, outputs and inputs in every order and
/// with every tile size, and with `twice` examples, outputs and inputs in up to two loops each. A
/// tile changes when another box is wanted. Unfinished sums that have to leave are written, and
/// read when they are wanted again. Rows and columns are cut where the result lies; for a weight
/// gradient at either side. An fc layer is a convolution of one pixel.
std::vector<std::uint64_t> fewest_words(const workloads::ConvGeometry& shape, Product product,
                                        Tiles tiles, bool twice = false);

}  // namespace spillway::test
