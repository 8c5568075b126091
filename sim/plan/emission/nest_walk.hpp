// The instructions of one nest: a walk through its loops.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "models/instruction.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/emission/residents.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// One nest on its way. Everything that is given has to outlive it.
class NestWalk {
 public:
  /// `lines` of its slots; kernels are those of the step that `control` tells.
  NestWalk(const Nest& nest, const workloads::Step& step,
           const std::vector<ScheduleLines::Lines>& lines, Residents& residents,
           const workloads::StepControl& control, std::deque<models::Instruction>& out);

  /// The body at one place of the loops; false when the loops are through.
  bool advance();

 private:
  /// The tile in a slot.
  struct SlotTile {
    bool valid = false, dirty = false, finished = true;
    models::BufferedTile tile;
    std::vector<std::uint64_t> stamp;  ///< indices of the loops that it follows
    std::uint64_t turns = 0;           ///< tiles that the slot has held
  };

  const Slot& slot(std::size_t s) const { return nest_.spec.slots[s]; }

  void find_last_uses();
  void find_place();

  /// The operation sums the operand up along the axis that a tile is finished in parts of.
  bool sums_parts(const NestOp& op, std::size_t s) const;
  /// The operand's first or last turn of an operation's sum has come.
  bool at_first(const NestOp& op, const NestOp::Operand& operand) const;
  bool at_last(const NestOp& op, const NestOp::Operand& operand) const;
  /// An operand that takes part once does so now.
  bool takes_part(const NestOp& op, const NestOp::Operand& operand) const;
  bool at_first(std::uint32_t loops) const { return at_end(loops, false); }
  bool at_last(std::uint32_t loops) const { return at_end(loops, true); }
  bool at_end(std::uint32_t loops, bool last) const;

  std::vector<std::uint64_t> stamp(std::size_t s) const;
  /// The slot holds the tile of this place of the loops.
  bool is_current(std::size_t s) const;
  /// Of the loops that the slot follows only the innermost has gone on since it was brought in.
  bool moved_on(std::size_t s) const;

  void run_body();
  /// The operation runs at this place of the loops.
  bool runs_here(const NestOp& op) const;
  /// The place that the loops come to next; false at the last one.
  bool go_on();
  /// Loads what the next place of the loops takes first, where slots have room for two tiles: so
  /// that it comes beside all that is still done here.
  void load_ahead(std::size_t done, const std::vector<bool>& missing);
  bool may_come_ahead(std::size_t s) const;
  /// The epilogue of a tile, a few channels after the others.
  void run_epilogue();
  void run(const NestOp& op);
  void run_part(const NestOp& op, std::optional<models::Range> rows);
  models::Tile box_of(const NestOp& op, std::size_t s, std::optional<models::Range> rows) const;
  /// The operation's kernel on these boxes of its operands.
  workloads::Kernel kernel_of(const NestOp& op, const std::vector<models::Tile>& inputs,
                              const std::vector<models::Tile>& outputs, bool accumulate);

  /// The slot's tile lies within the resident prefix of its tensor, and moves nothing itself.
  bool is_resident(std::size_t s) const;
  /// Where a seed lies.
  const models::BufferedTile& seed(workloads::TensorId id) const;
  models::BufferedTile tile_at(std::size_t s, std::optional<models::Range> rows) const;
  /// The slot's tile, as an input.
  models::BufferedTile bring(std::size_t s, std::optional<models::Range> rows);
  /// The slot's tile, as an output.
  models::BufferedTile make(std::size_t s, bool adds, std::optional<models::Range> rows);
  /// The slot's next tile.
  static void take(SlotTile& slot, const models::BufferedTile& tile,
                   std::vector<std::uint64_t> stamp);
  /// The slot is given up; its tile is stored if it is wanted or not finished.
  void leave(std::size_t s);

  const Nest& nest_;
  const workloads::Step& step_;
  const std::vector<ScheduleLines::Lines>& lines_;
  Residents& residents_;
  workloads::StepControl control_;
  std::deque<models::Instruction>& out_;
  NestShape shape_;
  std::vector<std::uint64_t> at_, trips_;      // of the loops; how often they run here
  Place place_, whole_place_;                  // within the epilogue, and of the whole tile
  bool first_part_ = true, last_part_ = true;  // of the epilogue
  std::vector<SlotTile> slots_;
  std::vector<std::optional<models::BufferedTile>> ahead_;  // by slot, its next tile
  bool comes_ahead_ = false;                                // some slot's may
  std::vector<std::size_t> last_use_;
  /// Values that a merged result has taken in, by slot and box.
  std::map<std::pair<std::size_t, workloads::Box>, std::int64_t> values_;
  bool done_ = false;
};

}  // namespace spillway::sim
