#include "sim/plan/mapping/nest.hpp"

#include <algorithm>

namespace spillway::sim {

using models::Tile;

void ArrayProduct::cut(models::Gemm& product, std::size_t axis, std::int64_t part,
                       std::int64_t of) const {
  std::uint64_t& size = product.*(*side[axis]);
  size =
      workloads::ceil_div(size * static_cast<std::uint64_t>(part), static_cast<std::uint64_t>(of));
}

models::Gemm ArrayProduct::of_tiles(const ByAxis<std::int64_t>& sizes,
                                    const ByAxis<std::int64_t>& extent) const {
  models::Gemm product = whole;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    if (side[axis]) cut(product, axis, sizes[axis], extent[axis]);
  }
  return product;
}

models::Gemm ArrayProduct::at(const ByAxis<Range>& ranges) const {
  models::Gemm product = whole;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    if (!side[axis]) continue;
    const Projection& own = projection[axis];
    cut(product, axis, own.apply(ranges[axis]).size(),
        own.per_group != 0 ? own.per_group : own.extent);
  }
  return product;
}

bool NestOp::takes(std::size_t slot) const {
  return std::any_of(inputs.begin(), inputs.end(),
                     [&](const Operand& operand) { return operand.slot == slot; }) ||
         std::find(seeds.begin(), seeds.end(), slot) != seeds.end();
}

bool NestOp::makes(std::size_t slot) const {
  return std::any_of(outputs.begin(), outputs.end(),
                     [&](const Operand& operand) { return operand.slot == slot; });
}

const NestSpec::Pieces* NestSpec::pieces_along(Axis axis) const {
  const auto found = std::find_if(pieces.begin(), pieces.end(),
                                  [&](const Pieces& each) { return each.axis == axis; });
  return found == pieces.end() ? nullptr : &*found;
}

std::size_t NestSpec::slot_of(workloads::TensorId tensor) const {
  return static_cast<std::size_t>(
      std::find_if(slots.begin(), slots.end(),
                   [&](const Slot& slot) { return slot.tensor == tensor; }) -
      slots.begin());
}

Tile tile_of(const Slot& slot, const Place& place) {
  Tile tile{slot.tensor, {}};
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    tile.box[d] = range_of(slot.dims[d], slot.dims[d].outer ? place.outer : place.inner);
  }
  return tile;
}

Tile part_of(const Slot& slot, const Place& place) {
  Tile tile{slot.tensor, {}};
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    tile.box[d] = range_of(slot.dims[d], place.inner);
  }
  return tile;
}

bool is_resident_whole(const Slot& slot, std::int64_t resident) {
  return resident == slot.dims[0].extent;
}

bool can_be_resident(const Slot& slot) {
  return !slot.on_demand && slot.source != Slot::Source::streamed;
}

bool can_be_resident_in_part(const Slot& slot) {
  const Projection& p = slot.dims[0];
  return can_be_resident(slot) && p.axis && p.stages == 0 && p.per_group == 0 && p.extent > 1 &&
         slot.element == workloads::Bytes(workloads::bytes_per_word);
}

bool is_cut_at(std::int64_t resident, const Slot& slot, std::int64_t outer, std::int64_t inner) {
  const Projection& p = slot.dims[0];
  const bool runs = outer < p.extent;
  return resident % (p.outer || runs ? outer : inner) == 0;
}

bool is_cut_at(std::int64_t resident, const Slot& slot, const NestSpec& spec,
               const std::vector<Loop>& loops) {
  if (resident == 0 || is_resident_whole(slot, resident)) return true;
  if (!can_be_resident_in_part(slot)) return false;
  const Axis axis = *slot.dims[0].axis;
  std::int64_t outer = 0, inner = spec.extent[index(axis)];
  for (const Loop& loop : loops) {
    if (loop.axis != axis) continue;
    if (outer == 0) outer = loop.tile;
    inner = loop.tile;
  }
  return is_cut_at(resident, slot, outer == 0 ? inner : outer, inner);
}

}  // namespace spillway::sim
