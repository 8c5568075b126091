#include "sim/plan/mapping/search_tables.hpp"

#include <algorithm>
#include <utility>

#include "sim/plan/mapping/loop_orders.hpp"

namespace spillway::sim {

namespace {

Order order_of(const NestSpec& spec, const std::vector<Axis>& axes) {
  Order order;
  ByAxis<std::size_t> outer{};
  ByAxis<bool> seen{};
  for (std::size_t i = 0; i < axes.size(); ++i) {
    const std::size_t axis = index(axes[i]);
    order.loops.push_back({axes[i], spec.extent[axis]});
    Order::Level level;
    level.extent = spec.extent[axis];
    if (seen[axis]) {
      level.outer = outer[axis];
      level.sizes = inner_sizes(spec, axes[i]);
    } else {
      level.sizes = sizes_of(spec, axes[i]);
      const NestSpec::Pieces* pieces = spec.pieces_along(axes[i]);
      if (pieces != nullptr && pieces->one_by_one) order.one_by_one |= std::uint32_t{1} << i;
      outer[axis] = i;
      seen[axis] = true;
    }
    if (!std::is_sorted(level.sizes.rbegin(), level.sizes.rend())) {
      order.unsorted |= std::uint32_t{1} << i;
    }
    std::int64_t last = 2 * level.extent;
    for (const std::int64_t size : level.sizes) {
      level.coarse.push_back(size == 1 || size <= (last + 1) / 2);
      if (level.coarse.back()) last = size;
    }
    order.levels.push_back(std::move(level));
  }
  // Examples are decided last: of them the largest tile that fits is taken.
  for (const bool examples : {false, true}) {
    for (std::size_t i = 0; i < axes.size(); ++i) {
      if ((axes[i] == Axis::example) == examples) order.sequence.push_back(i);
    }
  }
  order.by_axis = axis_loops(order.loops);
  order.patterns.resize(std::size_t{1} << axes.size());
  return order;
}

}  // namespace

SearchTables::SearchTables(const NestSpec& spec) : cuts(spec.slots.size()), shape(spec) {
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    const Projections& dims = spec.slots[s].dims;
    for (std::size_t d = 0; d < dims.size(); ++d) {
      cuts[s][d] = cuts_of(spec, dims[d]);
      gaps = gaps || cuts[s][d].gaps;
    }
  }
  for (const std::vector<Axis>& axes : loop_orders(spec)) {
    orders.push_back(order_of(spec, axes));
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      orders.back().slots.push_back(tiles_of(spec, s, orders.back()));
    }
    orders.back().symmetric = symmetric_in(spec, orders.back());
  }
  find_together(spec);
}

Cuts SearchTables::cuts_of(const NestSpec& spec, const Projection& p) {
  Cuts cuts;
  if (!p.axis) return {{{p.extent, p.extent, p.extent}}, {}, {p.extent}, {}};
  const std::int64_t extent = spec.extent[index(*p.axis)];
  for (const std::int64_t tile : sizes_of(spec, *p.axis)) {
    cuts.outer.push_back(cut(p, {0, extent}, tile));
  }
  if ((spec.split == p.axis || spec.pieces_along(*p.axis) != nullptr) && !p.outer) {
    for (const std::int64_t tile : inner_sizes(spec, *p.axis))
      cuts.inner.push_back(cut(p, {0, extent}, tile));
  }
  for (const auto& [all, least] :
       {std::pair{&cuts.outer, &cuts.outer_least}, std::pair{&cuts.inner, &cuts.inner_least}}) {
    least->resize(all->size());
    for (std::size_t size = all->size(); size-- > 0;) {
      const DimensionCut& each = (*all)[size];
      (*least)[size] = std::min(each.sum, each.fresh);
      if (size + 1 < all->size()) (*least)[size] = std::min((*least)[size], (*least)[size + 1]);
      cuts.gaps = cuts.gaps || (*least)[size] < cuts.outer.front().sum;
      cuts.repeats = cuts.repeats || each.fresh < each.sum;
    }
  }
  for (const auto* all : {&cuts.outer, &cuts.inner}) {
    for (std::size_t size = 1; size < all->size(); ++size) {
      const DimensionCut &larger = (*all)[size - 1], &smaller = (*all)[size];
      cuts.rises = cuts.rises && smaller.sum >= larger.sum;
      // At a border a large tile may reach farther onto padding.
      cuts.shrinks = cuts.shrinks && smaller.largest <= larger.largest;
    }
  }
  return cuts;
}

