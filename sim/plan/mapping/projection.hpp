// How the loops of a nest show in the dimensions of a tensor: axes, and the ranges of a dimension
// that ranges of an axis become.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "models/tile.hpp"

namespace spillway::sim {

using models::Range;

enum class Axis : std::uint8_t { group, example, depth, row, column, output, input };
inline constexpr std::size_t axis_count = 7;
std::string to_string(Axis axis);

template <class Value>
using ByAxis = std::array<Value, axis_count>;
inline std::size_t index(Axis axis) { return static_cast<std::size_t>(axis); }

/// Those of the places of a map.
inline constexpr std::array map_axes{Axis::depth, Axis::row, Axis::column};
inline bool is_of_map(Axis axis) {
  return std::find(map_axes.begin(), map_axes.end(), axis) != map_axes.end();
}

/// How a range of an axis becomes a range of one dimension of a tensor.
struct Projection {
  /// The places that windows at a range of places cover, or (inverse) the windows that touch it; at
  /// the map's borders with those that lie on padding alone.
  struct Stage {
    std::int64_t stride = 1, padding = 0, kernel = 1;
    std::int64_t extent = 1;  ///< of the dimension it leads to
    bool inverse = false;
    std::int64_t from = 1;  ///< extent of the dimension it comes from
  };
  std::optional<Axis> axis;  ///< none: always the whole dimension
  bool outer = false;        ///< follows the axis's outer loop alone
  std::int64_t extent = 1;   ///< of the dimension
  /// Elements of the dimension that one group has, where the axis runs within a group; else 0.
  std::int64_t per_group = 0;
  std::uint8_t stages = 0;
  std::array<Stage, 2> stage{};

  void add(const Stage& next) { stage.at(stages++) = next; }
  Range apply(Range range) const;  ///< stages only
};

/// Always the whole dimension, or the axis as it is.
Projection whole(std::int64_t extent);
Projection along(Axis axis, std::int64_t extent);

using Projections = std::array<Projection, models::largest_rank>;

/// The range of the dimension where the axes stand at these ranges.
Range range_of(const Projection& p, const ByAxis<Range>& at);

/// A dimension's ranges over all tiles of its axis: visits each.
template <class Visit>
void for_each_range(const Projection& p, Range within, std::int64_t tile, Visit visit) {
  for (std::int64_t begin = within.begin; begin < within.end; begin += tile) {
    visit(p.apply({begin, std::min(within.end, begin + tile)}));
  }
}
/// Their sizes.
template <class Visit>
void for_each_size(const Projection& p, Range within, std::int64_t tile, Visit visit) {
  for_each_range(p, within, tile, [&](Range range) { visit(range.size()); });
}

/// Each place of the axis is as many elements, next to one another.
bool is_even_scale(const Projection& p);

/// How a range of an axis, cut into tiles from its begin on, shows in one dimension: the largest of
/// its ranges, the sum of all, and of those that differ from the one before.
struct DimensionCut {
  std::int64_t largest = 1, sum = 1, fresh = 1;
  bool operator==(const DimensionCut&) const = default;
};
DimensionCut cut(const Projection& p, Range within, std::int64_t tile);

}  // namespace spillway::sim
