#include "sim/plan/mapping/fitted_nest.hpp"

#include <algorithm>

namespace spillway::sim {

Nest tightened(const Nest& nest) {
  NestShape shape(nest.spec);
  shape.set(nest.loops);
  const FoundNest found =
      LoopSearch(nest.spec).smallest(nest.resident, nest_cost(nest.spec, shape, nest.resident) + 1);
  return make_nest(nest.spec, found, nest.resident, found.buffer_words);
}

Nest widened(const Nest& nest, BufferRange room, const models::ComputeArray& array) {
  const std::uint64_t words = room.end - room.begin;
  NestShape shape(nest.spec);
  shape.set(nest.loops, nest.parts);
  const std::uint64_t moved = nest_cost(nest.spec, shape, nest.resident);
  LoopSearch search(nest.spec);
  const std::optional<FoundNest> found = search.find(nest.resident, words, moved + 1);
  if (!found) return nest;
  Nest result = search.quickest_nest(*found, nest.resident, words, array);
  shape.set(result.loops, result.parts);
  result.address = pack(result.spec, shape, result.resident).from(room.begin);
  return result;
}

namespace {

/// Resident prefixes split no tile.
bool is_cut_at_parts(const Nest& nest) {
  for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
    if (!is_cut_at(nest.resident[s], nest.spec.slots[s], nest.spec, nest.loops)) return false;
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
      if (is_cut_at_parts(nest) && pack(nest.spec, shape, nest.resident).words <= words) break;
      nest.loops[i].tile = 1;
    }
  }
}

}  // namespace

Nest make_nest(const NestSpec& spec, const FoundNest& found, const ResidentPrefixes& resident,
               std::uint64_t words) {
  Nest nest{spec, found.loops, resident, {}, {}};
  NestShape shape(nest.spec);
  if (!spec.pieces.empty()) grow_pieces(nest, words);
  // The epilogue, and then updates, in parts as large as there is room for.
  const auto grow = [&](std::int64_t Parts::*part) {
    while (nest.parts.*part < (std::int64_t{1} << 24)) {
      Parts larger = nest.parts;
      larger.*part *= 2;
      shape.set(nest.loops, larger);
      if (pack(spec, shape, resident).words > words) return;
      nest.parts = larger;
    }
  };
  if (spec.epilogue) grow(&Parts::finished);
  if (std::any_of(spec.ops.begin(), spec.ops.end(), [](const NestOp& op) { return op.in_parts; })) {
    grow(&Parts::rows);
  }
  return nest;
}

}  // namespace spillway::sim
