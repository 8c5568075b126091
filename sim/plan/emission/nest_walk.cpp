#include "sim/plan/emission/nest_walk.hpp"

#include <algorithm>
#include <tuple>

#include "sim/plan/operations/tile_kernel.hpp"

namespace spillway::sim {

using models::BufferedTile;
using models::Instruction;
using models::Range;
using models::Tile;
using workloads::Kernel;

NestWalk::NestWalk(const Nest& nest, const workloads::Step& step,
                   const std::vector<ScheduleLines::Lines>& lines, Residents& residents,
                   const workloads::StepControl& control, std::deque<Instruction>& out)
    : nest_(nest),
      step_(step),
      lines_(lines),
      residents_(residents),
      control_(control),
      out_(out),
      shape_(nest.spec),
      at_(nest.loops.size()),
      trips_(nest.loops.size()),
      slots_(nest.spec.slots.size()),
      ahead_(nest.spec.slots.size()) {
  shape_.set(nest.loops, nest.parts);
  find_last_uses();
  for (std::size_t s = 0; s < slots_.size(); ++s) comes_ahead_ = comes_ahead_ || may_come_ahead(s);
}

bool NestWalk::advance() {
  if (done_) return false;
  find_place();
  run_body();
  if (!go_on()) {
    for (std::size_t s = 0; s < slots_.size(); ++s) leave(s);
    done_ = true;
  }
  return true;
}

bool NestWalk::go_on() {
  std::size_t loop = at_.size();
  while (loop > 0 && ++at_[loop - 1] == trips_[loop - 1]) at_[--loop] = 0;
  return loop > 0;
}

void NestWalk::find_last_uses() {
  last_use_.assign(slots_.size(), 0);
  for (std::size_t i = 0; i < nest_.spec.ops.size(); ++i) {
    const NestOp& op = nest_.spec.ops[i];
    for (const NestOp::Operand& operand : op.inputs) last_use_[operand.slot] = i;
    for (const NestOp::Operand& operand : op.outputs) last_use_[operand.slot] = i;
    for (const std::size_t seed : op.seeds) last_use_[seed] = i;
  }
}

void NestWalk::find_place() {
  ByAxis<Range> within;
  for (std::size_t axis = 0; axis < axis_count; ++axis) {
    within[axis] = {0, nest_.spec.extent[axis]};
  }
  place_.outer = place_.inner = within;
  ByAxis<bool> seen{};
  for (std::size_t i = 0; i < nest_.loops.size(); ++i) {
    const std::size_t axis = index(nest_.loops[i].axis);
    Range& range = place_.inner[axis];
    const std::int64_t tile = nest_.loops[i].tile;
    // A shorter outer tile may have fewer inner ones.
    trips_[i] = static_cast<std::uint64_t>((range.size() + tile - 1) / tile);
    range.begin += static_cast<std::int64_t>(at_[i]) * tile;
    range.end = std::min(range.end, range.begin + tile);
    if (!seen[axis]) place_.outer[axis] = range;
    seen[axis] = true;
  }
}

bool NestWalk::sums_parts(const NestOp& op, std::size_t s) const {
  if (first_part_ && last_part_) return false;
  const Axis axis = nest_.spec.epilogue->axis;
  const Projections& dims = slot(s).dims;
  return op.runs[index(axis)] && std::none_of(dims.begin(), dims.end(),
                                              [&](const Projection& p) { return p.axis == axis; });
}

bool NestWalk::at_first(const NestOp& op, const NestOp::Operand& operand) const {
  return at_first(shape_.reduced(op, operand)) && (first_part_ || !sums_parts(op, operand.slot));
}

bool NestWalk::at_last(const NestOp& op, const NestOp::Operand& operand) const {
  return at_last(shape_.reduced(op, operand)) && (last_part_ || !sums_parts(op, operand.slot));
}

bool NestWalk::takes_part(const NestOp& op, const NestOp::Operand& operand) const {
  if (!at_last(shape_.waits_for(op, operand))) return false;
  return !operand.once || op.makes(operand.slot) || last_part_ ||
         !sums_parts(op, op.outputs.front().slot);
}

bool NestWalk::at_end(std::uint32_t loops, bool last) const {
  for (std::size_t i = 0; i < at_.size(); ++i) {
    if ((loops >> i & 1) != 0 && at_[i] != (last ? trips_[i] - 1 : 0)) return false;
  }
  return true;
}

std::vector<std::uint64_t> NestWalk::stamp(std::size_t s) const {
  std::vector<std::uint64_t> result;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    if (shape_.follows(s, i)) result.push_back(at_[i]);
  }
  return result;
}

