#include "sim/plan/residency/schedule.hpp"

#include <algorithm>
#include <numeric>

#include "workloads/support/error.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

bool is_whole(const Stay& stay, const Step& step) {
  return stay.count == step.tensor(stay.tensor).shape[0];
}

models::Tile tile_of(const Stay& stay, const Step& step) {
  models::Tile tile = models::whole_tensor(stay.tensor, step.tensor(stay.tensor).shape);
  tile.box[0].end = stay.count;
  return tile;
}

std::uint64_t words_of(const Stay& stay, const Step& step) {
  const Tensor& tensor = step.tensor(stay.tensor);
  return workloads::words_of(tensor.element * tile_of(stay, step).elements()).count();
}

std::vector<ScheduledMove> moves_of(const Schedule& schedule, const Step& step) {
  std::vector<ScheduledMove> moves;
  const auto add = [&](ScheduledMove move) {
    const std::vector<NestOp>& ops = schedule.nests[move.nest].spec.ops;
    std::size_t first = ops.size(), last = 0;  // a stay may end in a nest that does not make it
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
  for (std::size_t i = 0; i < schedule.stays.size(); ++i) {
    const Stay& stay = schedule.stays[i];
    const Tensor& tensor = step.tensor(stay.tensor);
    const models::TileSize size =
        models::tile_size(tile_of(stay, step), tensor.shape, tensor.element);
    const auto move = [&](Direction direction, std::size_t n) {
      add({n, schedule.nests[n].spec.slot_of(tensor.id), i, tensor.id, direction, {}, size});
    };
    if (stay.loaded) move(Direction::read, stay.first);
    if (stay.stored) move(Direction::write, stay.last);
  }
  return moves;
}

ScheduleLines book(const Schedule& schedule, const Step& step, const models::MemoryMap& map,
                   Ledger& ledger) {
  ScheduleLines lines;
  for (const Nest& nest : schedule.nests) lines.slots.emplace_back(nest.spec.slots.size());
  lines.stays.resize(schedule.stays.size());
  for (const ScheduledMove& move : moves_of(schedule, step)) {
    const Tensor& tensor = step.tensor(move.tensor);
    const std::size_t line =
        ledger.line({map.at(tensor.id).port, tensor.layer, step.ops[move.op].phase, tensor.kind,
                     move.direction, item_of(step, tensor)},
                    step.layer_names[tensor.layer]);
    ledger.add(line, move.size.words, move.size.bytes);
    ScheduleLines::Lines& own =
        move.stay ? lines.stays[*move.stay] : lines.slots[move.nest][move.slot];
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

Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts) {
  Schedule result{schedule.nests, {}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Stay stay = schedule.stays[i];
    stay.count = counts[i];
    for (std::size_t n = stay.first; n <= stay.last; ++n) {
      Nest& nest = result.nests[n];
      const std::size_t slot = nest.spec.slot_of(stay.tensor);
      if (slot < nest.spec.slots.size()) nest.standing[slot] = stay.count;
    }
    if (stay.count != 0) result.stays.push_back(stay);
  }
  return result;
}

bool is_cut_at(const Schedule& schedule, std::size_t stay, std::int64_t count) {
  const Stay& of = schedule.stays[stay];
  for (std::size_t n = of.first; n <= of.last; ++n) {
    const Nest& nest = schedule.nests[n];
    const std::size_t slot = nest.spec.slot_of(of.tensor);
    if (slot == nest.spec.slots.size()) continue;
    if (!is_cut_at(count, nest.spec.slots[slot], nest.spec, nest.loops)) return false;
  }
  return true;
}

std::uint64_t most_words(const Schedule& schedule, const Step& step) {
  std::uint64_t most = 0;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    std::uint64_t words = pack(nest.spec, shape, nest.standing).words;
    for (const Stay& stay : schedule.stays) {
      if (stay.first <= n && n <= stay.last) {
        words += words_of(stay, step);
      }
    }
    most = std::max(most, words);
  }
  return most;
}

namespace {

constexpr int most_orders = 200;  ///< in which to place stays

struct Box {
  std::uint64_t begin, end;  // words
  std::size_t first, last;   // nests
};

/// The lowest address at which `size` words are free from nest `first` to nest `last`.
std::uint64_t lowest_free(std::vector<Box> taken, std::uint64_t size, std::size_t first,
                          std::size_t last) {
  std::erase_if(taken, [&](const Box& b) { return b.last < first || last < b.first; });
  std::sort(taken.begin(), taken.end(),
            [](const Box& a, const Box& b) { return a.begin < b.begin; });
  std::uint64_t at = 0;
  for (const Box& box : taken) {
    if (box.end <= at) continue;
    if (box.begin >= at + size) break;
    at = box.end;
  }
  return at;
}
/// The highest such address below `words`, if there is one.
std::optional<std::uint64_t> highest_free(std::vector<Box> taken, std::uint64_t size,
                                          std::size_t first, std::size_t last,
                                          std::uint64_t words) {
  std::erase_if(taken, [&](const Box& b) { return b.last < first || last < b.first; });
  std::sort(taken.begin(), taken.end(), [](const Box& a, const Box& b) { return a.end > b.end; });
  std::uint64_t top = words;
  for (const Box& box : taken) {
    if (box.begin >= top) continue;
    if (box.end + size <= top) break;
    top = box.begin;
  }
  if (top < size) return std::nullopt;
  return top - size;
}

/// Slots of a nest among the stays.
bool place_slots(Nest& nest, std::size_t n, const std::vector<Box>& stays, std::uint64_t words) {
  std::vector<BufferRange> taken;
  for (const Box& stay : stays) {
    if (stay.first <= n && n <= stay.last) taken.push_back({stay.begin, stay.end});
  }
  NestShape shape(nest.spec);
  while (true) {
    shape.set(nest.loops, nest.parts);
    // In one piece where there is a gap for it; else each slot where it fits.
    const Packing together = pack(nest.spec, shape, nest.standing);
    const std::uint64_t base = lowest_free(stays, together.words, n, n);
    if (base + together.words <= words) {
      nest.address = together.from(base);
      return true;
    }
    const Packing apart = pack(nest.spec, shape, nest.standing, taken);
    nest.address = apart.address;
    if (apart.words <= words) return true;
    // Then what is done in parts takes less at a time.
    if (nest.parts.rows == 1 && nest.parts.finished == 1) return false;
    nest.parts = {std::max<std::int64_t>(1, nest.parts.rows / 2),
                  std::max<std::int64_t>(1, nest.parts.finished / 2)};
  }
}

/// Stays and nests, each nest in one piece, at the lowest addresses: what finds no room comes first
/// from then on.
bool place_together(Schedule& schedule, const Step& step, std::uint64_t words) {
  std::vector<Box> boxes;  // the stays', then the nests'
  for (const Stay& stay : schedule.stays) {
    boxes.push_back({0, words_of(stay, step), stay.first, stay.last});
  }
  std::vector<Packing> packings;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    packings.push_back(pack(nest.spec, shape, nest.standing));
    boxes.push_back({0, packings.back().words, n, n});
  }
  /// The place in the order of what finds no room.
  const auto fails_at = [&](const std::vector<std::size_t>& order) -> std::optional<std::size_t> {
    std::vector<Box> placed;
    for (std::size_t i = 0; i < order.size(); ++i) {
      Box& box = boxes[order[i]];
      const std::uint64_t size = box.end - box.begin;
      box.begin = lowest_free(placed, size, box.first, box.last);
      box.end = box.begin + size;
      if (box.end > words) return i;
      placed.push_back(box);
    }
    return std::nullopt;
  };
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  const auto measure_size = [&](std::size_t i) { return boxes[i].end - boxes[i].begin; };
  const auto measure_length = [&](std::size_t i) { return boxes[i].last - boxes[i].first; };
  for (const bool by_length : {false, true}) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return by_length ? measure_length(a) > measure_length(b) : measure_size(a) > measure_size(b);
    });
    for (int tries = 0; tries < most_orders; ++tries) {
      const auto failed = fails_at(order);
      if (!failed) {
        for (std::size_t i = 0; i < schedule.stays.size(); ++i) {
          schedule.stays[i].address = boxes[i].begin;
        }
        for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
          schedule.nests[n].address = packings[n].from(boxes[schedule.stays.size() + n].begin);
        }
        return true;
      }
      if (*failed == 0) return false;  // it is larger than the buffer
      const auto at = order.begin() + static_cast<std::ptrdiff_t>(*failed);
      std::rotate(order.begin(), at, at + 1);
    }
  }
  return false;
}

}  // namespace

