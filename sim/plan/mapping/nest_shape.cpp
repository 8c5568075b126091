#include "sim/plan/mapping/nest_shape.hpp"

#include <algorithm>
#include <bit>

namespace spillway::sim {

using models::Tile;

AxisLoops axis_loops(const std::vector<Loop>& loops) {
  AxisLoops result;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const std::size_t axis = index(loops[i].axis);
    if (result.all[axis] == 0) result.outer[axis] = std::uint32_t{1} << i;
    result.all[axis] |= std::uint32_t{1} << i;
  }
  return result;
}

std::uint32_t loops_of(const NestOp& op, const AxisLoops& loops) {
  std::uint32_t mask = 0;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    if (op.runs[axis]) mask |= op.outer ? loops.outer[axis] : loops.all[axis];
  }
  return mask;
}

ByAxis<Range> whole_axes(const NestSpec& spec) {
  ByAxis<Range> result;
  for (std::size_t axis = 0; axis < axis_count; ++axis) result[axis] = {0, spec.extent[axis]};
  return result;
}

namespace {

using Mask = std::uint32_t;

Mask loops_not_followed(const NestSpec& spec, const NestOp& op, const NestOp::Operand& operand,
                        const AxisLoops& loops) {
  Mask mask = loops_of(op, loops);
  for (const Projection& p : spec.slots[operand.slot].dims) {
    if (p.axis) mask &= ~loops.all[index(*p.axis)];
    if (p.axis && p.per_group != 0) mask &= ~loops.all[index(Axis::group)];
  }
  return mask;
}

Mask loops_waited_for(const NestSpec& spec, const NestOp& op, const NestOp::Operand& operand,
                      const AxisLoops& loops) {
  if (!operand.once) return 0;
  const Mask reduced = loops_not_followed(spec, op, op.outputs.front(), loops);
  if (!op.makes(operand.slot)) return reduced;
  return loops_not_followed(spec, op, operand, loops) & ~reduced;
}

int deepest(Mask mask) { return std::bit_width(mask); }

}  // namespace

std::vector<SlotPattern> slot_patterns(const NestSpec& spec, const AxisLoops& loops,
                                       std::uint32_t running) {
  std::vector<SlotPattern> patterns(spec.slots.size());
  std::vector<Mask> runs(spec.slots.size());
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    Mask mask = 0;
    for (const Projection& p : spec.slots[s].dims) {
      if (!p.axis) continue;
      mask |= p.outer ? loops.outer[index(*p.axis)] : loops.all[index(*p.axis)];
      if (p.per_group != 0) mask |= loops.all[index(Axis::group)];
    }
    patterns[s].follows = mask & running;
  }
  // From the last operation to the first, as an operation on demand runs as often as its users
  // need.
  for (std::size_t i = spec.ops.size(); i-- > 0;) {
    const NestOp& op = spec.ops[i];
    Mask own = 0;
    if (op.on_demand) {
      const std::size_t target = *op.on_demand;
      const int depth = deepest(runs[target] & patterns[target].follows);
      own = runs[target] & ((Mask{1} << depth) - 1);
    } else {
      own = loops_of(op, loops) & running;
    }
    const auto use = [&](const NestOp::Operand& operand) {
      const Mask here = own & ~loops_waited_for(spec, op, operand, loops);
      runs[operand.slot] |= here;
      SlotPattern& pattern = patterns[operand.slot];
      if (here != 0 && (pattern.follows >> (deepest(here) - 1) & 1) == 0) pattern.transient = false;
    };
    for (const NestOp::Operand& operand : op.inputs) use(operand);
    for (const NestOp::Operand& operand : op.outputs) use(operand);
    for (const std::size_t seed : op.seeds) use({seed});
  }
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    SlotPattern& pattern = patterns[s];
    const int depth = deepest(runs[s] & pattern.follows);
    if (depth > 0) pattern.innermost = static_cast<std::size_t>(depth - 1);
    pattern.runs = runs[s];
    pattern.refetches = runs[s] & ~pattern.follows & ((Mask{1} << depth) - 1);
  }
  return patterns;
}

bool is_keepable(const NestSpec& spec, std::size_t slot) {
  const Slot& s = spec.slots[slot];
  return s.source == Slot::Source::outside && !s.changed &&
         s.element == workloads::Bytes(workloads::bytes_per_word) &&
         std::all_of(spec.ops.begin(), spec.ops.end(),
                     [&](const NestOp& op) { return op.takes(slot); });
}