bool NestWalk::is_current(std::size_t s) const {
  if (!slots_[s].valid) return false;
  std::size_t k = 0;
  for (std::size_t i = 0; i < at_.size(); ++i) {
    if (shape_.follows(s, i) && slots_[s].stamp[k++] != at_[i]) return false;
  }
  return true;
}

bool NestWalk::moved_on(std::size_t s) const {
  std::vector<std::uint64_t> next = slots_[s].stamp;
  ++next.back();
  return next == stamp(s);
}

void NestWalk::run_body() {
  const std::vector<NestOp>& ops = nest_.spec.ops;
  std::vector<bool> missing(slots_.size());
  for (const NestOp& op : ops) {
    if (op.on_demand) missing[*op.on_demand] = !is_current(*op.on_demand);
  }
  whole_place_ = place_;
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const NestOp& op = ops[i];
    const bool runs = op.on_demand ? missing[*op.on_demand] : runs_here(op);
    const auto& epilogue = nest_.spec.epilogue;
    if (!epilogue || i < epilogue->first || i >= epilogue->last) {
      if (runs) run(op);
      if (runs && comes_ahead_) load_ahead(i + 1, missing);
    } else if (runs && i == epilogue->first) {
      run_epilogue();
    }
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      if (last_use_[s] == i && shape_.transient(s) && !shape_.keeps(s)) leave(s);
    }
  }
}

bool NestWalk::runs_here(const NestOp& op) const {
  const std::uint32_t all = (std::uint32_t{1} << at_.size()) - 1;
  return at_last(all & ~shape_.loops_of(op));
}

bool NestWalk::may_come_ahead(std::size_t s) const {
  return shape_.alternates(s) && slot(s).source == Slot::Source::outside && !slot(s).in_parts &&
         !slot(s).in_epilogue;
}

void NestWalk::load_ahead(std::size_t done, const std::vector<bool>& missing) {
  // Slots that another tile comes to first, at this place.
  std::vector<bool> busy(slots_.size());
  for (std::size_t i = done; i < nest_.spec.ops.size(); ++i) {
    const NestOp& op = nest_.spec.ops[i];
    if (!(op.on_demand ? missing[*op.on_demand] : runs_here(op))) continue;
    for (std::size_t s = 0; s < slots_.size(); ++s)
      busy[s] = busy[s] || (op.uses(s) && !is_current(s));
  }
  const auto here = std::tuple(at_, trips_, place_, whole_place_);
  // What is made on demand here will be there as long as no loop of its own goes on.
  std::vector<std::vector<std::uint64_t>> made(slots_.size());
  for (const NestOp& op : nest_.spec.ops) {
    if (op.on_demand) made[*op.on_demand] = stamp(*op.on_demand);
  }
  if (go_on()) {
    find_place();
    whole_place_ = place_;
    for (const NestOp& op : nest_.spec.ops) {
      const bool runs = op.on_demand ? made[*op.on_demand] != stamp(*op.on_demand) : runs_here(op);
      if (!runs) continue;
      for (const NestOp::Operand& operand : op.inputs) {
        const std::size_t s = operand.slot;
        if (!may_come_ahead(s) || busy[s] || ahead_[s] || is_resident(s) ||
            !takes_part(op, operand))
          continue;
        if (is_current(s) || box_of(op, s, std::nullopt).elements() == 0) continue;
        const BufferedTile next = tile_at(s, std::nullopt);
        const Tile& last = slots_[s].tile.tile;
        // It may be the same box, or hold values that change here.
        if (slots_[s].valid &&
            (next.tile == last || (slots_[s].dirty && overlap(next.tile, last)))) {
          continue;
        }
        ahead_[s] = next;
        out_.push_back(models::Load{next, lines_[s].load});
      }
    }
  }
  std::tie(at_, trips_, place_, whole_place_) = here;
}

