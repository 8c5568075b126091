// The instructions of a schedule: walks through the loops of one nest after another.
#include "sim/plan/emission/schedule_program.hpp"

#include <algorithm>
#include <deque>
#include <map>

#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/operations/tile_kernel.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::BufferedTile;
using models::Instruction;
using models::Tile;
using workloads::Kernel;
using workloads::Step;
using workloads::TensorId;

namespace {

constexpr std::uint64_t bytes_of_word = workloads::bytes_per_word;

/// A tensor, or the first part of it, in the buffer for several nests.
struct StandingTile {
  BufferedTile tile;
  models::LedgerLabel load = 0, store = 0;
  bool stored = false;  ///< it is wanted when it leaves
  bool resident = false, changed = false;
};
using Standings = std::map<TensorId, StandingTile>;

/// One nest on its way.
class NestRun {
 public:
  NestRun(const Nest& nest, const Step& step, const std::vector<ScheduleLines::Lines>& lines,
          Standings& standings, double rate_scale, std::deque<Instruction>& out)
      : nest_(nest),
        step_(step),
        lines_(lines),
        standings_(standings),
        rate_scale_(rate_scale),
        out_(out),
        shape_(nest.spec),
        at_(nest.loops.size()),
        trips_(nest.loops.size()),
        slots_(nest.spec.slots.size()) {
    shape_.set(nest.loops, nest.parts);
    find_last_uses();
  }

  /// The body at one place of the loops; false when the loops are through.
  bool advance() {
    if (done_) return false;
    find_place();
    run_body();
    std::size_t loop = at_.size();
    while (loop > 0 && ++at_[loop - 1] == trips_[loop - 1]) at_[--loop] = 0;
    if (loop == 0) {
      for (std::size_t s = 0; s < slots_.size(); ++s) leave(s);
      done_ = true;
    }
    return true;
  }

 private:
  struct Held {
    bool resident = false, dirty = false, finished = true;
    BufferedTile tile;
    std::vector<std::uint64_t> stamp;  // indices of the loops that it follows
  };

  const Slot& slot(std::size_t s) const { return nest_.spec.slots[s]; }

  void find_last_uses() {
    last_use_.assign(slots_.size(), 0);
    for (std::size_t i = 0; i < nest_.spec.ops.size(); ++i) {
      const NestOp& op = nest_.spec.ops[i];
      for (const NestOp::Operand& operand : op.inputs) last_use_[operand.slot] = i;
      for (const NestOp::Operand& operand : op.outputs) last_use_[operand.slot] = i;
      for (const std::size_t seed : op.seeds) last_use_[seed] = i;
    }
  }

  void find_place() {
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

  /// The operation sums the operand up along the axis that a tile is finished in parts of.
  bool sums_parts(const NestOp& op, std::size_t s) const {
    if (first_part_ && last_part_) return false;
    const Axis axis = nest_.spec.finish->axis;
    const Projections& dims = slot(s).dims;
    return op.runs[index(axis)] && std::none_of(dims.begin(), dims.end(), [&](const Projection& p) {
             return p.axis == axis;
           });
  }
  /// The operand's first or last turn of an operation's sum has come.
  bool at_first(const NestOp& op, const NestOp::Operand& operand) const {
    return at_first(shape_.reduced(op, operand)) && (first_part_ || !sums_parts(op, operand.slot));
  }
  bool at_last(const NestOp& op, const NestOp::Operand& operand) const {
    return at_last(shape_.reduced(op, operand)) && (last_part_ || !sums_parts(op, operand.slot));
  }
  /// An operand that takes part once does so now.
  bool takes_part(const NestOp& op, const NestOp::Operand& operand) const {
    if (!at_last(shape_.waits_for(op, operand))) return false;
    return !operand.once || op.makes(operand.slot) || last_part_ ||
           !sums_parts(op, op.outputs.front().slot);
  }
  bool at_last(std::uint32_t loops) const { return at_end(loops, true); }
  bool at_first(std::uint32_t loops) const { return at_end(loops, false); }
  bool at_end(std::uint32_t loops, bool last) const {
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if ((loops >> i & 1) != 0 && at_[i] != (last ? trips_[i] - 1 : 0)) return false;
    }
    return true;
  }

