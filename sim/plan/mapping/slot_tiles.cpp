// The tiles that a nest moves for a slot.
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

namespace {

/// Visit pieces of a range, the last of them shorter.
template <class Visit>
void for_each_piece_of(Range range, std::int64_t piece, Visit visit) {
  for (std::int64_t begin = range.begin; begin < range.end; begin += piece) {
    visit(Range{begin, std::min(range.end, begin + piece)});
  }
}

}  // namespace

std::vector<Range> NestShape::ranges_of(std::size_t s, std::size_t d,
                                        const ByAxis<Range>& within) const {
  const Slot& slot = spec_.slots[s];
  const Projection& p = slot.dims[d];
  std::vector<Range> ranges;
  const auto add = [&](Range range) {
    if (range.size() <= 0) return;
    // A tile is kept where the next one is the same box.
    if (p.axis && p.axis == kept_along_[s] && !ranges.empty() && ranges.back() == range) return;
    if (d == 0 && slot.in_parts) {
      for_each_piece_of(range, parts_.rows, [&](Range rows) { ranges.push_back(rows); });
    } else {
      ranges.push_back(range);
    }
  };
  if (!p.axis) {
    add({0, p.extent});
    return ranges;
  }
  const std::size_t axis = index(*p.axis);
  const auto along_axis = [&](std::int64_t first) {
    for_each_piece_of(within[axis], outer_tile_[axis], [&](Range outer) {
      for_each_piece_of(outer, p.outer ? outer.size() : inner_tile_[axis], [&](Range tile) {
        const bool cut = slot.in_epilogue && *p.axis == spec_.epilogue->axis;
        for_each_piece_of(tile, cut ? parts_.finished : tile.size(), [&](Range part) {
          const Range range = p.apply(part);
          add({first + range.begin, first + range.end});
        });
      });
    });
  };
  if (p.per_group == 0) {
    along_axis(0);
    return ranges;
  }
  const std::size_t groups = index(Axis::group);
  for_each_piece_of(within[groups], inner_tile_[groups], [&](Range group) {
    if (group.size() > 1) {
      add({group.begin * p.per_group, group.end * p.per_group});
    } else {
      along_axis(group.begin * p.per_group);
    }
  });
  return ranges;
}

std::vector<TileGrid> NestShape::tile_grids(std::size_t s, std::int64_t resident) const {
  std::vector<TileGrid> grids;
  for_each_stretch(s, resident, [&](const ByAxis<Range>& within, std::uint64_t visits) {
    TileGrid grid;
    grid.moves = slot_moves(spec_.slots[s], visits);
    if (grid.moves.loads + grid.moves.stores == 0) return;
    for (std::size_t d = 0; d < models::largest_rank; ++d) {
      grid.ranges[d] = ranges_of(s, d, within);
      if (grid.ranges[d].empty()) return;
    }
    grids.push_back(std::move(grid));
  });
  return grids;
}

}  // namespace spillway::sim
