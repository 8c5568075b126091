#include "tests/support/tile_search.hpp"

#include <algorithm>
#include <array>

namespace spillway::test {

using workloads::ConvGeometry;

namespace {

enum LoopAxis : std::size_t { example, row, column, group, output, input, axes };
enum Operand : std::size_t { x, weights, y, operands };

struct TileSpan {
  std::int64_t begin = 0, end = 1;
  std::int64_t size() const { return end - begin; }
  bool operator==(const TileSpan&) const = default;
};
using Spans = std::array<TileSpan, axes>;
using Box = std::array<TileSpan, 4>;

struct NestLoop {
  std::size_t axis;
  std::int64_t tile;
};

/// An operand whose tile is changed at one level of the loops.
struct Level {
  Box here{};
  bool any = false;
  std::uint64_t moved = 0, largest = 0;
  std::vector<bool> begun;  // of a result's tiles, by their first element
};

class TileSearch {
 public:
  TileSearch(const ConvGeometry& shape, Product product, Tiles tiles, bool cut_at_x)
      : shape_(shape), cut_at_x_(cut_at_x), any_level_(tiles == Tiles::any_level) {
    result_ = product == Product::forward ? y : product == Product::input_gradient ? x : weights;
    const workloads::ImageShape& map = cut_at_x ? shape.input : shape.output;
    extent_ = {shape.batch,
               map.height,
               map.width,
               shape.groups,
               shape.output.channels / shape.groups,
               shape.input.channels / shape.groups};
    for (std::size_t axis = 0; axis < axes; ++axis) whole_[axis] = {0, extent_[axis]};
    std::uint64_t all = 0;
    for (std::size_t o = 0; o < operands; ++o) all += words(box(o, whole_), o);
    fewest_.assign(all + 1, no_tiles);
  }

  std::vector<std::uint64_t> run(bool twice) {
    std::vector<std::size_t> splittable;
    for (const std::size_t axis : {example, group, output, input}) {
      if (twice && axis != group && extent_[axis] > 2) splittable.push_back(axis);
    }
    for (std::size_t split = 0; split < std::size_t{1} << splittable.size(); ++split) {
      std::vector<std::size_t> order;
      for (std::size_t axis = 0; axis < axes; ++axis) {
        if (extent_[axis] > 1) order.push_back(axis);
      }
      for (std::size_t i = 0; i < splittable.size(); ++i) {
        if ((split >> i & 1) != 0) order.push_back(splittable[i]);
      }
      std::sort(order.begin(), order.end());
      do {
        loops_.clear();
        choose_tiles(order);
      } while (std::next_permutation(order.begin(), order.end()));
    }
    for (std::size_t i = 1; i < fewest_.size(); ++i) {
      fewest_[i] = std::min(fewest_[i], fewest_[i - 1]);
    }
    return fewest_;
  }

 private:
  void choose_tiles(const std::vector<std::size_t>& order) {
    if (loops_.size() == order.size()) {
      try_loops();
      return;
    }
    const std::size_t axis = order[loops_.size()];
    std::int64_t most = extent_[axis];
    for (const NestLoop& loop : loops_) {
      if (loop.axis == axis) most = loop.tile;
    }
    for (std::int64_t tile = 1; tile <= most; ++tile) {
      loops_.push_back({axis, tile});
      choose_tiles(order);
      loops_.pop_back();
    }
  }

  void try_loops() {
    for (auto& levels : levels_) {
      levels.assign(loops_.size() + 1, {});
      for (Level& level : levels) level.begun.assign(fewest_.size(), false);
    }
    legal_ = true;
    walk(0, whole_);
    if (!legal_) return;
    for (Level& level : levels_[result_]) {
      if (level.any) level.moved += words(level.here, result_);
    }
    for (const Level& a : levels_[x]) {
      for (const Level& b : levels_[weights]) {
        for (const Level& c : levels_[y]) {
          if (!a.any || !b.any || !c.any) continue;
          const std::uint64_t need = a.largest + b.largest + c.largest;
          fewest_[need] = std::min(fewest_[need], a.moved + b.moved + c.moved);
        }
      }
    }
  }

  void walk(std::size_t depth, const Spans& at) {
    const bool innermost = depth == loops_.size();
    for (std::size_t o = 0; o < operands && legal_ && (any_level_ || innermost); ++o) {
      take(levels_[o][depth], o, at);
    }
    if (innermost || !legal_) return;
    const auto [axis, tile] = loops_[depth];
    for (std::int64_t begin = at[axis].begin; begin < at[axis].end; begin += tile) {
      Spans next = at;
      next[axis] = {begin, std::min(at[axis].end, begin + tile)};
      walk(depth + 1, next);
    }
  }

