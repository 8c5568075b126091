#include "sim/plan/nest_search.hpp"

#include <algorithm>
#include <bit>

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
  using Block = std::vector<Axis>;
  Block pixels, outputs, inputs;
  add(pixels, {Axis::example, Axis::row, Axis::column});
  add(outputs, {Axis::output});
  add(inputs, {Axis::input});
  std::vector<const Block*> blocks{&pixels, &outputs, &inputs};
  std::sort(blocks.begin(), blocks.end());
  std::vector<std::vector<Axis>> result;
  do {
    std::vector<Axis> order;
    add(order, {Axis::group});
    for (const Block* block : blocks) order.insert(order.end(), block->begin(), block->end());
    if (std::find(result.begin(), result.end(), order) == result.end()) result.push_back(order);
    if (spec.split && spec.extent[index(*spec.split)] > 1 && order.back() != *spec.split) {
      order.push_back(*spec.split);
      result.push_back(order);
    }
  } while (std::next_permutation(blocks.begin(), blocks.end()));
  return result;
}

/// One order of loops, searched depth first from large tiles to small ones. A smaller tile never
/// moves fewer words and never takes more room: so a branch ends where its largest tiles move as
/// much as the best loops known, and where its smallest do not fit.
class OrderSearch {
 public:
  OrderSearch(const NestSpec& spec, const std::vector<bool>& pinned, const std::vector<Axis>& order,
              std::uint64_t words)
      : spec_(spec), pinned_(pinned), words_(words), shape_(spec), count_(order.size()) {
    ByAxis<std::size_t> outer{};
    ByAxis<bool> seen{};
    for (std::size_t i = 0; i < count_; ++i) {
      const std::size_t axis = index(order[i]);
      loops_.push_back({order[i], spec.extent[axis]});
      Level level;
      level.extent = spec.extent[axis];
      if (seen[axis]) {
        level.outer = outer[axis];
        level.sizes = inner_sizes(level.extent);
      } else {
        level.sizes = sizes_of(order[i]);
        outer[axis] = i;
        seen[axis] = true;
      }
      levels_.push_back(level);
    }
    // Examples are decided last: of them the largest tile that fits is taken.
    for (std::size_t i = 0; i < count_; ++i) {
      if (order[i] != Axis::example) sequence_.push_back(i);
    }
    for (std::size_t i = 0; i < count_; ++i) {
      if (order[i] == Axis::example) sequence_.push_back(i);
    }
    by_axis_ = axis_loops(loops_);
    patterns_.resize(std::size_t{1} << count_);
    for (std::size_t s = 0; s < spec.slots.size(); ++s) add_slot(s);
    for (const NestOp& op : spec.ops) {
      std::vector<std::size_t> together;
      for (std::size_t p = 0; p < pieces_.size(); ++p) {
        const auto uses = [&](const NestOp::Operand& operand) {
          return !operand.once && operand.slot == pieces_[p].slot;
        };
        if (std::any_of(op.inputs.begin(), op.inputs.end(), uses) ||
            std::any_of(op.outputs.begin(), op.outputs.end(), uses)) {
          together.push_back(p);
        }
      }
      together_.push_back(std::move(together));
    }
  }

  void run(std::optional<FoundNest>& best) {
    best_ = &best;
    chosen_.assign(count_, 0);
    descend(0);
  }

 private:
  struct Level {
    std::int64_t extent = 1;
    std::optional<std::size_t> outer;  ///< of the same axis
    std::vector<std::int64_t> sizes;   ///< of tiles, largest first
  };
  /// A dimension of a slot that changes with a loop.
  struct Dimension {
    std::size_t level = 0;
    std::vector<DimensionCut> cuts;  ///< by tile size
  };
  struct Piece {
    std::size_t slot = 0;
    std::vector<Dimension> dims;
    std::int64_t element = 4;
    bool moves = false;  ///< its words are counted
  };

  std::vector<std::int64_t> sizes_of(Axis axis) const {
    const std::int64_t extent = spec_.extent[index(axis)];
    if (axis == Axis::group) return {extent, 1};
    const bool maps = axis == Axis::row || axis == Axis::column;
    if ((maps && spec_.whole_maps) || (axis == Axis::example && spec_.whole_batch)) return {extent};
    if (axis != Axis::column || extent <= 8) return tile_sizes(extent);
    // Columns are rarely worth a cut: halves, quarters …
    std::vector<std::int64_t> sizes;
    for (std::int64_t tile = extent;; tile = (tile + 1) / 2) {
      sizes.push_back(tile);
      if (tile == 1) return sizes;
    }
  }
  static std::vector<std::int64_t> inner_sizes(std::int64_t extent) {
    std::vector<std::int64_t> sizes;
    std::int64_t tile = 1;
    while (tile * 2 < extent) tile *= 2;
    for (; tile >= 1; tile /= 2) sizes.push_back(tile);
    return sizes;
  }

