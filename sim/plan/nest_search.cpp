#include "sim/plan/nest_search.hpp"

#include <algorithm>
#include <bit>
#include <limits>

namespace spillway::sim {

namespace {

/// Orders of loops worth trying: pixels (examples, rows, columns), outputs and inputs in all
/// orders; groups outside of everything.
std::vector<std::vector<Axis>> orders(const NestSpec& spec) {
  const auto add = [&](std::vector<Axis>& order, std::initializer_list<Axis> axes) {
    for (const Axis axis : axes) {
      if (spec.extent[index(axis)] > 1) order.push_back(axis);
    }
  };
  std::array<std::vector<Axis>, 3> blocks;
  add(blocks[0], {Axis::example, Axis::row, Axis::column});
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

/// Tile sizes of an axis in a spec, the largest first and the smallest last.
std::vector<std::int64_t> sizes_of(const NestSpec& spec, Axis axis) {
  const std::int64_t extent = spec.extent[index(axis)];
  if (axis == Axis::group) return {extent, 1};
  const bool maps = axis == Axis::row || axis == Axis::column;
  if ((maps && spec.whole_maps) || (axis == Axis::example && spec.whole_batch)) return {extent};
  std::vector<std::int64_t> sizes = tile_sizes(extent);
  if (maps && extent <= small_map) {
    // How windows overlap depends on where exactly a map is cut: after the even cuts all others.
    for (std::int64_t tile = extent; tile > 1; --tile) {
      if (std::find(sizes.begin(), sizes.end(), tile) == sizes.end()) {
        sizes.insert(sizes.end() - 1, tile);
      }
    }
  }
  return sizes;
}

/// Tile sizes of an inner loop. Pieces that cost no words are as small as they can be in the
/// search, and grow after it.
std::vector<std::int64_t> inner_sizes(const NestSpec& spec, Axis axis) {
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

/// The cuts of one dimension of a slot by tile size, of whichever loop it follows.
struct Cuts {
  std::vector<DimensionCut> outer, inner;  ///< a dimension without an axis has one cut
  /// The least of the sums of a size and of all later ones, and of what is fresh of them.
  std::vector<std::int64_t> outer_least, inner_least;
  bool gaps = false;     ///< smaller tiles leave out what larger ones cover
  bool repeats = false;  ///< tiles may be the same box as the one before
  bool rises = true;     ///< sums never fall from one size to the next
  bool shrinks = true;   ///< nor does the largest of the tiles grow
};

/// A slot's tiles under one order of loops.
struct SlotTiles {
  /// A dimension that changes with a loop.
  struct Dimension {
    std::size_t level = 0;  ///< the number of levels: with none
    const std::vector<DimensionCut>* cuts = nullptr;
    const std::vector<std::int64_t>* least = nullptr;
    bool part = false;  ///< a place at a time is enough
    std::int64_t per_group = 0;
  };
  std::size_t slot = 0;
  std::array<Dimension, models::largest_rank> dims;
  std::size_t changing = 0;            ///< dimensions in use
  std::int64_t rest = 1, largest = 1;  ///< elements along the others: all, and of a tile
  std::int64_t element = 4;
  bool moves = false;        ///< its words are counted
  bool kept = false;         ///< where the next tile is the same box
  bool gaps = false;         ///< smaller tiles may move fewer words
  std::uint32_t levels = 0;  ///< that the size of a tile depends on
  // Levels of which a later size may move fewer words, or need more room.
  std::uint32_t falls = 0, grows = 0;
};

/// One order of loops, with what its searches share.
struct Order {
  struct Level {
    std::int64_t extent = 1;
    std::optional<std::size_t> outer;  ///< level of the same axis
    std::vector<std::int64_t> sizes;   ///< of tiles, the largest first and the smallest last
    std::vector<bool> coarse;          ///< about half of the one before, by size
  };
  std::vector<Loop> loops;  ///< with the whole axes
  std::vector<Level> levels;
  std::vector<std::size_t> sequence;  ///< levels as they are decided
  AxisLoops by_axis;
  std::vector<SlotTiles> slots;
  std::uint32_t unsorted = 0;    ///< levels
  std::uint32_t one_by_one = 0;  ///< levels with an inner one of single places
  /// A level of columns that could change places with the one of rows just outside of it.
  std::optional<std::size_t> mirrored;
  std::vector<std::vector<SlotPattern>> patterns;  ///< by running loops, when they are needed
};

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

struct LoopSearch::Tables {
  explicit Tables(const NestSpec& spec) : cuts(spec.slots.size()), shape(spec) {
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      const Projections& dims = spec.slots[s].dims;
      for (std::size_t d = 0; d < dims.size(); ++d) {
        cuts[s][d] = cuts_of(spec, dims[d]);
        gaps = gaps || cuts[s][d].gaps;
      }
    }
    for (const std::vector<Axis>& axes : sim::orders(spec)) {
      orders.push_back(order_of(spec, axes));
      for (std::size_t s = 0; s < spec.slots.size(); ++s) {
        orders.back().slots.push_back(tiles_of(spec, s, orders.back()));
      }
      orders.back().mirrored = mirrored_in(spec, orders.back());
    }
    find_together(spec);
  }

  static Cuts cuts_of(const NestSpec& spec, const Projection& p) {
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

  SlotTiles tiles_of(const NestSpec& spec, std::size_t s, const Order& order) const {
    const Slot& slot = spec.slots[s];
    const std::size_t count = order.loops.size();
    SlotTiles tiles;
    tiles.slot = s;
    tiles.element = static_cast<std::int64_t>(slot.element.count());
    tiles.moves =
        slot.counted && (slot.source == Slot::Source::outside || slot.source == Slot::Source::made);
    tiles.kept = is_keepable(spec, s);
    for (std::size_t d = 0; d < slot.dims.size(); ++d) {
      const Projection& p = slot.dims[d];
      const Cuts& all = cuts[s][d];
      SlotTiles::Dimension dimension{
          count, &all.outer, &all.outer_least,
          (d == 0 && slot.in_parts) || (slot.in_finish && p.axis == spec.finish->axis),
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

  void find_together(const NestSpec& spec) {
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
    // What is needed beside still more elsewhere says nothing.
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

  /// The columns, where all that is cut along them is cut along rows in the same way.
  static std::optional<std::size_t> mirrored_in(const NestSpec& spec, const Order& order) {
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
        if (!is_mirrored(spec.slots[s], order.slots[s], row, column)) return std::nullopt;
      }
    }
    const bool mirrored = std::all_of(spec.ops.begin(), spec.ops.end(),
                                      [&](const NestOp& op) { return is_mirrored(spec, op); });
    return mirrored ? std::optional(columns.front()) : std::nullopt;
  }
  static bool is_mirrored(const Slot& slot, const SlotTiles& tiles, std::size_t row,
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
  static bool is_mirrored(const NestSpec& spec, const NestOp& op) {
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

  std::vector<std::array<Cuts, models::largest_rank>> cuts;  ///< by slot and dimension
  bool gaps = false;                                         ///< any of them has
  std::vector<Order> orders;
  NestShape shape;  ///< of the loops that a search is at
  /// Sets of slots that some operation uses at once; none within another.
  std::vector<std::vector<std::size_t>> together;
};

namespace {

/// One order of loops, searched depth first from large tiles to small ones. A smaller tile never
/// moves fewer words, unless windows leave gaps, and single places never take more room: so a
/// branch ends where the largest tiles that still fit move as much as the best loops known, and
/// where its smallest do not fit.
class OrderSearch {
 public:
  OrderSearch(const NestSpec& spec, LoopSearch::Tables& tables, Order& order,
              const Standing& standing, std::uint64_t words, std::uint64_t below)
      : spec_(spec),
        together_(tables.together),
        order_(order),
        standing_(standing),
        words_(words),
        below_(below),
        shape_(tables.shape),
        count_(order.loops.size()),
        loops_(order.loops),
        mirrored_(order.mirrored),
        falls_(order.unsorted | order.one_by_one),  // outer tiles of a single place come whole
        grows_(order.unsorted) {
    tile_.fill(1);
    const auto in_buffer = [&](std::size_t s) {
      return spec.slots[s].source != Slot::Source::streamed;
    };
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      if (stands_whole(spec.slots[s], standing[s])) continue;
      const SlotTiles& tiles = order.slots[s];
      if (standing[s] != 0) in_part_.push_back(s);
      (in_buffer(s) ? slots_ : streamed_).push_back(&tiles);
      if (in_buffer(s)) grows_ |= tiles.grows;
      if (!tiles.moves) continue;
      falls_ |= tiles.falls;
      gaps_ = gaps_ || tiles.gaps;
    }
    room_.resize(spec.slots.size());
  }

  /// With `coarse` only tiles of which each is about half of the next larger one.
  void run(std::optional<FoundNest>& best, bool coarse) {
    best_ = &best;
    coarse_ = coarse;
    // A bound on words helps only where words are what is searched for.
    supposes_ = array_ == nullptr && !for_room_;
    for (std::size_t level = 0; level < count_; ++level) undecide(level, 0);
    for (const SlotTiles* slot : slots_) room_[slot->slot] = largest_tile(*slot);
    if (needed_at_least() > words_) return;
    find_fits(0, ByLevel{});
    if (!suppose(0) || !moves_too_much()) descend(0);
  }

  /// Loops that move fewer words than `below` in the fewest cycles on chip. `best` has loops of so
  /// many cycles, or none yet.
  void run(std::optional<FoundNest>& best, bool coarse, const models::ComputeArray& array,
           std::uint64_t& cycles) {
    array_ = &array;
    fewest_cycles_ = &cycles;
    run(best, coarse);
  }

  /// Loops that move fewer words than `below` in the smallest buffer.
  void run_for_room(std::optional<FoundNest>& best, bool coarse) {
    for_room_ = true;
    run(best, coarse);
  }

 private:
  using ByLevel = std::array<std::size_t, 2 * axis_count + 1>;  // and one for what has no loop

  /// Of the level's sizes a later one may need more room.
  bool grows(std::size_t level) const { return (grows_ >> level & 1) != 0; }

  const std::vector<std::int64_t>& sizes(std::size_t level) const {
    return order_.levels[level].sizes;
  }

  void decide(std::size_t level, std::size_t size) {
    decided_[level] = true;
    largest_[level] = size;
    set_smallest(level, size);
    set_tile(level);
  }
  void undecide(std::size_t level, std::size_t first) {
    decided_[level] = false;
    largest_[level] = first;
    set_smallest(level, sizes(level).size() - 1);
    set_tile(level);
  }
  void set_smallest(std::size_t level, std::size_t size) {
    if (smallest_[level] == size) return;
    smallest_[level] = size;
    for (const SlotTiles* slot : slots_) {
      if ((slot->levels >> level & 1) != 0) room_[slot->slot] = largest_tile(*slot);
    }
  }
  void set_tile(std::size_t level) {
    tile_[level] = sizes(level)[largest_[level]];
    set_trips(level);
    for (std::size_t i = level + 1; i < count_; ++i) {
      if (order_.levels[i].outer == level) set_trips(i);
    }
  }
  void set_trips(std::size_t level) {
    const Order::Level& l = order_.levels[level];
    const std::int64_t extent = l.outer ? tile_[*l.outer] : l.extent;
    trips_[level] = static_cast<std::uint64_t>((extent + tile_[level] - 1) / tile_[level]);
    // Whether pieces of single places run at all shows only once their outer tile is known.
    if (l.outer && !decided_[*l.outer] && (order_.one_by_one >> *l.outer & 1) != 0)
      trips_[level] = 1;
    const std::uint32_t bit = std::uint32_t{1} << level;
    running_ = trips_[level] > 1 ? running_ | bit : running_ & ~bit;
  }

  const std::vector<SlotPattern>& patterns() {
    std::vector<SlotPattern>& known = order_.patterns[running_];
    if (known.empty()) known = slot_patterns(spec_, order_.by_axis, running_);
    return known;
  }

  /// Elements of all of a slot's tiles, or no more than of any tiles of the loops that are not
  /// decided yet; where a loop is named, along its dimensions of those that differ from the one
  /// before.
  std::int64_t elements(const SlotTiles& tiles, std::size_t fresh_along) const {
    std::int64_t result = tiles.rest;
    for (std::size_t d = 0; d < tiles.changing; ++d) {
      const SlotTiles::Dimension& dimension = tiles.dims[d];
      if (dimension.level == fresh_along && fresh_along < count_) {
        result *= (*dimension.cuts)[largest_[dimension.level]].fresh;
      } else if (dimension.level < count_ && !decided_[dimension.level]) {
        result *= (*dimension.least)[largest_[dimension.level]];
      } else {
        result *= (*dimension.cuts)[largest_[dimension.level]].sum;
      }
      if (dimension.per_group != 0) result *= spec_.extent[index(Axis::group)];
    }
    return result;
  }
  std::uint64_t words(const SlotTiles& tiles, std::int64_t elements) const {
    return static_cast<std::uint64_t>((elements * tiles.element + 3) / 4);
  }
  /// Words of all of its tiles that move, with the loop that changes them most often.
  std::uint64_t covered(const SlotTiles& tiles, std::optional<std::size_t> innermost) const {
    std::size_t fresh_along = count_;
    if (tiles.kept && innermost && decided_[*innermost]) {
      const std::size_t axis = index(loops_[*innermost].axis);
      if (order_.by_axis.all[axis] == order_.by_axis.outer[axis]) fresh_along = *innermost;
    }
    const std::int64_t all = elements(tiles, fresh_along);
    const std::int64_t standing = standing_[tiles.slot];
    if (standing == 0) return words(tiles, all);
    const std::int64_t first = spec_.slots[tiles.slot].dims[0].extent;
    return words(tiles, all / first * (first - standing));
  }
  /// Words of its largest tile, or no more than in any tiles that are not decided yet.
  std::uint64_t largest_tile(const SlotTiles& tiles) const {
    std::int64_t result = tiles.largest;
    for (std::size_t d = 0; d < tiles.changing; ++d) {
      const SlotTiles::Dimension& dimension = tiles.dims[d];
      // In groups a range of the channels of all groups, or of one.
      std::int64_t size =
          dimension.part ? 1 : (*dimension.cuts)[smallest_[dimension.level]].largest;
      for (std::size_t i = 0; i < count_ && dimension.per_group != 0; ++i) {
        const std::int64_t groups = sizes(i)[smallest_[i]];
        if (loops_[i].axis != Axis::group || groups == 1) continue;
        size = groups * dimension.per_group;
        break;
      }
      result *= size;
    }
    return words(tiles, result);
  }

  /// DRAM words of the chosen tiles, or no more than any tiles of the loops that are not decided
  /// yet move. (Of elements smaller than a word no more than there are.)
  std::uint64_t moved() {
    const std::vector<SlotPattern>& patterns = this->patterns();
    std::uint64_t sum = 0;
    for (const SlotTiles* slot : slots_) {
      const SlotTiles& tiles = *slot;
      if (!tiles.moves) continue;
      const SlotPattern& pattern = patterns[tiles.slot];
      const SlotMoves moves = slot_moves(spec_.slots[tiles.slot], turns(pattern.multiplied));
      const std::uint64_t times = moves.loads + moves.stores;
      if (times != 0) sum += covered(tiles, pattern.innermost) * times;
    }
    return sum;
  }

  /// Clock cycles of the chosen tiles on chip, one thing after another, or no more than those of
  /// any tiles of the loops that are not decided yet: products on the array, what is made again,
  /// words through the host port and out of the PRNG, and one for each turn of the innermost loop.
  std::uint64_t cycles() {
    const std::vector<SlotPattern>& patterns = this->patterns();
    std::uint64_t sum = turns((std::uint32_t{1} << (count_ - spec_.pieces.size())) - 1);
    for (const NestOp& op : spec_.ops) {
      if (!op.product) continue;
      std::uint32_t loops = loops_of(op, order_.by_axis);
      const std::uint64_t once = array_->cycles(product_of_tiles(op, loops)).count();
      if (op.on_demand) {
        loops |= patterns[*op.on_demand].follows | patterns[*op.on_demand].multiplied;
      }
      sum += turns(loops) * once;
    }
    const auto add = [&](const SlotTiles& tiles) {
      if (tiles.moves) return;
      const Slot& slot = spec_.slots[tiles.slot];
      const SlotPattern& pattern = patterns[tiles.slot];
      const std::uint64_t times = turns(pattern.multiplied);
      if (slot.source == Slot::Source::remade || slot.source == Slot::Source::streamed) {
        sum += array_->elementwise_cycles(covered(tiles, pattern.innermost) * times).count();
        return;
      }
      const SlotMoves moves = slot_moves(slot, times);
      sum += covered(tiles, pattern.innermost) * (moves.loads + moves.stores);
    };
    for (const SlotTiles* slot : slots_) add(*slot);
    for (const SlotTiles* slot : streamed_) add(*slot);
    return sum;
  }

  std::uint64_t turns(std::uint32_t loops) const {
    std::uint64_t result = 1;
    for (; loops != 0; loops &= loops - 1) {
      result *= trips_[static_cast<std::size_t>(std::countr_zero(loops))];
    }
    return result;
  }

  /// What an operation multiplies in one turn of these loops, at most.
  models::Gemm product_of_tiles(const NestOp& op, std::uint32_t loops) const {
    models::Gemm product = op.product->whole;
    for (std::size_t axis = 0; axis < axis_count; ++axis) {
      const std::uint32_t own = order_.by_axis.all[axis] & loops;
      const auto side = op.product->side[axis];
      if (own == 0 || !side) continue;
      // An inner loop that is not decided yet takes all of the outer one's tile.
      std::int64_t part = spec_.extent[axis];
      for (std::uint32_t mask = own; mask != 0; mask &= mask - 1) {
        part = std::min(part, tile_[static_cast<std::size_t>(std::countr_zero(mask))]);
      }
      product.*(*side) = workloads::ceil_div(product.*(*side) * static_cast<std::uint64_t>(part),
                                             static_cast<std::uint64_t>(spec_.extent[axis]));
    }
    return product;
  }

  /// Words that any packing of the chosen tiles needs.
  std::uint64_t needed() {
    const std::vector<SlotPattern>& patterns = this->patterns();
    std::uint64_t lasting = 0, passing = 0;
    for (const SlotTiles* slot : slots_) {
      const std::uint64_t size = room_[slot->slot];
      if (patterns[slot->slot].transient) {
        passing = std::max(passing, size);
      } else {
        lasting += size;
      }
    }
    return lasting + passing;
  }

  /// Decides the levels from this step on.
  void descend(std::size_t step) {
    if (step == count_) {
      consider();
      return;
    }
    const std::size_t level = order_.sequence[step];
    const Order::Level& l = order_.levels[level];
    const ByLevel first = largest_, first_fit = fits_;
    std::size_t begin = fits_[level];
    // Of two tiles that differ in rows and columns alone the one that comes first.
    if (mirrored_ == level) begin = std::max(begin, largest_[level - 1]);
    for (std::size_t size = begin; size < l.sizes.size(); ++size) {
      if (coarse_ && !l.coarse[size]) continue;
      decide(level, size);
      if (!is_sensible(level)) continue;
      if (moves_too_much()) {
        if (gaps_ || (falls_ >> level & 1) != 0) continue;
        break;
      }
      if (array_ != nullptr && cycles() >= *fewest_cycles_) continue;
      if ((grows(level) || for_room_) && needed_at_least() > words_) continue;
      find_fits(step + 1, first_fit);
      if (!suppose(step + 1) || !moves_too_much()) descend(step + 1);
      for (std::size_t s = step + 1; s < count_; ++s) {
        undecide(order_.sequence[s], first[order_.sequence[s]]);
      }
    }
    fits_ = first_fit;
    undecide(level, first[level]);
  }

  bool moves_too_much() {
    return bound() != std::numeric_limits<std::uint64_t>::max() && moved() >= bound();
  }

  /// Of the level of a step, or of all from there on, the first sizes that fit where the others
  /// have their smallest. None of those before `first` does.
  void find_fits(std::size_t step, const ByLevel& first) {
    for (std::size_t s = step; s < (supposes_ ? count_ : std::min(step + 1, count_)); ++s) {
      const std::size_t level = order_.sequence[s];
      fits_[level] = grows(level) ? 0 : first_fit(level, first[level]);
    }
  }
  std::size_t first_fit(std::size_t level, std::size_t begin) {
    const std::size_t last = sizes(level).size() - 1;
    const auto is_too_large = [&](std::size_t size) {
      set_smallest(level, size);
      return needed_at_least() > words_;
    };
    std::size_t end = begin;
    for (std::size_t by = 1; end < last && is_too_large(end); by *= 2) {
      begin = end + 1;
      end = std::min(last, end + by);
    }
    while (begin < end) {
      const std::size_t middle = begin + (end - begin) / 2;
      if (is_too_large(middle)) {
        begin = middle + 1;
      } else {
        end = middle;
      }
    }
    set_smallest(level, last);
    return end;
  }
  /// Has what is not decided, from a step on, move no less than what fits. False: nothing new.
  bool suppose(std::size_t step) {
    if (!supposes_) return false;
    bool any = false;
    for (std::size_t s = step; s < count_; ++s) {
      const std::size_t level = order_.sequence[s];
      const std::optional<std::size_t> outer = order_.levels[level].outer;
      if (fits_[level] == largest_[level] || (outer && !decided_[*outer])) continue;
      undecide(level, fits_[level]);
      any = true;
    }
    return any;
  }

  /// Words that an operation's operands need together, whatever is transient, or no more where
  /// tiles are not decided yet.
  std::uint64_t needed_at_least() const {
    std::uint64_t most = 0;
    for (const std::vector<std::size_t>& together : together_) {
      std::uint64_t sum = 0;
      for (const std::size_t s : together) sum += room_[s];
      most = std::max(most, sum);
    }
    return most;
  }

  bool is_sensible(std::size_t level) const {
    const Axis axis = loops_[level].axis;
    const Order::Level& l = order_.levels[level];
    if (l.outer) {
      const std::int64_t outer = tile_[*l.outer], inner = tile_[level];
      if (inner > outer || (inner == outer && spec_.pieces.empty())) return false;
      // The inner tiles are those of the whole axis, too.
      if (outer % inner != 0 && outer != l.extent) return false;
    }
    if ((axis == Axis::output || axis == Axis::input) && tile_[level] < l.extent) {
      // Groups that go together are whole.
      for (std::size_t i = 0; i < level; ++i) {
        if (loops_[i].axis == Axis::group && tile_[i] > 1) return false;
      }
    }
    return std::all_of(in_part_.begin(), in_part_.end(),
                       [&](std::size_t s) { return is_cut_at_part(level, s); });
  }

  /// Tiles of a level do not split what stands of a slot, or others are to decide that.
  bool is_cut_at_part(std::size_t level, std::size_t s) const {
    const Slot& slot = spec_.slots[s];
    const Axis axis = *slot.dims[0].axis;
    if (loops_[level].axis != axis) return true;
    const Order::Level& l = order_.levels[level];
    const std::int64_t inner = tile_[level], outer = l.outer ? tile_[*l.outer] : inner;
    const bool has_inner = (order_.by_axis.all[index(axis)] >> (level + 1)) != 0;
    if (has_inner && !slot.dims[0].outer && outer == l.extent) return true;
    return is_cut_at(standing_[s], slot, outer, inner);
  }

  /// Loops have to move fewer words than this.
  std::uint64_t bound() const {
    const bool fewer = array_ == nullptr && !for_room_;
    return *best_ && fewer ? (*best_)->dram_words : below_;
  }

  void consider() {
    std::uint64_t cost = moved();
    if (cost >= bound()) return;
    if (needed() > words_) return;
    const std::uint64_t cycles = array_ != nullptr ? this->cycles() : 0;
    if (array_ != nullptr && cycles >= *fewest_cycles_) return;
    for (std::size_t i = 0; i < count_; ++i) loops_[i].tile = tile_[i];
    shape_.set(loops_);
    if (!shape_.is_legal()) return;
    cost = dram_words(spec_, shape_, standing_);
    if (cost >= bound()) return;
    const Packing packing = pack(spec_, shape_, standing_);
    if (packing.words > words_) return;
    *best_ = FoundNest{loops_, cost, packing.words};
    if (array_ != nullptr) *fewest_cycles_ = cycles;
    if (!for_room_) return;
    if (packing.words == 0) below_ = 0;  // there are none in less
    words_ = packing.words - 1;
  }

  const NestSpec& spec_;
  const std::vector<std::vector<std::size_t>>& together_;
  Order& order_;
  const Standing& standing_;
  std::uint64_t words_, below_;
  NestShape& shape_;
  std::size_t count_;
  std::vector<Loop> loops_;
  std::optional<std::size_t> mirrored_;
  // Levels of which a later size may move fewer words, or need more room.
  std::uint32_t falls_, grows_;
  // Sizes that are decided; else the first that may fit and the last.
  ByLevel largest_{}, smallest_{};
  ByLevel fits_{};
  std::array<bool, 2 * axis_count + 1> decided_{};
  std::array<std::int64_t, 2 * axis_count> tile_{};  // of the largest
  std::array<std::uint64_t, 2 * axis_count> trips_{};
  std::uint32_t running_ = 0;  // levels
  std::vector<const SlotTiles*> slots_, streamed_;
  std::vector<std::uint64_t> room_;   // words of the largest tile, at least, by slot
  std::vector<std::size_t> in_part_;  // slots of which a part stands
  bool gaps_ = false, coarse_ = false, for_room_ = false, supposes_ = false;
  std::optional<FoundNest>* best_ = nullptr;
  const models::ComputeArray* array_ = nullptr;
  std::uint64_t* fewest_cycles_ = nullptr;
};

}  // namespace

std::vector<std::int64_t> tile_sizes(std::int64_t extent) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t pieces = 1; pieces <= extent;) {
    const std::int64_t tile = (extent + pieces - 1) / pieces;
    if (sizes.empty() || sizes.back() != tile) sizes.push_back(tile);
    pieces = pieces < 16 ? pieces + 1 : std::max(pieces + 1, pieces * 9 / 8);
  }
  if (sizes.empty() || sizes.back() != 1) sizes.push_back(1);
  return sizes;
}

LoopSearch::LoopSearch(const NestSpec& spec)
    : spec_(spec), tables_(std::make_unique<Tables>(spec)) {}
LoopSearch::LoopSearch(LoopSearch&&) noexcept = default;
LoopSearch::~LoopSearch() = default;

std::uint64_t LoopSearch::least(const Standing& standing) const {
  // Whole tensors, moved once, unless windows leave out a part of them.
  if (tables_->gaps) return 0;
  NestShape shape(spec_);
  shape.set({});
  return dram_words(spec_, shape, standing);
}

std::optional<FoundNest> LoopSearch::find(const Standing& standing, std::uint64_t words,
                                          std::uint64_t below, std::uint64_t least) {
  least = std::max(least, this->least(standing));
  std::optional<FoundNest> best;
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      if ((best ? best->dram_words : below) <= least) return best;
      OrderSearch(spec_, *tables_, order, standing, words, below).run(best, coarse);
    }
  }
  return best;
}

FoundNest LoopSearch::quickest(const FoundNest& found, const Standing& standing,
                               std::uint64_t words, const models::ComputeArray& array) {
  std::optional<FoundNest> best;
  std::uint64_t cycles = std::numeric_limits<std::uint64_t>::max();
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      OrderSearch(spec_, *tables_, order, standing, words, found.dram_words + 1)
          .run(best, coarse, array, cycles);
    }
  }
  return best ? *best : found;
}

Nest LoopSearch::quickest_nest(const FoundNest& found, const Standing& standing,
                               std::uint64_t words, const models::ComputeArray& array) {
  return make_nest(spec_, quickest(found, standing, words, array), standing, words);
}

FoundNest LoopSearch::smallest(const Standing& standing, std::uint64_t below) {
  std::optional<FoundNest> best;
  std::uint64_t words = std::numeric_limits<std::uint64_t>::max();
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      OrderSearch(spec_, *tables_, order, standing, words, below).run_for_room(best, coarse);
      if (best && best->buffer_words == 0) return *best;
      if (best) words = best->buffer_words - 1;
    }
  }
  return best.value();
}

