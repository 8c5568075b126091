#include "sim/plan/emission/booking.hpp"

#include <algorithm>

#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

namespace {

/// Of the step: the nest's operation that a slot's transfer is for.
std::size_t op_of(const NestSpec& spec, std::size_t slot, Direction direction) {
  // A tensor that leaves after a nest need not be made by it: then it is for the first operation.
  std::size_t first = spec.ops.size(), last = 0;
  for (std::size_t i = 0; i < spec.ops.size(); ++i) {
    if (spec.ops[i].uses(slot)) first = std::min(first, i);
    if (spec.ops[i].makes(slot)) last = i;
  }
  return spec.ops.at(direction == Direction::read ? first : last).op;
}

void add_slots(const Schedule& schedule, std::size_t n, std::vector<ScheduledMove>& moves) {
  const Nest& nest = schedule.nests[n];
  NestShape shape(nest.spec);
  shape.set(nest.loops, nest.parts);
  for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
    const SlotTraffic traffic = shape.traffic(s, nest.resident[s]);
    const auto add = [&](Direction direction, const models::TileSize& size) {
      if (size.words == Words(0)) return;
      const std::size_t op = op_of(nest.spec, s, direction);
      moves.push_back({n, s, {}, nest.spec.slots[s].tensor, direction, op, size});
    };
    add(Direction::read, traffic.loads);
    add(Direction::write, traffic.stores);
  }
}

void add_residency(const Schedule& schedule, const Step& step, std::size_t i,
                   std::vector<ScheduledMove>& moves) {
  const Residency& residency = schedule.residencies[i];
  const Tensor& tensor = step.tensor(residency.tensor);
  const models::TileSize size =
      models::tile_size(tile_of(residency, step), tensor.shape, tensor.element);
  const auto add = [&](Direction direction, std::size_t time) {
    std::size_t op = time;
    if (!schedule.by_operations()) {
      const NestSpec& spec = schedule.nests[time].spec;
      op = op_of(spec, spec.slot_of(tensor.id), direction);
    }
    moves.push_back({0, 0, i, tensor.id, direction, op, size});
  };
  if (residency.begin == Residency::Begin::load) add(Direction::read, residency.first);
  if (residency.stored) add(Direction::write, residency.last);
}

}  // namespace

std::vector<ScheduledMove> moves_of(const Schedule& schedule, const Step& step) {
  std::vector<ScheduledMove> moves;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) add_slots(schedule, n, moves);
  for (std::size_t i = 0; i < schedule.residencies.size(); ++i) {
    add_residency(schedule, step, i, moves);
  }
  return moves;
}

ScheduleLines book(const Schedule& schedule, const Step& step, const models::MemoryMap& map,
                   Ledger& ledger) {
  ScheduleLines lines;
  for (const Nest& nest : schedule.nests) lines.slots.emplace_back(nest.spec.slots.size());
  lines.residencies.resize(schedule.residencies.size());
  for (const ScheduledMove& move : moves_of(schedule, step)) {
    const Tensor& tensor = step.tensor(move.tensor);
    const std::size_t line =
        ledger.line({map.at(tensor.id).port, tensor.layer, step.ops[move.op].phase, tensor.kind,
                     move.direction, item_of(step, tensor)},
                    step.layer_names[tensor.layer]);
    ledger.add(line, move.size.words, move.size.bytes);
    ScheduleLines::Lines& own =
        move.residency ? lines.residencies[*move.residency] : lines.slots[move.nest][move.slot];
    (move.direction == Direction::read ? own.load : own.store) =
        static_cast<models::LedgerLabel>(line);
  }
  return lines;
}

Words cost_of(const Schedule& schedule, const Step& step, const CountedWords& counted) {
  Words sum;
  for (const ScheduledMove& move : moves_of(schedule, step)) {
    if (counted.counts(move.tensor)) sum += move.size.words;
  }
  return sum;
}

}  // namespace spillway::sim