  bool stands(std::size_t s) const {
    if (!slots_[s].resident) return false;
    std::size_t k = 0;
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (shape_.follows(s, i) && slots_[s].stamp[k++] != at_[i]) return false;
    }
    return true;
  }
  std::vector<std::uint64_t> stamp(std::size_t s) const {
    std::vector<std::uint64_t> result;
    for (std::size_t i = 0; i < at_.size(); ++i) {
      if (shape_.follows(s, i)) result.push_back(at_[i]);
    }
    return result;
  }

  /// Of the loops that the slot follows only the innermost has gone on since it was brought in.
  bool moved_on(std::size_t s) const {
    std::vector<std::uint64_t> next = slots_[s].stamp;
    ++next.back();
    return next == stamp(s);
  }

  void run_body() {
    const std::vector<NestOp>& ops = nest_.spec.ops;
    const std::uint32_t all = (std::uint32_t{1} << at_.size()) - 1;
    std::vector<bool> missing(slots_.size());
    for (const NestOp& op : ops) {
      if (op.on_demand) missing[*op.on_demand] = !stands(*op.on_demand);
    }
    whole_place_ = place_;
    for (std::size_t i = 0; i < ops.size(); ++i) {
      const NestOp& op = ops[i];
      const bool runs = op.on_demand ? missing[*op.on_demand] : at_last(all & ~shape_.loops_of(op));
      const auto& finish = nest_.spec.finish;
      if (!finish || i < finish->first || i >= finish->last) {
        if (runs) run(op);
      } else if (runs && i == finish->first) {
        run_finish();
      }
      for (std::size_t s = 0; s < slots_.size(); ++s) {
        if (last_use_[s] == i && shape_.transient(s) && !shape_.keeps(s)) leave(s);
      }
    }
  }

  /// What finishes a tile, a few channels after the others.
  void run_finish() {
    const NestSpec::Finish& finish = *nest_.spec.finish;
    Range& range = place_.inner[index(finish.axis)];
    const Range whole = range;
    for (std::int64_t at = whole.begin; at < whole.end; at += nest_.parts.finished) {
      range = {at, std::min(whole.end, at + nest_.parts.finished)};
      first_part_ = at == whole.begin;
      last_part_ = range.end == whole.end;
      for (std::size_t i = finish.first; i < finish.last; ++i) run(nest_.spec.ops[i]);
      for (std::size_t s = 0; s < slots_.size(); ++s) {
        if (slot(s).in_finish) leave(s);
      }
    }
    range = whole;
    first_part_ = last_part_ = true;
  }

  void run(const NestOp& op) {
    if (!op.in_parts) {
      run_part(op, std::nullopt);
      return;
    }
    const Tile whole = tile_of(slot(op.inputs[0].slot), place_);
    for (std::int64_t row = whole.box[0].begin; row < whole.box[0].end; row += nest_.parts.rows) {
      run_part(op, Range{row, std::min(whole.box[0].end, row + nest_.parts.rows)});
    }
  }