  void take(Level& level, std::size_t operand, const Spans& at) {
    const Box wanted = box(operand, at);
    if (level.any && wanted == level.here) return;
    const std::uint64_t size = words(wanted, operand);
    // Several groups are a box where all of their channels are taken.
    const bool part_of_groups =
        at[group].size() > 1 && (at[output] != whole_[output] || at[input] != whole_[input]);
    if (size == 0 || part_of_groups) {
      legal_ = false;
      return;
    }
    level.largest = std::max(level.largest, size);
    if (operand != result_) {
      level.moved += size;
    } else {
      if (level.any) level.moved += words(level.here, operand);
      const std::size_t first = first_element(wanted, operand);
      if (level.begun[first]) level.moved += size;
      level.begun[first] = true;
    }
    level.here = wanted;
    level.any = true;
  }

  /// Places of x that the windows at a range of y's places take, and the windows that touch a range
  /// of x's places.
  TileSpan under(TileSpan places, std::size_t axis) const {
    const workloads::Window& window = shape_.window;
    const std::int64_t extent = axis == 0 ? shape_.input.height : shape_.input.width;
    const std::int64_t begin = places.begin * window.stride[axis] - window.padding_begin[axis];
    const std::int64_t end =
        (places.end - 1) * window.stride[axis] - window.padding_begin[axis] + window.kernel[axis];
    return {std::clamp<std::int64_t>(begin, 0, extent), std::clamp<std::int64_t>(end, 0, extent)};
  }
  TileSpan over(TileSpan places, std::size_t axis) const {
    const std::int64_t extent = axis == 0 ? shape_.output.height : shape_.output.width;
    TileSpan found{extent, 0};
    for (std::int64_t window = 0; window < extent; ++window) {
      const TileSpan taken = under({window, window + 1}, axis);
      if (taken.begin >= places.end || taken.end <= places.begin) continue;
      found.begin = std::min(found.begin, window);
      found.end = window + 1;
    }
    return found.begin < found.end ? found : TileSpan{0, 0};
  }

  TileSpan channels(const Spans& at, std::size_t axis) const {
    return {at[group].begin * extent_[axis] + at[axis].begin,
            (at[group].end - 1) * extent_[axis] + at[axis].end};
  }

  Box box(std::size_t operand, const Spans& at) const {
    if (operand == weights) return {channels(at, output), at[input], TileSpan{}, TileSpan{}};
    TileSpan rows = at[row], columns = at[column];
    if (operand == x && !cut_at_x_) {
      rows = under(rows, 0);
      columns = under(columns, 1);
    }
    if (operand == y && cut_at_x_) {
      rows = over(rows, 0);
      columns = over(columns, 1);
    }
    return {at[example], channels(at, operand == x ? input : output), rows, columns};
  }

  std::uint64_t words(const Box& box, std::size_t operand) const {
    std::int64_t elements = 1;
    for (const TileSpan& span : box) elements *= span.size();
    if (operand == weights) elements *= shape_.window.kernel[0] * shape_.window.kernel[1];
    return static_cast<std::uint64_t>(elements);
  }

  /// A number of its own for every tile of a result.
  std::size_t first_element(const Box& box, std::size_t operand) const {
    const workloads::ImageShape& map = operand == x ? shape_.input : shape_.output;
    if (operand == weights) {
      return static_cast<std::size_t>(box[0].begin * extent_[input] + box[1].begin);
    }
    return static_cast<std::size_t>(
        ((box[0].begin * map.channels + box[1].begin) * map.height + box[2].begin) * map.width +
        box[3].begin);
  }

  const ConvGeometry& shape_;
  bool cut_at_x_, any_level_;
  std::size_t result_ = y;
  std::array<std::int64_t, axes> extent_{};
  Spans whole_{};
  std::vector<std::uint64_t> fewest_;  // by words on chip
  std::vector<NestLoop> loops_;
  std::array<std::vector<Level>, operands> levels_;
  bool legal_ = true;
};

}  // namespace

std::vector<std::uint64_t> fewest_words(const ConvGeometry& shape, Product product, Tiles tiles,
                                        bool twice) {
  const bool at_x = product == Product::input_gradient;
  std::vector<std::uint64_t> fewest = TileSearch(shape, product, tiles, at_x).run(twice);
  if (product != Product::weight_gradient) return fewest;
  const std::vector<std::uint64_t> other = TileSearch(shape, product, tiles, true).run(twice);
  for (std::size_t i = 0; i < fewest.size(); ++i) fewest[i] = std::min(fewest[i], other[i]);
  return fewest;
}

}  // namespace spillway::test