bool place(Schedule& schedule, const Step& step, std::uint64_t words) {
  auto& stays = schedule.stays;
  std::vector<std::size_t> order(stays.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size_of = [&](std::size_t i) { return words_of(stays[i], step); };
  std::vector<Parts> parts;
  for (const Nest& nest : schedule.nests) parts.push_back(nest.parts);
  /// Each stay at the lowest address free, or from both ends in turn.
  const auto try_order = [&](bool two_ended) {
    std::vector<Box> boxes;
    bool low = true;
    for (const std::size_t i : order) {
      Stay& stay = stays[i];
      const std::uint64_t size = size_of(i);
      const std::uint64_t lowest = lowest_free(boxes, size, stay.first, stay.last);
      const auto highest = highest_free(boxes, size, stay.first, stay.last, words);
      if (!highest || lowest + size > words) return false;
      stay.address = low || !two_ended ? lowest : *highest;
      low = !low;
      boxes.push_back({stay.address, stay.address + size, stay.first, stay.last});
    }
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n].parts = parts[n];  // as another order may have left them smaller
      if (!place_slots(schedule.nests[n], n, boxes, words)) return false;
    }
    return true;
  };
  // In order of time, from both ends in turn or from the bottom; then the large or long first.
  const auto by = [&](auto less) { std::stable_sort(order.begin(), order.end(), less); };
  by([&](std::size_t a, std::size_t b) { return stays[a].first < stays[b].first; });
  if (try_order(true) || try_order(false)) return true;
  by([&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });
  if (try_order(false) || try_order(true)) return true;
  by([&](std::size_t a, std::size_t b) {
    return stays[a].last - stays[a].first > stays[b].last - stays[b].first;
  });
  if (try_order(false) || try_order(true)) return true;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) schedule.nests[n].parts = parts[n];
  if (place_together(schedule, step, words)) return true;
  // And in many other orders, the same ones each time.
  workloads::SplitMix numbers(1);
  for (int tries = 0; tries < most_orders; ++tries) {
    numbers.shuffle(order);
    if (try_order(tries % 2 == 0)) return true;
  }
  return false;
}

