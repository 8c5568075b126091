#include "sim/plan/mapping/order_search.hpp"

#include <algorithm>
#include <bit>

#include "sim/plan/mapping/packing.hpp"

namespace spillway::sim {

OrderSearch::OrderSearch(const NestSpec& spec, SearchTables& tables, Order& order,
                         const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below)
    : spec_(spec),
      resident_(resident),
      shape_(tables.shape),
      loops_(order.loops),
      words_(words),
      below_(below),
      together_(tables.together),
      order_(order),
      count_(order.loops.size()),
      symmetric_(order.symmetric),
      // Outer tiles of a single place come whole.
      falls_(order.unsorted | order.one_by_one),
      grows_(order.unsorted) {
  tile_.fill(1);
  const auto in_buffer = [&](std::size_t s) {
    return spec.slots[s].source != Slot::Source::streamed;
  };
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (is_resident_whole(spec.slots[s], resident[s])) continue;
    const SlotTiles& tiles = order.slots[s];
    if (resident[s] != 0) in_part_.push_back(s);
    (in_buffer(s) ? slots_ : streamed_).push_back(&tiles);
    if (in_buffer(s)) grows_ |= tiles.grows;
    if (!tiles.moves) continue;
    falls_ |= tiles.falls;
    gaps_ = gaps_ || tiles.gaps;
  }
  room_.resize(spec.slots.size());
}

void OrderSearch::run(std::optional<FoundNest>& best, bool coarse) {
  best_ = &best;
  coarse_ = coarse;
  for (std::size_t level = 0; level < count_; ++level) undecide(level, 0);
  for (const SlotTiles* slot : slots_) room_[slot->slot] = largest_tile(*slot);
  if (needed_at_least() > words_) return;
  find_fits(0, ByLevel{});
  if (!tighten_bound(0) || !costs_too_much()) descend(0);
}

void OrderSearch::decide(std::size_t level, std::size_t size) {
  decided_[level] = true;
  largest_[level] = size;
  set_smallest(level, size);
  set_tile(level);
}

void OrderSearch::undecide(std::size_t level, std::size_t first) {
  decided_[level] = false;
  largest_[level] = first;
  set_smallest(level, sizes(level).size() - 1);
  set_tile(level);
}

void OrderSearch::set_smallest(std::size_t level, std::size_t size) {
  if (smallest_[level] == size) return;
  smallest_[level] = size;
  for (const SlotTiles* slot : slots_) {
    if ((slot->levels >> level & 1) != 0) room_[slot->slot] = largest_tile(*slot);
  }
}

void OrderSearch::set_tile(std::size_t level) {
  tile_[level] = sizes(level)[largest_[level]];
  set_trips(level);
  for (std::size_t i = level + 1; i < count_; ++i) {
    if (order_.levels[i].outer == level) set_trips(i);
  }
}

void OrderSearch::set_trips(std::size_t level) {
  const Order::Level& l = order_.levels[level];
  const std::int64_t extent = l.outer ? tile_[*l.outer] : l.extent;
  trips_[level] = static_cast<std::uint64_t>((extent + tile_[level] - 1) / tile_[level]);
  // Whether pieces of single places run at all shows only once their outer tile is known.
  if (l.outer && !decided_[*l.outer] && (order_.one_by_one >> *l.outer & 1) != 0) trips_[level] = 1;
  const std::uint32_t bit = std::uint32_t{1} << level;
  running_ = trips_[level] > 1 ? running_ | bit : running_ & ~bit;
}

const std::vector<SlotPattern>& OrderSearch::patterns() {
  std::vector<SlotPattern>& known = order_.patterns[running_];
  if (known.empty()) known = slot_patterns(spec_, order_.by_axis, running_);
  return known;
}