void NestWalk::run_epilogue() {
  const NestSpec::Epilogue& epilogue = *nest_.spec.epilogue;
  Range& range = place_.inner[index(epilogue.axis)];
  const Range whole = range;
  for (std::int64_t at = whole.begin; at < whole.end; at += nest_.parts.finished) {
    range = {at, std::min(whole.end, at + nest_.parts.finished)};
    first_part_ = at == whole.begin;
    last_part_ = range.end == whole.end;
    for (std::size_t i = epilogue.first; i < epilogue.last; ++i) run(nest_.spec.ops[i]);
    for (std::size_t s = 0; s < slots_.size(); ++s) {
      if (slot(s).in_epilogue) leave(s);
    }
  }
  range = whole;
  first_part_ = last_part_ = true;
}

void NestWalk::run(const NestOp& op) {
  if (!op.in_parts) {
    run_part(op, std::nullopt);
    return;
  }
  const Tile whole = tile_of(slot(op.inputs[0].slot), place_);
  for (std::int64_t row = whole.box[0].begin; row < whole.box[0].end; row += nest_.parts.rows) {
    run_part(op, Range{row, std::min(whole.box[0].end, row + nest_.parts.rows)});
  }
}

Tile NestWalk::box_of(const NestOp& op, std::size_t s, std::optional<Range> rows) const {
  Tile box = op.outer ? tile_of(slot(s), place_) : part_of(slot(s), place_);
  if (rows) box.box[0] = *rows;
  return box;
}

void NestWalk::run_part(const NestOp& op, std::optional<Range> rows) {
  std::vector<models::Input> inputs;
  std::vector<models::TileView> outputs;
  std::vector<Tile> input_boxes, output_boxes;
  for (const std::size_t seed : op.seeds) bring(seed, std::nullopt);
  for (const NestOp::Operand& operand : op.inputs) {
    if (!takes_part(op, operand)) continue;
    const Tile box = box_of(op, operand.slot, rows);
    if (box.elements() == 0) return;
    input_boxes.push_back(box);
    if (slot(operand.slot).source == Slot::Source::streamed) {
      const auto place = [&](workloads::TensorId id) -> const BufferedTile& { return seed(id); };
      inputs.push_back(streamed(*step_.tensor(box.tensor).generated, box, place));
    } else {
      inputs.emplace_back(models::TileView(bring(operand.slot, rows), box));
    }
  }
  bool accumulate = false;
  for (const NestOp::Operand& operand : op.outputs) {
    if (!takes_part(op, operand)) continue;
    const Tile box = box_of(op, operand.slot, rows);
    const bool adds = !at_first(op, operand);
    if (&operand == &op.outputs.front() || adds) accumulate = adds;
    output_boxes.push_back(box);
    outputs.emplace_back(make(operand.slot, adds, rows), box);
    if (!is_resident(operand.slot)) slots_[operand.slot].finished = at_last(op, operand);
  }
  Kernel kernel = kernel_of(op, input_boxes, output_boxes, accumulate);
  out_.push_back(models::Compute{in_step(kernel, control_), std::move(inputs), std::move(outputs),
                                 step_.ops[op.op].layer == step_.readout_layer()});
  if (!rows) return;
  for (const NestOp::Operand& operand : op.inputs) {
    if (slot(operand.slot).in_parts) leave(operand.slot);
  }
}