  void add_slot(std::size_t s) {
    const Slot& slot = spec_.slots[s];
    if (pinned_[s] || slot.source == Slot::Source::streamed) return;
    Piece piece;
    piece.slot = s;
    piece.element = static_cast<std::int64_t>(slot.element.count());
    piece.moves = slot.counted && slot.source != Slot::Source::remade;
    for (std::size_t d = 0; d < slot.dims.size(); ++d) {
      const Projection& p = slot.dims[d];
      const bool part =
          (d == 0 && slot.in_parts) || (slot.in_finish && p.axis == spec_.finish->axis);
      std::size_t level = count_;
      for (std::size_t i = 0; i < count_; ++i) {
        if (loops_[i].axis == p.axis && !(p.outer && levels_[i].outer)) level = i;
      }
      if (level == count_) {
        const DimensionCut whole =
            p.axis ? cut(p, spec_.extent[index(*p.axis)], spec_.extent[index(*p.axis)])
                   : DimensionCut{p.extent, p.extent};
        piece.dims.push_back({count_, {{part ? 1 : whole.largest, whole.sum}}});
        continue;
      }
      Dimension dimension{level, {}};
      for (const std::int64_t tile : levels_[level].sizes) {
        DimensionCut each = cut(p, levels_[level].extent, tile);
        if (part) each.largest = 1;
        dimension.cuts.push_back(each);
      }
      piece.dims.push_back(std::move(dimension));
    }
    pieces_.push_back(std::move(piece));
  }

  std::int64_t tile(std::size_t level) const { return levels_[level].sizes[chosen_[level]]; }

  std::uint64_t trips(std::size_t level) const {
    const Level& l = levels_[level];
    const std::int64_t extent = l.outer ? tile(*l.outer) : l.extent;
    return static_cast<std::uint64_t>((extent + tile(level) - 1) / tile(level));
  }

  const std::vector<SlotPattern>& patterns() {
    std::uint32_t running = 0;
    for (std::size_t i = 0; i < count_; ++i) {
      if (trips(i) > 1) running |= std::uint32_t{1} << i;
    }
    std::vector<SlotPattern>& known = patterns_[running];
    if (known.empty()) known = slot_patterns(spec_, by_axis_, running);
    return known;
  }

  std::int64_t dimension(const Dimension& d, bool largest) const {
    const DimensionCut& each = d.cuts[d.level < count_ ? chosen_[d.level] : 0];
    return largest ? each.largest : each.sum;
  }
  /// In groups a range of the channels of all groups, or of one.
  std::int64_t grouped(const Piece& piece, std::size_t d, bool largest) const {
    const Projection& p = spec_.slots[piece.slot].dims[d];
    std::int64_t size = dimension(piece.dims[d], largest);
    if (p.per_group == 0) return size;
    if (!largest) return size * spec_.extent[index(Axis::group)];
    for (std::size_t i = 0; i < count_; ++i) {
      if (loops_[i].axis == Axis::group && tile(i) > 1) return tile(i) * p.per_group;
    }
    return size;
  }

  std::uint64_t words(const Piece& piece, bool largest) const {
    std::int64_t elements = 1;
    for (std::size_t d = 0; d < piece.dims.size(); ++d) elements *= grouped(piece, d, largest);
    return static_cast<std::uint64_t>((elements * piece.element + 3) / 4);
  }

  /// DRAM words of the chosen tiles. (Of elements smaller than a word no more than there are.)
  std::uint64_t moved() {
    const std::vector<SlotPattern>& patterns = this->patterns();
    std::array<std::uint64_t, 8> runs{};
    for (std::size_t i = 0; i < count_; ++i) runs[i] = trips(i);
    std::uint64_t sum = 0;
    for (const Piece& piece : pieces_) {
      if (!piece.moves) continue;
      std::uint64_t visits = 1;
      for (std::uint32_t mask = patterns[piece.slot].multiplied; mask != 0; mask &= mask - 1) {
        visits *= runs[static_cast<std::size_t>(std::countr_zero(mask))];
      }
      const SlotMoves moves = slot_moves(spec_.slots[piece.slot], visits);
      if (moves.loads + moves.stores != 0) {
        sum += words(piece, false) * (moves.loads + moves.stores);
      }
    }
    return sum;
  }

  /// Words that any packing of the chosen tiles needs.
  std::uint64_t needed() {
    const std::vector<SlotPattern>& patterns = this->patterns();
    std::uint64_t lasting = 0, passing = 0;
    for (const Piece& piece : pieces_) {
      const std::uint64_t size = words(piece, true);
      if (patterns[piece.slot].transient) {
        passing = std::max(passing, size);
      } else {
        lasting += size;
      }
    }
    return lasting + passing;
  }