  void run_part(const NestOp& op, std::optional<Range> rows) {
    std::vector<models::Input> inputs;
    std::vector<models::TileView> outputs;
    std::vector<Tile> input_boxes, output_boxes;
    const auto box_of = [&](std::size_t s) {
      Tile box = op.outer ? tile_of(slot(s), place_) : part_of(slot(s), place_);
      if (rows) box.box[0] = *rows;
      return box;
    };
    for (const std::size_t seed : op.seeds) bring(seed, std::nullopt);
    for (const NestOp::Operand& operand : op.inputs) {
      if (!takes_part(op, operand)) continue;
      const Tile box = box_of(operand.slot);
      if (box.elements() == 0) return;
      input_boxes.push_back(box);
      if (slot(operand.slot).source == Slot::Source::streamed) {
        inputs.push_back(streamed(box));
      } else {
        inputs.push_back({models::TileView(bring(operand.slot, rows), box)});
      }
    }
    bool accumulate = false;
    for (const NestOp::Operand& operand : op.outputs) {
      if (!takes_part(op, operand)) continue;
      const Tile box = box_of(operand.slot);
      const bool adds = !at_first(op, operand);
      if (&operand == &op.outputs.front() || adds) accumulate = adds;
      output_boxes.push_back(box);
      outputs.push_back(models::TileView(make(operand.slot, adds, rows), box));
      Held* held = held_of(operand.slot);
      if (held != nullptr) held->finished = at_last(op, operand);
    }
    Kernel whole = op.kernel ? *op.kernel : step_.ops[op.op].kernel;
    if (auto* statistics = std::get_if<workloads::NormStatistics>(&whole)) {
      const Tile& x = input_boxes[0];
      std::int64_t& values = values_[{op.outputs[0].slot, output_boxes[0].box[1].begin}];
      if (!accumulate) values = 0;
      statistics->before = values;
      values += x.box[0].size() * x.box[2].size() * x.box[3].size();
    }
    Kernel kernel = tile_kernel(whole, input_boxes, output_boxes, accumulate);
    out_.push_back(models::Compute{with_rate_scale(std::move(kernel), rate_scale_),
                                   std::move(inputs), std::move(outputs),
                                   step_.ops[op.op].layer == step_.readout_layer()});
    if (!rows) return;
    for (const NestOp::Operand& operand : op.inputs) {
      if (slot(operand.slot).in_parts) leave(operand.slot);
    }
  }

  /// The slot's tile is within what stands of its tensor.
  bool is_standing(std::size_t s) const {
    const std::int64_t standing = nest_.standing[s];
    if (standing == 0 || stands_whole(slot(s), standing)) return standing != 0;
    return tile_of(slot(s), whole_place_).box[0].end <= standing;
  }
  Held* held_of(std::size_t s) { return is_standing(s) ? nullptr : &slots_[s]; }

  models::Streamed streamed(const Tile& box) {
    const workloads::Generated& made = *step_.tensor(box.tensor).generated;
    std::optional<BufferedTile> sign_seed;
    if (made.sign_seed) sign_seed = resident(*made.sign_seed);
    return {box, resident(made.seed), sign_seed, made.values};
  }
  BufferedTile resident(TensorId id) const {
    const std::size_t s = nest_.spec.slot_of(id);
    return is_standing(s) ? standings_.at(id).tile : slots_[s].tile;
  }

  BufferedTile tile_at(std::size_t s, std::optional<Range> rows) const {
    const Place& place = slot(s).in_finish ? place_ : whole_place_;
    BufferedTile tile{tile_of(slot(s), place), nest_.address[s] * bytes_of_word};
    if (rows && slot(s).in_parts) tile.tile.box[0] = *rows;
    return tile;
  }

  /// The slot's tile, as an input.
  BufferedTile bring(std::size_t s, std::optional<Range> rows) {
    if (is_standing(s)) {
      leave(s);
      StandingTile& standing = standings_.at(slot(s).tensor);
      if (!standing.resident) {
        out_.push_back(models::Load{standing.tile, standing.load});
        standing.resident = true;
      }
      return standing.tile;
    }
    Held& held = slots_[s];
    const bool part = rows && slot(s).in_parts;
    if (part ? held.resident : stands(s)) return held.tile;
    const BufferedTile wanted = tile_at(s, rows);
    if (held.resident && shape_.keeps(s) && held.tile.tile == wanted.tile && moved_on(s)) {
      held.stamp = stamp(s);
      return held.tile;
    }
    leave(s);
    held = {true, false, true, wanted, stamp(s)};
    out_.push_back(models::Load{held.tile, lines_[s].load});
    return held.tile;
  }

