#include "sim/plan/allocation/layouts.hpp"

#include <algorithm>
#include <map>
#include <numeric>

#include "sim/plan/allocation/burst_count.hpp"

namespace spillway::sim {

using models::largest_rank;
using models::MemoryMap;
using models::TensorPlacement;
using workloads::Step;

namespace {

struct MovedTiles {
  TileRanges ranges;
  std::uint64_t times = 0;
};

using BlockSizes = std::array<std::int64_t, largest_rank>;

bool is_moved_in_dram(const TensorPlacement& place) {
  return place.port == models::Port::dram && place.address != models::nowhere;
}

std::uint64_t elements_per_burst(const TensorPlacement& place, const models::DeviceConfig& device) {
  return device.dram.geometry.burst_bytes / place.element.count();
}

/// By tensor, the tiles that go through the DRAM port.
std::vector<std::vector<MovedTiles>> moved_tiles(const Schedule& schedule, const Step& step,
                                                 const MemoryMap& map) {
  std::vector<std::vector<MovedTiles>> moved(map.size());
  const auto add = [&](workloads::TensorId id, TileRanges ranges, const SlotMoves& moves) {
    const std::uint64_t times = moves.loads + moves.stores;
    if (times == 0) return;
    const auto known = std::ranges::find_if(
        moved[id], [&](const MovedTiles& tiles) { return tiles.ranges == ranges; });
    if (known != moved[id].end()) {
      known->times += times;
    } else {
      moved[id].push_back({std::move(ranges), times});
    }
  };
  for (const Nest& nest : schedule.nests) {
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
      const workloads::TensorId id = nest.spec.slots[s].tensor;
      if (!is_moved_in_dram(map.at(id))) continue;
      for (TileGrid& grid : shape.tile_grids(s, nest.resident[s])) {
        add(id, std::move(grid.ranges), grid.moves);
      }
    }
  }
  for (const Residency& residency : schedule.residencies) {
    if (!is_moved_in_dram(map.at(residency.tensor))) continue;
    TileRanges ranges;
    const models::Tile tile = tile_of(residency, step);
    for (std::size_t d = 0; d < largest_rank; ++d) ranges[d] = {tile.box[d]};
    add(residency.tensor, std::move(ranges),
        {residency.begin == Residency::Begin::load ? 1u : 0u, residency.stored ? 1u : 0u});
  }
  return moved;
}

BurstsAndRuns bursts_of_tiles(const std::vector<MovedTiles>& moved, const TensorPlacement& place,
                              const models::Layout& layout, std::uint64_t per_burst) {
  BurstsAndRuns sum;
  for (const MovedTiles& tiles : moved) {
    const BurstsAndRuns once = count_bursts(tiles.ranges, place.shape, layout, per_burst);
    sum.bursts += tiles.times * once.bursts;
    sum.runs += tiles.times * once.runs;
  }
  return sum;
}

/// No layout has fewer: what the elements of all tiles fill, and a run for each tile.
BurstsAndRuns fewest_bursts(const std::vector<MovedTiles>& moved, std::uint64_t per_burst) {
  std::uint64_t elements = 0, runs = 0;
  for (const MovedTiles& tiles : moved) {
    std::uint64_t product = tiles.times, count = tiles.times;
    for (const std::vector<Range>& ranges : tiles.ranges) {
      std::uint64_t sum = 0;
      for (const Range& range : ranges) sum += static_cast<std::uint64_t>(range.size());
      product *= sum;
      count *= ranges.size();
    }
    elements += product;
    runs += count;
  }
  return {workloads::ceil_div(elements, per_burst), runs};
}

/// How far a range stands behind the one before it, for the most of them: a tile without what it
/// shares with the next.
std::int64_t block_step(const std::vector<Range>& ranges, std::int64_t extent) {
  std::vector<std::pair<std::int64_t, int>> steps;
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    const std::int64_t step = ranges[i].begin - ranges[i - 1].begin;
    if (step <= 0) continue;
    const auto known = std::ranges::find(steps, step, [](const auto& each) { return each.first; });
    if (known != steps.end()) {
      ++known->second;
    } else {
      steps.emplace_back(step, 1);
    }
  }
  if (steps.empty()) {
    const std::int64_t first = ranges.front().size();
    return first > 0 ? std::min(first, extent) : extent;
  }
  return std::ranges::max_element(steps, {}, [](const auto& each) { return each.second; })->first;
}

/// The search for the layout of one tensor.
class LayoutSearch {
 public:
  LayoutSearch(const std::vector<MovedTiles>& moved, const TensorPlacement& place,
               std::uint64_t per_burst)
      : moved_(moved), place_(place), per_burst_(per_burst), rank_(place.shape.size()) {}

  models::Layout find() {
    fewest_ = fewest_bursts(moved_, per_burst_);
    best_bursts_ = bursts_of_tiles(moved_, place_, {}, per_burst_);
    tried_[{}] = best_bursts_;
    if (best_bursts_ <= fewest_) return {};
    collect_grids();
    collect_sizes();
    for (const BlockSizes& start : starts()) descend(start);
    return best_;
  }