std::int64_t OrderSearch::elements(const SlotTiles& tiles, std::size_t fresh_along) const {
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

std::uint64_t OrderSearch::covered(const SlotTiles& tiles,
                                   std::optional<std::size_t> innermost) const {
  std::size_t fresh_along = count_;
  if (tiles.kept && innermost && decided_[*innermost]) {
    const std::size_t axis = index(loops_[*innermost].axis);
    if (order_.by_axis.all[axis] == order_.by_axis.outer[axis]) fresh_along = *innermost;
  }
  const std::int64_t all = elements(tiles, fresh_along);
  const std::int64_t resident = resident_[tiles.slot];
  if (resident == 0) return words(tiles, all);
  const std::int64_t first = spec_.slots[tiles.slot].dims[0].extent;
  return words(tiles, all / first * (first - resident));
}

std::uint64_t OrderSearch::largest_tile(const SlotTiles& tiles) const {
  std::int64_t result = tiles.largest;
  for (std::size_t d = 0; d < tiles.changing; ++d) {
    const SlotTiles::Dimension& dimension = tiles.dims[d];
    // In groups a range of the channels of all groups, or of one.
    std::int64_t size = dimension.part ? 1 : (*dimension.cuts)[smallest_[dimension.level]].largest;
    for (std::size_t i = 0; i < count_ && dimension.per_group != 0; ++i) {
      const std::int64_t groups = sizes(i)[smallest_[i]];
      if (loops_[i].axis != Axis::group || groups == 1) continue;
      size = groups * dimension.per_group;
      break;
    }
    result *= size;
  }
  const std::uint64_t one = words(tiles, result);
  // Of several tiles the last may be what the others leave.
  const Slot& slot = spec_.slots[tiles.slot];
  if (slot.places == 1 || tiles.levels == 0) return one;
  return std::max(one, std::min(slot.places * one, tiles.all));
}

std::uint64_t OrderSearch::moved() {
  const std::vector<SlotPattern>& patterns = this->patterns();
  std::uint64_t sum = 0;
  for (const SlotTiles* slot : slots_) {
    const SlotTiles& tiles = *slot;
    if (!tiles.moves) continue;
    const SlotPattern& pattern = patterns[tiles.slot];
    const SlotMoves moves = slot_moves(spec_.slots[tiles.slot], turns(pattern.refetches));
    const std::uint64_t times = moves.loads + moves.stores;
    if (times != 0) sum += covered(tiles, pattern.innermost) * times;
  }
  return sum;
}

std::uint64_t OrderSearch::cycles(const models::ComputeArray& array) {
  const std::vector<SlotPattern>& patterns = this->patterns();
  std::uint64_t sum = turns((std::uint32_t{1} << (count_ - spec_.pieces.size())) - 1);
  for (const NestOp& op : spec_.ops) {
    if (!op.product) continue;
    std::uint32_t loops = loops_of(op, order_.by_axis);
    const std::uint64_t once = array.cycles(product_of_tiles(op, loops)).count();
    if (op.on_demand) {
      loops |= patterns[*op.on_demand].follows | patterns[*op.on_demand].refetches;
    }
    sum += turns(loops) * once;
  }
  const auto add = [&](const SlotTiles& tiles) {
    if (tiles.moves) return;
    const Slot& slot = spec_.slots[tiles.slot];
    const SlotPattern& pattern = patterns[tiles.slot];
    const std::uint64_t times = turns(pattern.refetches);
    if (slot.source == Slot::Source::recomputed || slot.source == Slot::Source::streamed) {
      sum += array.elementwise_cycles(covered(tiles, pattern.innermost) * times).count();
      return;
    }
    const SlotMoves moves = slot_moves(slot, times);
    sum += covered(tiles, pattern.innermost) * (moves.loads + moves.stores);
  };
  for (const SlotTiles* slot : slots_) add(*slot);
  for (const SlotTiles* slot : streamed_) add(*slot);
  return sum;
}

std::uint64_t OrderSearch::turns(std::uint32_t loops) const {
  std::uint64_t result = 1;
  for (; loops != 0; loops &= loops - 1) {
    result *= trips_[static_cast<std::size_t>(std::countr_zero(loops))];
  }
  return result;
}

models::Gemm OrderSearch::product_of_tiles(const NestOp& op, std::uint32_t loops) const {
  // An inner loop that is not decided yet takes all of the outer one's tile.
  ByAxis<std::int64_t> sizes = spec_.extent;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    for (std::uint32_t mask = order_.by_axis.all[axis] & loops; mask != 0; mask &= mask - 1) {
      sizes[axis] = std::min(sizes[axis], tile_[static_cast<std::size_t>(std::countr_zero(mask))]);
    }
  }
  return op.product->of_tiles(sizes, spec_.extent);
}

