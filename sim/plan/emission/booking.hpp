// Words that a schedule moves, and the lines of the ledger that count them: from its loops and
// residencies alone, before any instruction exists.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "models/instruction.hpp"
#include "sim/plan/counted_words.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// Words across the border for one slot of a nest, or for a residency, in one direction.
struct ScheduledMove {
  std::size_t nest = 0, slot = 0;        ///< where it is no residency
  std::optional<std::size_t> residency;  ///< of the schedule
  workloads::TensorId tensor = 0;
  Direction direction = Direction::read;
  /// Of the step. In a nest the first operation that uses a loaded tensor, the last that makes a
  /// stored one, or the first where none does.
  std::size_t op = 0;
  models::TileSize size;
};
/// All moves: of slots, nest by nest, then of residencies.
std::vector<ScheduledMove> moves_of(const Schedule& schedule, const workloads::Step& step);

/// Lines of the ledger of everything that a schedule moves.
struct ScheduleLines {
  struct Lines {
    models::LedgerLabel load = 0, store = 0;
  };
  std::vector<std::vector<Lines>> slots;  ///< by nest and slot
  std::vector<Lines> residencies;
};

/// Counts the words of a schedule in the ledger.
ScheduleLines book(const Schedule& schedule, const workloads::Step& step,
                   const models::MemoryMap& map, Ledger& ledger);

/// What the schedule costs by the objective.
Words cost_of(const Schedule& schedule, const workloads::Step& step, const CountedWords& counted);

}  // namespace spillway::sim