std::optional<FoundNest> find_loops(const NestSpec& spec, const Standing& standing,
                                    std::uint64_t words) {
  return LoopSearch(spec).find(standing, words);
}

std::uint64_t smallest_buffer(const NestSpec& spec, const Standing& standing) {
  return LoopSearch(spec).smallest(standing).buffer_words;
}

Nest tightened(const Nest& nest) {
  NestShape shape(nest.spec);
  shape.set(nest.loops);
  const FoundNest found = LoopSearch(nest.spec).smallest(
      nest.standing, dram_words(nest.spec, shape, nest.standing) + 1);
  return make_nest(nest.spec, found, nest.standing, found.buffer_words);
}

Nest widened(const Nest& nest, BufferRange room, const models::ComputeArray& array) {
  const std::uint64_t words = room.end - room.begin;
  NestShape shape(nest.spec);
  shape.set(nest.loops, nest.parts);
  const std::uint64_t moved = dram_words(nest.spec, shape, nest.standing);
  LoopSearch search(nest.spec);
  const std::optional<FoundNest> found = search.find(nest.standing, words, moved + 1);
  if (!found) return nest;
  Nest result = search.quickest_nest(*found, nest.standing, words, array);
  shape.set(result.loops, result.parts);
  result.address = pack(result.spec, shape, result.standing).from(room.begin);
  return result;
}

