// Orders of loops and sizes of tiles that a nest is searched among.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

/// Orders of loops worth trying: pixels (examples, rows, columns), outputs and inputs in all
/// orders; groups outside of everything.
std::vector<std::vector<Axis>> loop_orders(const NestSpec& spec);

/// Tile sizes worth trying along an axis, largest first: those that cut it into 1, 2, 3 … pieces
/// of nearly one size, and for many pieces a selection that does not depend on the buffer.
std::vector<std::int64_t> tile_sizes(std::int64_t extent);

/// Tile sizes of an axis in a spec, the largest first and the smallest last.
std::vector<std::int64_t> sizes_of(const NestSpec& spec, Axis axis);

/// Tile sizes of an inner loop. Pieces that cost no words are as small as they can be in the
/// search, and grow after it.
std::vector<std::int64_t> inner_sizes(const NestSpec& spec, Axis axis);

}  // namespace spillway::sim