  void descend(std::size_t step) {
    if (step == sequence_.size()) {
      consider();
      return;
    }
    const std::size_t level = sequence_[step];
    const auto rest = [&](bool largest) {
      for (std::size_t later = step + 1; later < sequence_.size(); ++later) {
        const std::size_t l = sequence_[later];
        chosen_[l] = largest ? 0 : levels_[l].sizes.size() - 1;
      }
    };
    for (std::size_t size = 0; size < levels_[level].sizes.size(); ++size) {
      chosen_[level] = size;
      if (!is_sensible(level)) continue;
      rest(true);
      if (*best_ && moved() >= (*best_)->dram_words) break;
      rest(false);
      if (smallest_need() > words_) continue;
      descend(step + 1);
    }
    chosen_[level] = 0;
  }

  /// An operation's operands are there together, whatever is transient.
  std::uint64_t smallest_need() const {
    std::uint64_t most = 0;
    for (const std::vector<std::size_t>& together : together_) {
      std::uint64_t sum = 0;
      for (const std::size_t p : together) sum += words(pieces_[p], true);
      most = std::max(most, sum);
    }
    return most;
  }

  bool is_sensible(std::size_t level) const {
    const Axis axis = loops_[level].axis;
    const Level& l = levels_[level];
    if (l.outer) {
      const std::int64_t outer = tile(*l.outer), inner = tile(level);
      if (inner >= outer) return false;  // as without the loop
      // Every outer tile has as many inner ones, the last, shorter one too.
      const std::int64_t last = l.extent - (l.extent - 1) / outer * outer;
      if ((last + inner - 1) / inner != (outer + inner - 1) / inner) return false;
    }
    if ((axis == Axis::output || axis == Axis::input) && tile(level) < l.extent) {
      // Groups that go together are whole.
      for (std::size_t i = 0; i < level; ++i) {
        if (loops_[i].axis == Axis::group && tile(i) > 1) return false;
      }
    }
    return true;
  }

  void consider() {
    std::uint64_t cost = moved();
    if (*best_ && cost >= (*best_)->dram_words) return;
    if (needed() > words_) return;
    for (std::size_t i = 0; i < count_; ++i) loops_[i].tile = tile(i);
    shape_.set(loops_);
    if (!shape_.is_legal()) return;
    cost = dram_words(spec_, shape_, pinned_);
    if (*best_ && cost >= (*best_)->dram_words) return;
    const Packing packing = pack(spec_, shape_, pinned_);
    if (packing.words > words_) return;
    *best_ = FoundNest{loops_, cost, packing.words};
  }

  const NestSpec& spec_;
  const std::vector<bool>& pinned_;
  std::uint64_t words_;
  NestShape shape_;
  std::size_t count_;
  std::vector<Loop> loops_;
  std::vector<Level> levels_;
  std::vector<std::size_t> sequence_, chosen_;
  AxisLoops by_axis_;
  std::vector<std::vector<SlotPattern>> patterns_;  // by running loops
  std::vector<Piece> pieces_;
  std::vector<std::vector<std::size_t>> together_;  // pieces, by operation
  std::optional<FoundNest>* best_ = nullptr;
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

std::optional<FoundNest> find_loops(const NestSpec& spec, const std::vector<bool>& pinned,
                                    std::uint64_t words) {
  NestShape shape(spec);
  shape.set({});
  // Whole tensors, moved once: the least there is, unless windows leave out a part of them.
  const bool gaps = std::any_of(spec.slots.begin(), spec.slots.end(), [](const Slot& slot) {
    return std::any_of(slot.dims.begin(), slot.dims.end(),
                       [](const Projection& p) { return p.stages > 0; });
  });
  const std::uint64_t least = gaps ? 0 : dram_words(spec, shape, pinned);
  std::optional<FoundNest> best;
  for (const std::vector<Axis>& order : orders(spec)) {
    if (best && best->dram_words <= least) break;
    OrderSearch(spec, pinned, order, words).run(best);
  }
  return best;
}

std::uint64_t smallest_buffer(const NestSpec& spec, const std::vector<bool>& pinned) {
  // A larger buffer never finds worse loops, so whether it finds any is a question of size alone.
  std::uint64_t low = 1, high = 1;
  while (!find_loops(spec, pinned, high)) {
    low = high + 1;
    high *= 2;
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (find_loops(spec, pinned, middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

Nest make_nest(const NestSpec& spec, const FoundNest& found, const std::vector<bool>& pinned,
               std::uint64_t words) {
  Nest nest{spec, found.loops, pinned, {}, {}};
  NestShape shape(nest.spec);
  // What finishes a tile, and then updates, in parts as large as there is room for.
  const auto grow = [&](std::int64_t Parts::*part) {
    while (nest.parts.*part < (std::int64_t{1} << 24)) {
      Parts larger = nest.parts;
      larger.*part *= 2;
      shape.set(found.loops, larger);
      if (pack(spec, shape, pinned).words > words) return;
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