namespace {

/// No tile is split by what stands.
bool is_cut_at_parts(const Nest& nest) {
  for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
    if (!is_cut_at(nest.standing[s], nest.spec.slots[s], nest.spec, nest.loops)) return false;
  }
  return true;
}

/// Pieces as large as there is room for.
void grow_pieces(Nest& nest, std::uint64_t words) {
  NestShape shape(nest.spec);
  ByAxis<std::int64_t> outer = nest.spec.extent;
  const std::size_t inner = nest.loops.size() - nest.spec.pieces.size();
  for (std::size_t i = 0; i < inner; ++i) outer[index(nest.loops[i].axis)] = nest.loops[i].tile;
  for (std::size_t i = nest.loops.size(); i-- > inner;) {
    const std::size_t axis = index(nest.loops[i].axis);
    if (!nest.spec.pieces_along(nest.loops[i].axis)->one_by_one) continue;
    for (std::int64_t tile = outer[axis]; tile > 1; --tile) {
      if (outer[axis] % tile != 0 && outer[axis] != nest.spec.extent[axis]) continue;
      nest.loops[i].tile = tile;
      shape.set(nest.loops);
      if (is_cut_at_parts(nest) && pack(nest.spec, shape, nest.standing).words <= words) break;
      nest.loops[i].tile = 1;
    }
  }
}

}  // namespace

Nest make_nest(const NestSpec& spec, const FoundNest& found, const Standing& standing,
               std::uint64_t words) {
  Nest nest{spec, found.loops, standing, {}, {}};
  NestShape shape(nest.spec);
  if (!spec.pieces.empty()) grow_pieces(nest, words);
  // What finishes a tile, and then updates, in parts as large as there is room for.
  const auto grow = [&](std::int64_t Parts::*part) {
    while (nest.parts.*part < (std::int64_t{1} << 24)) {
      Parts larger = nest.parts;
      larger.*part *= 2;
      shape.set(nest.loops, larger);
      if (pack(spec, shape, standing).words > words) return;
      nest.parts = larger;
    }
  };
  if (spec.finish) grow(&Parts::finished);
  if (std::any_of(spec.ops.begin(), spec.ops.end(), [](const NestOp& op) { return op.in_parts; })) {
    grow(&Parts::rows);
  }
  return nest;
}

}  // namespace spillway::sim