Kernel NestWalk::kernel_of(const NestOp& op, const std::vector<Tile>& inputs,
                           const std::vector<Tile>& outputs, bool accumulate) {
  Kernel whole = op.kernel ? *op.kernel : step_.ops[op.op].kernel;
  if (whole.merges()) {
    std::int64_t& values = values_[{op.outputs[0].slot, outputs[0].box}];
    if (!accumulate) values = 0;
    const Kernel alone = tile_kernel(whole, inputs, outputs, false);
    whole = whole.after(values);
    values += alone.contract().points_joined();
  }
  return tile_kernel(whole, inputs, outputs, accumulate);
}

bool NestWalk::is_resident(std::size_t s) const {
  const std::int64_t resident = nest_.resident[s];
  if (resident == 0 || is_resident_whole(slot(s), resident)) return resident != 0;
  return tile_of(slot(s), whole_place_).box[0].end <= resident;
}

const BufferedTile& NestWalk::seed(workloads::TensorId id) const {
  const std::size_t s = nest_.spec.slot_of(id);
  return is_resident(s) ? residents_.place(id) : slots_[s].tile;
}

BufferedTile NestWalk::tile_at(std::size_t s, std::optional<Range> rows) const {
  const Place& place = slot(s).in_epilogue ? place_ : whole_place_;
  const std::uint64_t at = shape_.alternates(s) ? slots_[s].turns % slot(s).places : 0;
  const workloads::Words address(nest_.address[s] + at * shape_.largest(s));
  BufferedTile tile{tile_of(slot(s), place), bytes_of(address).count()};
  if (rows && slot(s).in_parts) tile.tile.box[0] = *rows;
  return tile;
}

BufferedTile NestWalk::bring(std::size_t s, std::optional<Range> rows) {
  if (is_resident(s)) {
    leave(s);
    return residents_.bring(slot(s).tensor);
  }
  SlotTile& in_slot = slots_[s];
  const bool part = rows && slot(s).in_parts;
  if (part ? in_slot.valid : is_current(s)) return in_slot.tile;
  const BufferedTile wanted = tile_at(s, rows);
  if (in_slot.valid && shape_.keeps(s) && in_slot.tile.tile == wanted.tile && moved_on(s)) {
    in_slot.stamp = stamp(s);
    return in_slot.tile;
  }
  leave(s);
  take(in_slot, wanted, stamp(s));
  if (!ahead_[s]) out_.push_back(models::Load{in_slot.tile, lines_[s].load});
  ahead_[s].reset();
  return in_slot.tile;
}

BufferedTile NestWalk::make(std::size_t s, bool adds, std::optional<Range> rows) {
  if (is_resident(s)) {
    leave(s);
    return residents_.make(slot(s).tensor);
  }
  SlotTile& in_slot = slots_[s];
  const bool part = rows && slot(s).in_parts;
  if (!(part ? in_slot.valid : is_current(s))) {
    leave(s);
    take(in_slot, tile_at(s, rows), stamp(s));
    if (adds) out_.push_back(models::Load{in_slot.tile, lines_[s].load});
  }
  in_slot.dirty = true;
  return in_slot.tile;
}

void NestWalk::take(SlotTile& slot, const BufferedTile& tile, std::vector<std::uint64_t> stamp) {
  slot = {true, false, true, tile, std::move(stamp), slot.turns + 1};
}

void NestWalk::leave(std::size_t s) {
  SlotTile& in_slot = slots_[s];
  if (!in_slot.valid) return;
  const bool stored = in_slot.dirty && (slot(s).wanted || !in_slot.finished) &&
                      slot(s).source != Slot::Source::recomputed;
  if (stored) out_.push_back(models::Store{in_slot.tile, lines_[s].store});
  out_.push_back(models::Free{in_slot.tile, in_slot.dirty && !stored});
  in_slot.valid = false;
}

}  // namespace spillway::sim
