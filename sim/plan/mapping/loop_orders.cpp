#include "sim/plan/mapping/loop_orders.hpp"

#include <algorithm>

#include "sim/plan/limits.hpp"

namespace spillway::sim {

std::vector<std::vector<Axis>> loop_orders(const NestSpec& spec) {
  const auto add = [&](std::vector<Axis>& order, std::initializer_list<Axis> axes) {
    for (const Axis axis : axes) {
      if (spec.extent[index(axis)] > 1) order.push_back(axis);
    }
  };
  std::array<std::vector<Axis>, 3> blocks;
  add(blocks[0], {Axis::example, Axis::depth, Axis::row, Axis::column});
  add(blocks[1], {Axis::output});
  add(blocks[2], {Axis::input});
  std::array<std::size_t, 3> at{0, 1, 2};
  std::vector<std::vector<Axis>> result;
  do {
    std::vector<Axis> order;
    add(order, {Axis::group});
    for (const std::size_t b : at) order.insert(order.end(), blocks[b].begin(), blocks[b].end());
    if (!spec.pieces.empty()) {
      // Pieces are of no use where their slot stays for the innermost loop.
      if (spec.pieces_along(order.back()) == nullptr) continue;
      for (const NestSpec::Pieces& pieces : spec.pieces) order.push_back(pieces.axis);
    }
    if (std::find(result.begin(), result.end(), order) == result.end()) result.push_back(order);
    if (spec.split && spec.extent[index(*spec.split)] > 1 && order.back() != *spec.split) {
      order.push_back(*spec.split);
      result.push_back(order);
    }
  } while (std::next_permutation(at.begin(), at.end()));
  return result;
}

std::vector<std::int64_t> tile_sizes(std::int64_t extent) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t pieces = 1; pieces <= extent;) {
    const std::int64_t tile = (extent + pieces - 1) / pieces;
    if (sizes.empty() || sizes.back() != tile) sizes.push_back(tile);
    pieces = pieces < limits.even_cuts ? pieces + 1 : std::max(pieces + 1, pieces * 9 / 8);
  }
  if (sizes.empty() || sizes.back() != 1) sizes.push_back(1);
  return sizes;
}

std::vector<std::int64_t> sizes_of(const NestSpec& spec, Axis axis) {
  const std::int64_t extent = spec.extent[index(axis)];
  if (axis == Axis::group) return {extent, 1};
  if (spec.uncut[index(axis)]) return {extent};
  std::vector<std::int64_t> sizes = tile_sizes(extent);
  if (is_of_map(axis) && extent <= limits.small_map) {
    // How windows overlap depends on where exactly a map is cut: after the even cuts all others.
    for (std::int64_t tile = extent; tile > 1; --tile) {
      if (std::find(sizes.begin(), sizes.end(), tile) == sizes.end()) {
        sizes.insert(sizes.end() - 1, tile);
      }
    }
  }
  return sizes;
}

std::vector<std::int64_t> inner_sizes(const NestSpec& spec, Axis axis) {
  if (spec.uncut[index(axis)]) return {spec.extent[index(axis)]};
  if (const NestSpec::Pieces* pieces = spec.pieces_along(axis)) {
    return pieces->one_by_one ? std::vector<std::int64_t>{1} : sizes_of(spec, axis);
  }
  const std::int64_t extent = spec.extent[index(axis)];
  std::vector<std::int64_t> sizes;
  std::int64_t tile = 1;
  while (tile * 2 < extent) tile *= 2;
  for (; tile >= 1; tile /= 2) sizes.push_back(tile);
  return sizes;
}

}  // namespace spillway::sim