SlotTiles SearchTables::tiles_of(const NestSpec& spec, std::size_t s, const Order& order) const {
  const Slot& slot = spec.slots[s];
  const std::size_t count = order.loops.size();
  SlotTiles tiles;
  tiles.slot = s;
  tiles.element = static_cast<std::int64_t>(slot.element.count());
  tiles.moves =
      slot.counted && (slot.source == Slot::Source::outside || slot.source == Slot::Source::made);
  tiles.kept = is_keepable(spec, s);
  std::uint64_t elements = 1;
  for (const Projection& p : slot.dims) elements *= static_cast<std::uint64_t>(p.extent);
  tiles.all = workloads::words_of(slot.element * elements).count();
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    const Projection& p = slot.dims[d];
    const Cuts& all = cuts[s][d];
    SlotTiles::Dimension dimension{
        count, &all.outer, &all.outer_least,
        (d == 0 && slot.in_parts) || (slot.in_epilogue && p.axis == spec.epilogue->axis),
        p.per_group};
    for (std::size_t i = 0; i < count; ++i) {
      if (order.loops[i].axis != p.axis || (p.outer && order.levels[i].outer)) continue;
      dimension.level = i;
      dimension.cuts = order.levels[i].outer ? &all.inner : &all.outer;
      dimension.least = order.levels[i].outer ? &all.inner_least : &all.outer_least;
      const std::uint32_t bit = std::uint32_t{1} << i;
      tiles.levels |= bit;
      if (!all.rises) tiles.falls |= bit;
      if (!all.shrinks) tiles.grows |= bit;
    }
    tiles.gaps = tiles.gaps || all.gaps || (tiles.kept && all.repeats);
    for (std::size_t i = 0; i < count && p.per_group != 0; ++i) {
      if (order.loops[i].axis == Axis::group) tiles.levels |= std::uint32_t{1} << i;
    }
    if (dimension.level < count || p.per_group != 0) {
      tiles.dims[tiles.changing++] = dimension;
    } else {
      tiles.rest *= all.outer.front().sum;
      tiles.largest *= dimension.part ? 1 : all.outer.front().largest;
    }
  }
  return tiles;
}

void SearchTables::find_together(const NestSpec& spec) {
  std::vector<std::vector<std::size_t>> all;
  for (const NestOp& op : spec.ops) {
    std::vector<std::size_t>& slots = all.emplace_back();
    for (const auto* operands : {&op.inputs, &op.outputs}) {
      for (const NestOp::Operand& operand : *operands) {
        if (!operand.once) slots.push_back(operand.slot);
      }
    }
    std::sort(slots.begin(), slots.end());
    slots.erase(std::unique(slots.begin(), slots.end()), slots.end());
  }
  // A set of slots within a larger one bounds nothing.
  const auto is_within = [](const auto& some, const auto& more) {
    return std::includes(more.begin(), more.end(), some.begin(), some.end());
  };
  std::sort(all.begin(), all.end(),
            [](const auto& a, const auto& b) { return a.size() > b.size(); });
  for (const std::vector<std::size_t>& slots : all) {
    const auto has_all = [&](const auto& more) { return is_within(slots, more); };
    if (std::none_of(together.begin(), together.end(), has_all)) together.push_back(slots);
  }
}

std::optional<std::size_t> SearchTables::symmetric_in(const NestSpec& spec, const Order& order) {
  std::vector<std::size_t> rows, columns;  // levels
  for (std::size_t i = 0; i < order.loops.size(); ++i) {
    if (order.loops[i].axis == Axis::row) rows.push_back(i);
    if (order.loops[i].axis == Axis::column) columns.push_back(i);
  }
  if (rows.empty() || rows.size() != columns.size()) return std::nullopt;
  for (std::size_t k = 0; k < rows.size(); ++k) {
    const std::size_t row = rows[k], column = columns[k];
    if (column != row + 1) return std::nullopt;
    if (order.levels[row].sizes != order.levels[column].sizes) return std::nullopt;
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      if (!is_symmetric(spec.slots[s], order.slots[s], row, column)) return std::nullopt;
    }
  }
  const bool symmetric = std::all_of(spec.ops.begin(), spec.ops.end(),
                                     [&](const NestOp& op) { return is_symmetric(spec, op); });
  return symmetric ? std::optional(columns.front()) : std::nullopt;
}

bool SearchTables::is_symmetric(const Slot& slot, const SlotTiles& tiles, std::size_t row,
                                std::size_t column) {
  std::array<const SlotTiles::Dimension*, 2> dims{};
  for (std::size_t d = 0; d < tiles.changing; ++d) {
    const SlotTiles::Dimension& dimension = tiles.dims[d];
    if (dimension.level != row && dimension.level != column) continue;
    const SlotTiles::Dimension*& own = dims[dimension.level == row ? 0 : 1];
    if (own != nullptr || dimension.part) return false;
    own = &dimension;
  }
  if (dims[0] == nullptr || dims[1] == nullptr) return dims[0] == dims[1];
  // How many words a run of smaller elements takes depends on how long it is; a part of a tensor
  // stands along its first dimension; and boxes repeat along the innermost loop alone.
  if (tiles.moves && slot.element != workloads::Bytes(workloads::bytes_per_word)) return false;
  const std::optional<Axis> first = slot.dims[0].axis;
  return first != Axis::row && first != Axis::column && !tiles.gaps &&
         *dims[0]->cuts == *dims[1]->cuts;
}

bool SearchTables::is_symmetric(const NestSpec& spec, const NestOp& op) {
  const std::size_t row = index(Axis::row), column = index(Axis::column);
  if (op.runs[row] != op.runs[column]) return false;
  if (!op.product) return true;
  const auto side = op.product->side[row];
  if (side != op.product->side[column]) return false;
  // Else it would matter which of them is cut first.
  return !side || op.product->whole.*(*side) %
                          static_cast<std::uint64_t>(spec.extent[row] * spec.extent[column]) ==
                      0;
}

}  // namespace spillway::sim
