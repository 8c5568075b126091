// What a schedule moves, and the lines of the ledger that it is counted in: from its loops alone.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/instruction.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// What crosses the border for one slot of a nest, or for a residency, in one direction.
struct ScheduledMove {
  std::size_t nest = 0, slot = 0;
  std::optional<std::size_t> residency;
  workloads::TensorId tensor = 0;
  Direction direction = Direction::read;
  /// Of the step: the nest's first that uses what is loaded, its last that makes what is stored, or
  /// its first where none does.
  std::size_t op = 0;
  models::TileSize size;
};
/// All of them, from the schedule's loops alone.
std::vector<ScheduledMove> moves_of(const Schedule& schedule, const workloads::Step& step);

/// Lines of the ledger of everything that a schedule moves.
struct ScheduleLines {
  struct Lines {
    models::LedgerLabel load = 0, store = 0;
  };
  std::vector<std::vector<Lines>> slots;  ///< by nest and slot
  std::vector<Lines> residencies;
};

/// Count what a schedule moves, from its loops alone.
ScheduleLines book(const Schedule& schedule, const workloads::Step& step,
                   const models::MemoryMap& map, Ledger& ledger);

/// Words of it through the DRAM port.
std::uint64_t dram_words(const Schedule& schedule, const workloads::Step& step,
                         const models::MemoryMap& map);

}  // namespace spillway::sim
