// What a schedule moves, and the lines of the ledger that it is counted in: from its loops and
// residencies alone, before any instruction exists.
#pragma once

#include <cstddef>
#include <optional>
#include <vector>

#include "models/instruction.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// What crosses the border for one slot of a nest, or for a residency, in one direction.
struct ScheduledMove {
  std::size_t nest = 0, slot = 0;        ///< where it is no residency
  std::optional<std::size_t> residency;  ///< of the schedule
  workloads::TensorId tensor = 0;
  Direction direction = Direction::read;
  /// Of the step. In a nest the first that uses what is loaded, the last that makes what is stored,
  /// or the first where none does.
  std::size_t op = 0;
  models::TileSize size;
};
/// All of them: those of slots, nest by nest, then those of residencies.
std::vector<ScheduledMove> moves_of(const Schedule& schedule, const workloads::Step& step);

/// Lines of the ledger of everything that a schedule moves.
struct ScheduleLines {
  struct Lines {
    models::LedgerLabel load = 0, store = 0;
  };
  std::vector<std::vector<Lines>> slots;  ///< by nest and slot
  std::vector<Lines> residencies;
};

/// Count what a schedule moves.
ScheduleLines book(const Schedule& schedule, const workloads::Step& step,
                   const models::MemoryMap& map, Ledger& ledger);

/// Words of it through the DRAM port.
Words dram_words(const Schedule& schedule, const workloads::Step& step,
                 const models::MemoryMap& map);

}  // namespace spillway::sim
