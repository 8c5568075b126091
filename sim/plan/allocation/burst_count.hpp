// DRAM bursts of many tiles at once: the addresses of their runs, modulo a burst, are sums of terms
// of one dimension each, so that they can be counted by dimension.
#pragma once

#include <cstdint>
#include <span>

#include "models/layout.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// Bursts that the runs of all these tiles touch, each run by itself, in a tensor that begins where
/// a burst does. Exact. Throws ConsistencyError when a burst has more than 256 elements.
std::uint64_t count_bursts(const TileRanges& tiles, std::span<const std::int64_t> shape,
                           const models::Layout& layout, std::uint64_t elements_per_burst);

}  // namespace spillway::sim
