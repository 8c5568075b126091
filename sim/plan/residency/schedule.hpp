// A step as a sequence of nests, with what stays in the buffer from one nest to another.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/device_config.hpp"
#include "models/instruction.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/mapping/packing.hpp"

namespace spillway::sim {

/// A tensor, or the first part of it, that stands in the buffer through several nests.
struct Stay {
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;           ///< elements of its first dimension, from the first on
  std::size_t first = 0, last = 0;  ///< nests
  bool loaded = false;              ///< it is brought in; otherwise made in the first nest
  bool stored = false;              ///< it is wanted when it leaves
  std::uint64_t address = 0;        ///< in the buffer, in words
};

bool is_whole(const Stay& stay, const workloads::Step& step);
models::Tile tile_of(const Stay& stay, const workloads::Step& step);
std::uint64_t words_of(const Stay& stay, const workloads::Step& step);

struct Schedule {
  std::vector<Nest> nests;
  std::vector<Stay> stays;
};

/// What crosses the border for one slot of a nest, or for a stay, in one direction.
struct ScheduledMove {
  std::size_t nest = 0, slot = 0;
  std::optional<std::size_t> stay;
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
  std::vector<Lines> stays;
};

/// Count what a schedule moves, from its loops alone.
ScheduleLines book(const Schedule& schedule, const workloads::Step& step,
                   const models::MemoryMap& map, Ledger& ledger);

/// Words of it through the DRAM port.
std::uint64_t dram_words(const Schedule& schedule, const workloads::Step& step,
                         const models::MemoryMap& map);

/// The schedule with stays of so many elements each of their tensors' first dimensions, fewer than
/// there are or as many.
Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts);

/// A stay may be of so many elements: no tile of the nests that use it would be split.
bool is_cut_at(const Schedule& schedule, std::size_t stay, std::int64_t count);

/// Give stays and slots their addresses in a buffer of so many words. False when they do not fit.
bool place(Schedule& schedule, const workloads::Step& step, std::uint64_t words);

/// The most words in a row that stays, where they are placed, leave to a nest.
BufferRange largest_gap(const Schedule& schedule, const workloads::Step& step, std::size_t nest,
                        std::uint64_t words);

/// The most words that are taken at once, gaps left out.
std::uint64_t most_words(const Schedule& schedule, const workloads::Step& step);

/// The schedule's instructions; it keeps nothing but what stands in the buffer. Everything that is
/// given has to outlive it.
class ScheduleProgram {
 public:
  ScheduleProgram(const Schedule& schedule, const workloads::Step& step, const ScheduleLines& lines,
                  double rate_scale);
  ~ScheduleProgram();
  std::optional<models::Instruction> next();

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

/// Throws ConsistencyError when nests run the step's operations in an order that changes what they
/// compute.
void check_order(const Schedule& schedule, const workloads::Step& step);

}  // namespace spillway::sim