NestShape::NestShape(const NestSpec& spec)
    : spec_(spec),
      uses_(spec.slots.size(), {spec.ops.size(), 0}),
      visits_(spec.slots.size()),
      kept_along_(spec.slots.size()) {
  for (std::size_t i = 0; i < spec.ops.size(); ++i) {
    const auto note = [&](std::size_t slot) {
      uses_[slot].first = std::min(uses_[slot].first, i);
      uses_[slot].last = i;
    };
    for (const NestOp::Operand& operand : spec.ops[i].inputs) note(operand.slot);
    for (const NestOp::Operand& operand : spec.ops[i].outputs) note(operand.slot);
    for (const std::size_t seed : spec.ops[i].seeds) note(seed);
  }
}

DimensionCut NestShape::cut_of(const Projection& p, const ByAxis<Range>& within) const {
  if (!p.axis) return {p.extent, p.extent, p.extent};
  const std::size_t axis = index(*p.axis);
  return cut(p, within[axis], p.outer ? outer_tile_[axis] : inner_tile_[axis]);
}

std::uint64_t NestShape::trips_of(Mask loops) const {
  std::uint64_t result = 1;
  for (; loops != 0; loops &= loops - 1) {
    result *= trips_[static_cast<std::size_t>(std::countr_zero(loops))];
  }
  return result;
}

void NestShape::set(const std::vector<Loop>& loops, const Parts& parts) {
  parts_ = parts;
  by_axis_ = axis_loops(loops);
  axis_of_.clear();
  for (const Loop& loop : loops) axis_of_.push_back(index(loop.axis));
  set_trips(loops);
  set_patterns();
  set_visits(loops);
}

void NestShape::set_trips(const std::vector<Loop>& loops) {
  uneven_ = 0;
  resting_.clear();
  trips_.assign(loops.size(), 1);
  ByAxis<std::int64_t> left = spec_.extent;  // of an axis, within the loops so far
  outer_tile_ = inner_tile_ = spec_.extent;
  running_ = 0;
  for (std::size_t i = 0; i < loops.size(); ++i) {
    const std::size_t axis = index(loops[i].axis);
    trips_[i] = static_cast<std::uint64_t>((left[axis] + loops[i].tile - 1) / loops[i].tile);
    left[axis] = inner_tile_[axis] = loops[i].tile;
    if (by_axis_.outer[axis] == Mask{1} << i) outer_tile_[axis] = loops[i].tile;
    if (trips_[i] > 1) running_ |= Mask{1} << i;
    // Of an outer tile the last may be shorter.
    const std::int64_t last = (spec_.extent[axis] - 1) % outer_tile_[axis] + 1;
    const auto trips_in_last =
        static_cast<std::uint64_t>((last + loops[i].tile - 1) / loops[i].tile);
    if (trips_in_last != trips_[i] && by_axis_.outer[axis] != Mask{1} << i) {
      uneven_ |= Mask{1} << i;
      if (trips_in_last == 1) resting_.push_back(i);
    }
  }
}

void NestShape::set_patterns() {
  patterns_ = slot_patterns(spec_, by_axis_, running_);
  at_rest_.clear();
  for (std::size_t some = 0; some < std::size_t{1} << resting_.size() && !resting_.empty();
       ++some) {
    Mask at_rest = 0;
    for (std::size_t k = 0; k < resting_.size(); ++k) {
      if ((some >> k & 1) != 0) at_rest |= Mask{1} << resting_[k];
    }
    at_rest_.push_back(slot_patterns(spec_, by_axis_, running_ & ~at_rest));
  }
}

void NestShape::set_visits(const std::vector<Loop>& loops) {
  const ByAxis<Range> all = whole_axes(spec_);
  for (std::size_t s = 0; s < spec_.slots.size(); ++s) {
    visits_[s] = trips_of(patterns_[s].refetches);
    kept_along_[s].reset();
    if (!patterns_[s].innermost || !is_keepable(spec_, s)) continue;
    const Axis innermost = loops[*patterns_[s].innermost].axis;
    if (by_axis_.all[index(innermost)] != by_axis_.outer[index(innermost)]) continue;
    for (const Projection& p : spec_.slots[s].dims) {
      if (p.axis != innermost || p.stages == 0) continue;
      const DimensionCut each = cut_of(p, all);
      if (each.fresh < each.sum) kept_along_[s] = innermost;
    }
  }
}

std::uint32_t NestShape::loops_of(const NestOp& op) const { return sim::loops_of(op, by_axis_); }

std::uint32_t NestShape::waits_for(const NestOp& op, const NestOp::Operand& operand) const {
  return loops_waited_for(spec_, op, operand, by_axis_);
}

std::uint32_t NestShape::reduced(const NestOp& op, const NestOp::Operand& operand) const {
  return loops_not_followed(spec_, op, operand, by_axis_) & ~waits_for(op, operand);
}

