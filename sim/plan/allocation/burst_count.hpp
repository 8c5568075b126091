// DRAM bursts of many tiles at once: the addresses of their runs, modulo a burst, are sums of terms
// of one dimension each, so that they can be counted by dimension.
#pragma once

#include <cstdint>
#include <span>

#include "models/layout.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// Runs, and the bursts that they touch, each by itself. Fewer bursts are better, then fewer runs:
/// each may have to open a row.
struct BurstsAndRuns {
  std::uint64_t bursts = 0, runs = 0;

  auto operator<=>(const BurstsAndRuns&) const = default;
};

/// Bursts that the runs of all these tiles touch, each run by itself, in a tensor that begins where
/// a burst does. Exact. Throws ConsistencyError when a burst has more than 256 elements.
BurstsAndRuns count_bursts(const TileRanges& tiles, std::span<const std::int64_t> shape,
                           const models::Layout& layout, std::uint64_t elements_per_burst);

}  // namespace spillway::sim