 private:
  void add_grid(const BlockSizes& sizes) {
    if (std::ranges::find(grids_, sizes) == grids_.end()) grids_.push_back(sizes);
  }

  /// Of the tiles of each nest, and common divisors of two.
  void collect_grids() {
    for (const MovedTiles& tiles : moved_) {
      BlockSizes steps{};
      for (std::size_t d = 0; d < rank_; ++d) {
        const std::vector<Range>& ranges = tiles.ranges[d];
        steps[d] = block_step(ranges, place_.shape[d]);
        overlaps_[d] |= ranges.size() > 1 && ranges.front().size() != steps[d];
      }
      add_grid(steps);
    }
    const std::size_t own = grids_.size();
    for (std::size_t a = 0; a < own; ++a) {
      for (std::size_t b = a + 1; b < own; ++b) {
        BlockSizes common{};
        for (std::size_t d = 0; d < rank_; ++d) common[d] = std::gcd(grids_[a][d], grids_[b][d]);
        add_grid(common);
      }
    }
  }

  /// Those of the grids, and parts of a burst.
  void collect_sizes() {
    for (std::size_t d = 0; d < rank_; ++d) {
      std::vector<std::int64_t>& sizes = sizes_[d];
      sizes = {0};
      for (std::uint64_t size = 1; size <= per_burst_; size *= 2) {
        sizes.push_back(static_cast<std::int64_t>(size));
      }
      for (const BlockSizes& grid : grids_) sizes.push_back(grid[d]);
      std::ranges::sort(sizes);
      sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
      std::erase_if(sizes, [&](std::int64_t size) { return size >= place_.shape[d]; });
    }
  }

  /// Row-major, the blocks that are tiles, and those that are rows of them or all of a map.
  std::vector<BlockSizes> starts() const {
    std::vector<BlockSizes> result{{}};
    for (const BlockSizes& grid : grids_) {
      for (const std::int64_t along_overlaps : {-1, 0, 1}) {
        BlockSizes block = grid;
        for (std::size_t d = 0; d < rank_; ++d) {
          if (overlaps_[d] && along_overlaps >= 0) block[d] = along_overlaps;
          if (block[d] >= place_.shape[d]) block[d] = 0;
        }
        if (std::ranges::find(result, block) == result.end()) result.push_back(block);
      }
    }
    return result;
  }

  /// Other sizes, one dimension after another, for as long as that helps.
  void descend(BlockSizes at) {
    BurstsAndRuns least = bursts(at);
    for (bool better = true; better;) {
      better = false;
      for (std::size_t d = 0; d < rank_; ++d) {
        for (const std::int64_t size : sizes_[d]) {
          if (best_bursts_ <= fewest_) return;
          BlockSizes block = at;
          block[d] = size;
          const BurstsAndRuns found = bursts(block);
          if (found >= least) continue;
          least = found;
          at = block;
          better = true;
        }
      }
    }
  }

  BurstsAndRuns bursts(const BlockSizes& block) {
    const auto [known, added] = tried_.try_emplace(block);
    if (!added) return known->second;
    known->second = bursts_of_tiles(moved_, place_, {block}, per_burst_);
    if (known->second < best_bursts_) {
      best_bursts_ = known->second;
      best_ = {block};
    }
    return known->second;
  }

  const std::vector<MovedTiles>& moved_;
  const TensorPlacement& place_;
  std::uint64_t per_burst_;
  std::size_t rank_;
  std::vector<BlockSizes> grids_;
  std::array<std::vector<std::int64_t>, largest_rank> sizes_;  // worth trying, by dimension
  std::array<bool, largest_rank> overlaps_{};                  // tiles share elements along it
  std::map<BlockSizes, BurstsAndRuns> tried_;
  models::Layout best_;
  BurstsAndRuns best_bursts_, fewest_;
};

}  // namespace

std::vector<models::Layout> choose_layouts(const Schedule& schedule, const Step& step,
                                           const MemoryMap& map,
                                           const models::DeviceConfig& device) {
  std::vector<models::Layout> layouts(map.size());
  if (schedule.by_operations()) return layouts;
  const std::vector<std::vector<MovedTiles>> moved = moved_tiles(schedule, step, map);
  for (std::size_t id = 0; id < map.size(); ++id) {
    const TensorPlacement& place = map[id];
    if (moved[id].empty() || place.element != workloads::Bytes(workloads::bytes_per_word)) continue;
    layouts[id] = LayoutSearch(moved[id], place, elements_per_burst(place, device)).find();
  }
  return layouts;
}

std::vector<BurstsAndRuns> dram_bursts(const Schedule& schedule, const Step& step,
                                       const MemoryMap& map, const models::DeviceConfig& device) {
  const std::vector<std::vector<MovedTiles>> moved = moved_tiles(schedule, step, map);
  std::vector<BurstsAndRuns> bursts;
  for (std::size_t id = 0; id < map.size(); ++id) {
    bursts.push_back(
        bursts_of_tiles(moved[id], map[id], map[id].layout, elements_per_burst(map[id], device)));
  }
  return bursts;
}

}  // namespace spillway::sim