std::uint64_t OrderSearch::needed() {
  const std::vector<SlotPattern>& patterns = this->patterns();
  std::uint64_t lasting = 0, passing = 0;
  for (const SlotTiles* slot : slots_) {
    const std::uint64_t size = room_[slot->slot];
    const SlotPattern& pattern = patterns[slot->slot];
    const bool alternates = spec_.slots[slot->slot].places > 1 && pattern.innermost;
    if (pattern.transient && !alternates) {
      passing = std::max(passing, size);
    } else {
      lasting += size;
    }
  }
  return lasting + passing;
}

void OrderSearch::descend(std::size_t step) {
  if (step == count_) {
    consider();
    return;
  }
  const std::size_t level = order_.sequence[step];
  const Order::Level& l = order_.levels[level];
  const ByLevel first = largest_, first_fit = fits_;
  std::size_t begin = fits_[level];
  // Of two tiles that differ in rows and columns alone the one that comes first.
  if (symmetric_ == level) begin = std::max(begin, largest_[level - 1]);
  for (std::size_t size = begin; size < l.sizes.size(); ++size) {
    if (coarse_ && !l.coarse[size]) continue;
    decide(level, size);
    if (!is_sensible(level)) continue;
    if (costs_too_much()) {
      if (gaps_ || (falls_ >> level & 1) != 0) continue;
      break;
    }
    if (is_no_better()) continue;
    if ((grows(level) || is_for_room()) && needed_at_least() > words_) continue;
    find_fits(step + 1, first_fit);
    if (!tighten_bound(step + 1) || !costs_too_much()) descend(step + 1);
    for (std::size_t s = step + 1; s < count_; ++s) {
      undecide(order_.sequence[s], first[order_.sequence[s]]);
    }
  }
  fits_ = first_fit;
  undecide(level, first[level]);
}

void OrderSearch::find_fits(std::size_t step, const ByLevel& first) {
  for (std::size_t s = step; s < (is_for_cost() ? count_ : std::min(step + 1, count_)); ++s) {
    const std::size_t level = order_.sequence[s];
    fits_[level] = grows(level) ? 0 : first_fit(level, first[level]);
  }
}

std::size_t OrderSearch::first_fit(std::size_t level, std::size_t begin) {
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

bool OrderSearch::tighten_bound(std::size_t step) {
  if (!is_for_cost()) return false;
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

std::uint64_t OrderSearch::needed_at_least() const {
  std::uint64_t most = 0;
  for (const std::vector<std::size_t>& together : together_) {
    std::uint64_t sum = 0;
    for (const std::size_t s : together) sum += room_[s];
    most = std::max(most, sum);
  }
  return most;
}

bool OrderSearch::is_sensible(std::size_t level) const {
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

bool OrderSearch::is_cut_at_part(std::size_t level, std::size_t s) const {
  const Slot& slot = spec_.slots[s];
  const Axis axis = *slot.dims[0].axis;
  if (loops_[level].axis != axis) return true;
  const Order::Level& l = order_.levels[level];
  const std::int64_t inner = tile_[level], outer = l.outer ? tile_[*l.outer] : inner;
  const bool has_inner = (order_.by_axis.all[index(axis)] >> (level + 1)) != 0;
  if (has_inner && !slot.dims[0].outer && outer == l.extent) return true;
  return is_cut_at(resident_[s], slot, outer, inner);
}

void OrderSearch::consider() {
  if (costs_too_much()) return;
  if (needed() > words_) return;
  if (is_no_better()) return;
  for (std::size_t i = 0; i < count_; ++i) loops_[i].tile = tile_[i];
  shape_.set(loops_);
  if (!shape_.is_legal()) return;
  const std::uint64_t cost = this->cost();
  if (cost >= bound()) return;
  const Packing packing = pack(spec_, shape_, resident_);
  if (packing.words > words_) return;
  *best_ = FoundNest{loops_, cost, packing.words};
  take(**best_);
}

}  // namespace spillway::sim