  /// The slot's tile, as an output.
  BufferedTile make(std::size_t s, bool adds, std::optional<Range> rows) {
    if (is_standing(s)) {
      leave(s);
      StandingTile& standing = standings_.at(slot(s).tensor);
      standing.resident = standing.changed = true;
      return standing.tile;
    }
    Held& held = slots_[s];
    const bool part = rows && slot(s).in_parts;
    if (!(part ? held.resident : stands(s))) {
      leave(s);
      held = {true, false, true, tile_at(s, rows), stamp(s)};
      if (adds) out_.push_back(models::Load{held.tile, lines_[s].load});
    }
    held.dirty = true;
    return held.tile;
  }

  void leave(std::size_t s) {
    Held& held = slots_[s];
    if (!held.resident) return;
    const bool stored =
        held.dirty && (slot(s).wanted || !held.finished) && slot(s).source != Slot::Source::remade;
    if (stored) out_.push_back(models::Store{held.tile, lines_[s].store});
    out_.push_back(models::Free{held.tile, held.dirty && !stored});
    held.resident = false;
  }

  const Nest& nest_;
  const Step& step_;
  const std::vector<ScheduleLines::Lines>& lines_;
  Standings& standings_;
  double rate_scale_;
  std::deque<Instruction>& out_;
  NestShape shape_;
  std::vector<std::uint64_t> at_, trips_;      // of the loops; how often they run here
  Place place_, whole_place_;                  // within what finishes a tile, and of all of it
  bool first_part_ = true, last_part_ = true;  // of what finishes it
  std::vector<Held> slots_;
  std::vector<std::size_t> last_use_;
  /// Values that statistics have taken in, by slot and first channel.
  std::map<std::pair<std::size_t, std::int64_t>, std::int64_t> values_;
  bool done_ = false;
};

}  // namespace

class ScheduleProgram::Run {
 public:
  Run(const Schedule& schedule, const Step& step, const ScheduleLines& lines, double rate_scale)
      : schedule_(schedule), step_(step), lines_(lines), rate_scale_(rate_scale) {}

  std::optional<Instruction> next() {
    while (out_.empty()) {
      if (!nest_) {
        if (number_ == schedule_.nests.size()) return std::nullopt;
        begin();
      }
      if (!nest_->advance()) end();
    }
    Instruction instruction = std::move(out_.front());
    out_.pop_front();
    return instruction;
  }

 private:
  void begin() {
    for (std::size_t i = 0; i < schedule_.residencies.size(); ++i) {
      const Residency& residency = schedule_.residencies[i];
      if (residency.first != number_) continue;
      standings_[residency.tensor] = {
          {tile_of(residency, step_), bytes_of(residency.address).count()},
          lines_.residencies[i].load,
          lines_.residencies[i].store,
          residency.stored,
          false,
          false};
    }
    nest_.emplace(schedule_.nests[number_], step_, lines_.slots[number_], standings_, rate_scale_,
                  out_);
  }

  void end() {
    nest_.reset();
    for (const Residency& residency : schedule_.residencies) {
      if (residency.last != number_) continue;
      const StandingTile& standing = standings_.at(residency.tensor);
      if (!standing.resident) continue;
      const bool stored = standing.changed && standing.stored;
      if (stored) out_.push_back(models::Store{standing.tile, standing.store});
      out_.push_back(models::Free{standing.tile, standing.changed && !stored});
      standings_.erase(residency.tensor);
    }
    ++number_;
  }

  const Schedule& schedule_;
  const Step& step_;
  const ScheduleLines& lines_;
  double rate_scale_;
  std::size_t number_ = 0;
  Standings standings_;
  std::optional<NestRun> nest_;
  std::deque<Instruction> out_;
};

ScheduleProgram::ScheduleProgram(const Schedule& schedule, const Step& step,
                                 const ScheduleLines& lines, double rate_scale)
    : run_(std::make_unique<Run>(schedule, step, lines, rate_scale)) {}
ScheduleProgram::~ScheduleProgram() = default;

std::optional<Instruction> ScheduleProgram::next() { return run_->next(); }

}  // namespace spillway::sim