/// How often each of the slot's tiles is brought in where some of the resting loops rest. A
/// transient tile leaves after its uses all the same; another one stays there.
std::uint64_t NestShape::visits_at_rest(std::size_t s, std::size_t resting) const {
  const SlotPattern& pattern = at_rest_[resting][s];
  return trips_of(transient(s) ? pattern.runs & ~pattern.follows : pattern.refetches);
}

/// Where loops rest, no slot but their followers is brought in less often, and operations on demand
/// run as often as elsewhere.
bool NestShape::rests_evenly() const {
  for (std::size_t some = 1; some < at_rest_.size(); ++some) {
    for (std::size_t s = 0; s < spec_.slots.size(); ++s) {
      const bool recomputed = spec_.slots[s].source == Slot::Source::recomputed;
      std::size_t own = 0;
      for (std::size_t k = 0; k < resting_.size(); ++k) {
        if ((some >> k & 1) != 0 && follows(s, resting_[k])) own |= std::size_t{1} << k;
      }
      if ((at_rest_[some][s].refetches & uneven_) != 0) return false;
      const std::uint64_t expected = recomputed || own == 0 ? visits_[s] : visits_at_rest(s, own);
      if (visits_at_rest(s, some) != expected) return false;
    }
  }
  return true;
}

bool NestShape::is_legal() const {
  const ByAxis<Range> all = whole_axes(spec_);
  for (std::size_t s = 0; s < spec_.slots.size(); ++s) {
    const Slot& slot = spec_.slots[s];
    if ((patterns_[s].refetches & uneven_) != 0) return false;
    for (const Projection& p : slot.dims) {
      if (!p.axis || is_even_scale(p)) continue;
      if (slot.source == Slot::Source::made && visits_[s] > 1) return false;
      const std::size_t axis = index(*p.axis);
      bool empty = false;
      // Also of the sub-tiles of the innermost loops.
      for_each_size(p, all[axis], inner_tile_[axis],
                    [&](std::int64_t size) { empty |= size <= 0; });
      if (empty) return false;
    }
  }
  return rests_evenly();
}

SlotTraffic NestShape::traffic(std::size_t s, std::int64_t resident) const {
  SlotTraffic sum;
  for_each_stretch(s, resident, [&](const ByAxis<Range>& within, std::uint64_t visits) {
    const SlotMoves moves = slot_moves(spec_.slots[s], visits);
    if (moves.loads + moves.stores == 0) return;
    const models::TileSize once = coverage(s, within);
    sum.loads.words += once.words * moves.loads;
    sum.loads.bytes += once.bytes * moves.loads;
    sum.stores.words += once.words * moves.stores;
    sum.stores.bytes += once.bytes * moves.stores;
  });
  return sum;
}

std::uint64_t NestShape::covered_words(std::size_t s, const ByAxis<Range>& within) const {
  std::uint64_t words = 1;
  for (const Projection& p : spec_.slots[s].dims) {
    if (!p.axis || is_even_scale(p)) {
      const std::int64_t axis = p.axis ? spec_.extent[index(*p.axis)] : 1;
      const std::int64_t covered = p.axis ? within[index(*p.axis)].size() : 1;
      words *= static_cast<std::uint64_t>(p.extent / axis * covered);
      continue;
    }
    const DimensionCut each = cut_of(p, within);
    // Only the innermost loop goes on to the next range with all else unchanged.
    const bool kept = p.axis == kept_along_[s];
    words *= static_cast<std::uint64_t>(kept ? each.fresh : each.sum);
  }
  return words;
}

template <class Visit>
void NestShape::for_each_tile_size(const Slot& slot, const Projection& p,
                                   const ByAxis<Range>& within, Visit visit) const {
  if (!p.axis) {
    visit(p.extent);
    return;
  }
  const std::size_t axis = index(*p.axis);
  const std::int64_t tile = p.outer ? outer_tile_[axis] : inner_tile_[axis];
  if (slot.in_epilogue && *p.axis == spec_.epilogue->axis) {
    for (std::int64_t begin = within[axis].begin; begin < within[axis].end; begin += tile) {
      const std::int64_t end = std::min(within[axis].end, begin + tile);
      for (std::int64_t part = begin; part < end; part += parts_.finished) {
        visit(p.apply({part, std::min(end, part + parts_.finished)}).size());
      }
    }
    return;
  }
  if (p.per_group == 0) {
    for_each_size(p, within[axis], tile, visit);
    return;
  }
  const std::int64_t groups = spec_.extent[index(Axis::group)],
                     at_once = inner_tile_[index(Axis::group)];
  for (std::int64_t group = 0; group < groups; group += at_once) {
    const std::int64_t covered = std::min(at_once, groups - group);
    if (covered > 1) {
      visit(covered * p.per_group);
    } else {
      for_each_size(p, within[axis], tile, visit);
    }
  }
}