BufferRange largest_gap(const Schedule& schedule, const Step& step, std::size_t nest,
                        std::uint64_t words) {
  std::vector<BufferRange> stays;
  for (const Stay& stay : schedule.stays) {
    if (nest < stay.first || stay.last < nest) continue;
    stays.push_back({stay.address, stay.address + words_of(stay, step)});
  }
  stays.push_back({words, words});
  std::sort(stays.begin(), stays.end(),
            [](const BufferRange& a, const BufferRange& b) { return a.begin < b.begin; });
  BufferRange largest;
  std::uint64_t free = 0;
  for (const BufferRange& stay : stays) {
    if (stay.begin - free > largest.end - largest.begin) largest = {free, stay.begin};
    free = stay.end;
  }
  return largest;
}

void check_order(const Schedule& schedule, const Step& step) {
  // The last nest that wrote each tensor for each operation: a reader must come after the last
  // writer before it in the step, and before the next one.
  struct Done {
    std::size_t op, nest;
    bool writes;
  };
  std::vector<std::vector<Done>> uses(step.tensors.size());
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const NestSpec& spec = schedule.nests[n].spec;
    for (const NestOp& op : spec.ops) {
      const auto note = [&](const NestOp::Operand& operand, bool writes) {
        const Slot& slot = spec.slots[operand.slot];
        if (slot.source == Slot::Source::streamed || slot.source == Slot::Source::remade) return;
        if (step.tensor(slot.tensor).lifetime == workloads::Lifetime::temporary &&
            slot.source == Slot::Source::made) {
          return;  // its own business
        }
        uses[slot.tensor].push_back({op.op, n, writes});
      };
      for (const NestOp::Operand& operand : op.inputs) note(operand, false);
      for (const NestOp::Operand& operand : op.outputs) note(operand, true);
    }
  }
  for (const Tensor& tensor : step.tensors) {
    if (tensor.lifetime == workloads::Lifetime::temporary) continue;
    for (const Done& a : uses[tensor.id]) {
      for (const Done& b : uses[tensor.id]) {
        if ((a.writes || b.writes) && a.op < b.op && a.nest > b.nest) {
          throw workloads::ConsistencyError("the schedule reverses operations on " + tensor.name);
        }
      }
    }
  }
}

}  // namespace spillway::sim
