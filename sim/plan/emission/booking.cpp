#include "sim/plan/emission/booking.hpp"

#include <algorithm>

#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

std::vector<ScheduledMove> moves_of(const Schedule& schedule, const Step& step) {
  std::vector<ScheduledMove> moves;
  const auto add = [&](ScheduledMove move) {
    const std::vector<NestOp>& ops = schedule.nests[move.nest].spec.ops;
    std::size_t first = ops.size(),
                last = 0;  // what lies in the buffer may end in a nest that does not make it
    for (std::size_t i = 0; i < ops.size(); ++i) {
      if (ops[i].uses(move.slot)) first = std::min(first, i);
      if (ops[i].makes(move.slot)) last = i;
    }
    move.op = ops.at(move.direction == Direction::read ? first : last).op;
    moves.push_back(move);
  };
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
      const Slot& slot = nest.spec.slots[s];
      const SlotTraffic traffic = shape.traffic(s, nest.standing[s]);
      const auto move = [&](Direction direction, const models::TileSize& size) {
        if (size.words.count() != 0) add({n, s, {}, slot.tensor, direction, {}, size});
      };
      move(Direction::read, traffic.loads);
      move(Direction::write, traffic.stores);
    }
  }
  for (std::size_t i = 0; i < schedule.residencies.size(); ++i) {
    const Residency& residency = schedule.residencies[i];
    const Tensor& tensor = step.tensor(residency.tensor);
    const models::TileSize size =
        models::tile_size(tile_of(residency, step), tensor.shape, tensor.element);
    const auto move = [&](Direction direction, std::size_t n) {
      add({n, schedule.nests[n].spec.slot_of(tensor.id), i, tensor.id, direction, {}, size});
    };
    if (residency.begin == Residency::Begin::load) move(Direction::read, residency.first);
    if (residency.stored) move(Direction::write, residency.last);
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

std::uint64_t dram_words(const Schedule& schedule, const Step& step, const models::MemoryMap& map) {
  std::uint64_t sum = 0;
  for (const ScheduledMove& move : moves_of(schedule, step)) {
    if (map.at(move.tensor).port == models::Port::dram) sum += move.size.words.count();
  }
  return sum;
}

}  // namespace spillway::sim