namespace {

/// Sizes of tiles along a dimension, and how many tiles have each.
using SizeCounts = std::vector<std::pair<std::int64_t, std::uint64_t>>;

void count_size(SizeCounts& sizes, std::int64_t size) {
  const auto known =
      std::ranges::find_if(sizes, [&](const auto& each) { return each.first == size; });
  if (known != sizes.end()) {
    ++known->second;
  } else {
    sizes.push_back({size, 1});
  }
}

/// All tiles that have one of the sizes along each dimension. Words are rounded up for each run of
/// elements, so that each tile counts for itself.
models::TileSize sum_of_tiles(const Slot& slot, const workloads::TensorShape& shape,
                              const std::array<SizeCounts, models::largest_rank>& sizes) {
  models::TileSize total;
  for (const auto& a : sizes[0]) {
    for (const auto& b : sizes[1]) {
      for (const auto& c : sizes[2]) {
        for (const auto& d : sizes[3]) {
          const Tile tile{slot.tensor,
                          {Range{0, a.first}, {0, b.first}, {0, c.first}, {0, d.first}}};
          if (tile.elements() == 0) continue;
          const models::TileSize size = models::tile_size(tile, shape, slot.element);
          const std::uint64_t times = a.second * b.second * c.second * d.second;
          total.words += size.words * times;
          total.bytes += size.bytes * times;
        }
      }
    }
  }
  return total;
}

}  // namespace

models::TileSize NestShape::coverage(std::size_t s, const ByAxis<Range>& within) const {
  const Slot& slot = spec_.slots[s];
  if (slot.element == workloads::Bytes(workloads::bytes_per_word)) {
    const std::uint64_t words = covered_words(s, within);
    return {workloads::Words(words), slot.element * words};
  }
  std::array<SizeCounts, models::largest_rank> sizes;
  workloads::TensorShape shape;
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    shape.push_back(slot.dims[d].extent);
    for_each_tile_size(slot, slot.dims[d], within,
                       [&](std::int64_t size) { count_size(sizes[d], size); });
  }
  return sum_of_tiles(slot, shape, sizes);
}

std::int64_t NestShape::largest_extent(std::size_t s, std::size_t d) const {
  const Slot& slot = spec_.slots[s];
  const Projection& p = slot.dims[d];
  std::int64_t size = p.extent;
  if (p.axis) {
    const std::size_t axis = index(*p.axis);
    std::int64_t tile = p.outer ? outer_tile_[axis] : inner_tile_[axis];
    if (slot.in_epilogue && *p.axis == spec_.epilogue->axis) {
      tile = std::min(tile, parts_.finished);
    }
    if (p.stages == 0) {
      size = tile;
    } else if (is_even_scale(p)) {
      size = tile * p.stage[0].stride;
    } else {
      size = 0;
      for_each_size(p, {0, spec_.extent[axis]}, tile,
                    [&](std::int64_t each) { size = std::max(size, each); });
    }
    const std::int64_t groups = inner_tile_[index(Axis::group)];
    if (p.per_group != 0 && groups > 1) size = groups * p.per_group;
  }
  if (d == 0 && slot.in_parts) size = std::min(size, parts_.rows);
  return size;
}

std::uint64_t NestShape::largest(std::size_t s) const {
  const Slot& slot = spec_.slots[s];
  std::uint64_t elements = 1;
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    elements *= static_cast<std::uint64_t>(largest_extent(s, d));
  }
  return workloads::words_of(slot.element * elements).count();
}

bool NestShape::alternates(std::size_t s) const {
  const Slot& slot = spec_.slots[s];
  if (slot.places == 1) return false;
  const auto& epilogue = spec_.epilogue;
  return patterns_[s].innermost || (slot.in_parts && parts_.rows < slot.dims[0].extent) ||
         (slot.in_epilogue && parts_.finished < spec_.extent[index(epilogue->axis)]);
}

SlotMoves slot_moves(const Slot& slot, std::uint64_t visits) {
  const std::uint64_t last = slot.changed && slot.wanted ? 1 : 0;
  switch (slot.source) {
    case Slot::Source::outside: return {visits, last};
    case Slot::Source::made: return {visits - 1, visits - 1 + last};
    case Slot::Source::recomputed:
    case Slot::Source::streamed: break;
  }
  return {};
}

std::uint64_t nest_cost(const NestSpec& spec, const NestShape& shape,
                        const ResidentPrefixes& resident) {
  std::uint64_t sum = 0;
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (!spec.slots[s].counted) continue;
    const SlotTraffic traffic = shape.traffic(s, resident[s]);
    sum += (traffic.loads.words + traffic.stores.words).count();
  }
  return sum;
}

}  // namespace spillway::sim
