// The four engines of the accelerator: each takes issued instructions in order, waits for their
// tiles and does its part. Engines overlap.
#pragma once

#include <cstddef>
#include <exception>
#include <systemc>
#include <tlm>
#include <vector>

#include "models/activity.hpp"
#include "models/compute_array.hpp"
#include "models/device.hpp"
#include "models/kernel_cost.hpp"
#include "models/memory_ports.hpp"
#include "models/operand_memory.hpp"
#include "models/random_tile.hpp"
#include "models/tile_table.hpp"
#include "workloads/kernels/recent_contracts.hpp"
#include "workloads/kernels/runner.hpp"

#include <tlm_utils/simple_initiator_socket.h>

namespace spillway::models {

class Engine;

/// State that the sequencer and the engines share.
struct SharedState {
  SharedState(const DeviceConfig& device, const DeviceOptions& options);

  const DeviceConfig& config;
  bool values;
  OnChipBuffer buffer;
  /// A tile may lie in the layout that its kernel wants; the transfer converts.
  workloads::KernelRunner kernels{workloads::KernelRunner::Results::lasting};
  OperandMemory operands{buffer, kernels};
  TileTable tiles;
  const MemoryMap* map = nullptr;
  Execution execution;               // of the program that runs
  std::vector<Activity> activities;  // by WorkLabel
  Activity activity;                 // of all
  std::exception_ptr failure;        // the first one; no more is issued
  Picoseconds random_until;          // the PRNG unit has work until then

  sc_core::sc_event tile_changed;  // for engines that wait for their tiles
  bool engines_wait = false;
  sc_core::sc_event room_changed;       // for the sequencer: space, or a place in a queue
  const Engine* full_engine = nullptr;  // whose queue the sequencer waits for
  bool space_wanted = false;            // or that it waits for space

  /// Keep the exception being handled, if it is the first.
  void fail() {
    if (!failure) failure = std::current_exception();
  }
  /// An engine's instruction is done, and gave up space if `freed`: wake who waits for that.
  void wake(const Engine& engine, bool freed);
  /// Not to be kept across a wait: another engine may make a new line.
  Transferred& line(LedgerLabel label);
  /// An engine was, or will be, busy from `begin` on.
  void count_busy(Picoseconds EngineTimes::*engine, WorkLabel work, Picoseconds begin,
                  Picoseconds duration);
  /// The label's own, not to be kept across a wait; so the next two.
  Activity& activity_of(WorkLabel work);
  WorkTimes& times_of(WorkLabel work);
  WorkCounts& counts_of(WorkLabel work);
  /// Somebody reads and writes the buffer, for a label.
  void count_accesses(WorkLabel work, BufferUser user, const Accesses& accesses);
  void count_accesses(WorkLabel work, const BufferAccesses& accesses);
  /// A load or store begins, or has ended.
  void begin_transfer(WorkLabel work);
  void end_transfer(WorkLabel work);
  /// The program is done: what was seen of it goes to `execution`.
  void keep_activities();
  /// Give the PRNG unit work now; returns when it is done.
  Picoseconds make_random(const Tile& tile, const workloads::RandomValues& values, bool signs,
                          WorkLabel work);
};

sc_core::sc_time to_sc_time(Picoseconds time);
Picoseconds sim_time();

/// An in-order queue of issued instructions.
class Engine : public sc_core::sc_module {
 public:
  Engine(sc_core::sc_module_name name, SharedState& shared);

  bool full() const { return count_ >= shared_.config.queue_depth; }
  bool empty() const { return count_ == 0; }
  /// Where the next instruction is to be put before it is pushed.
  Issued& next_place();
  void push();
  const Instruction* head() const { return empty() ? nullptr : &queue_[first_].instruction; }

 protected:
  const Issued& front() const { return queue_[first_]; }
  void complete_head();

  SharedState& shared_;
  sc_core::sc_event arrived_;

 private:
  std::vector<Issued> queue_;  // a ring, so that the memory of instructions is used again
  std::size_t first_ = 0, count_ = 0;
};

/// An engine whose instructions take a time that is known when they begin. A method, not a thread:
/// its work runs on the scheduler's own, large stack.
class MethodEngine : public Engine {
 public:
  MethodEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  void step();
  /// Do an instruction whose tiles are ready; returns how long it takes.
  virtual Picoseconds execute(const Instruction& instruction) = 0;

  bool running_ = false;
};

/// Moves tiles between the buffer and a port; one engine loads, another stores. A thread, since a
/// blocking transport waits.
class TransferEngine : public Engine {
 public:
  TransferEngine(sc_core::sc_module_name name, SharedState& shared);

  tlm_utils::simple_initiator_socket<TransferEngine> dram_port{"dram_port"};
  tlm_utils::simple_initiator_socket<TransferEngine> host_port{"host_port"};

 private:
  /// What a transfer is counted under.
  struct Labels {
    LedgerLabel ledger;
    WorkLabel work;
  };

  void run();
  void transfer(const BufferedTile& tile, LedgerLabel label, WorkLabel work, bool write);
  void wait_for_data();
  void transport(Port port, std::uint64_t address, std::byte* data, Bytes run, bool write,
                 const Labels& labels, Picoseconds& finish);

  MovesTogether moves_;             // of the tile that is transferred
  std::vector<std::byte> staging_;  // its values in the order of its runs, where that is another
};

/// Runs kernels.
class ComputeEngine : public MethodEngine {
 public:
  ComputeEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  Picoseconds execute(const Instruction& instruction) override;

  ComputeArray array_;
  workloads::RecentContracts contracts_;
};

/// The PRNG unit: makes random weights, ten words a clock, and the masks of dropout.
class PrngUnit : public MethodEngine {
 public:
  PrngUnit(sc_core::sc_module_name name, SharedState& shared);

 private:
  Picoseconds execute(const Instruction& instruction) override;
};

}  // namespace spillway::models
