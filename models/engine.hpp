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
#include "models/waveform.hpp"
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
  /// An engine was, or will be, busy from `begin` on. The label is the instruction's own.
  void count_busy(EngineKind engine, const Instruction& instruction, Picoseconds begin,
                  Picoseconds duration);
  void count_stall(EngineKind engine, WorkLabel work, StallCause cause, Picoseconds duration);
  /// Work of the PRNG unit up to a time, which is no earlier than now.
  Picoseconds random_busy(Picoseconds until) const;
  /// Tell of the buffer's reservations, if they changed.
  void tell_buffer();
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
  /// Give the PRNG unit work now, for an instruction; returns when it is done.
  Picoseconds make_random(const Tile& tile, const workloads::RandomValues& values, bool signs,
                          const Instruction& instruction);

  std::vector<Observer*> observers;
  Picoseconds program_begin;
  Bytes buffer_told;  // what the observers know
  sc_dt::uint64 buffer_signal = 0;
};

sc_core::sc_time to_sc_time(Picoseconds time);
Picoseconds sim_time();

/// An in-order queue of issued instructions.
class Engine : public sc_core::sc_module {
 public:
  Engine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind);

  /// With an empty queue.
  void begin_program();
  /// The last state lasted until then.
  void end_program(Picoseconds end) { leave_state(end); }

  void add_signals(Waveform& waveform) const;

  bool full() const { return count_ >= shared_.config.queue_depth; }
  bool empty() const { return count_ == 0; }
  /// Where the next instruction is to be put before it is pushed.
  Issued& next_place();
  void push();
  const Instruction* head() const { return empty() ? nullptr : &queue_[first_].instruction; }

 protected:
  const Issued& front() const { return queue_[first_]; }
  void complete_head();

  /// From now on the engine has no instruction; waits with the first one for an engine that uses a
  /// tile of it; or works on it.
  void enter_idle() { enter(Doing::idle); }
  void enter_stalled(EngineKind cause) { enter(Doing::stalled, static_cast<StallCause>(cause)); }
  void enter_busy() { enter(Doing::busy); }

  SharedState& shared_;
  const EngineKind kind_;
  sc_core::sc_event arrived_;

 private:
  enum class Doing : std::uint8_t { idle, stalled, busy };
  struct State {
    Doing doing = Doing::idle;
    StallCause cause = StallCause::load;
    WorkLabel work = 0;
    Picoseconds begin;
    Picoseconds random_before;  // work of the PRNG unit until then
  };
  void enter(Doing doing, StallCause cause = StallCause::load);
  void leave_state(Picoseconds now);

  State state_;
  // As signals: 0 idle, 1 stalled, 2 busy; instructions.
  unsigned state_signal_ = 0, queue_signal_ = 0;
  std::vector<Issued> queue_;  // a ring, so that the memory of instructions is used again
  std::size_t first_ = 0, count_ = 0;
};

/// An engine whose instructions take a time that is known when they begin. A method, not a thread:
/// its work runs on the scheduler's own, large stack.
class MethodEngine : public Engine {
 public:
  MethodEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind);

 protected:
  struct Duration {
    Picoseconds busy;
    Picoseconds all;  ///< with the wait for random words
  };

 private:
  void step();
  /// Do an instruction whose tiles are ready; returns how long it takes.
  virtual Duration execute(const Instruction& instruction) = 0;

  bool running_ = false;
};

/// Moves tiles between the buffer and a port; one engine loads, another stores. A thread, since a
/// blocking transport waits.
class TransferEngine : public Engine {
 public:
  TransferEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind);

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

/// Runs kernels: the array's engine, or that of a vector unit.
class ComputeEngine : public MethodEngine {
 public:
  ComputeEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind);

 private:
  Duration execute(const Instruction& instruction) override;

  ComputeArray array_;
  workloads::RecentContracts contracts_;
};

/// The PRNG unit: makes random weights, ten words a clock, and the masks of dropout.
class PrngUnit : public MethodEngine {
 public:
  PrngUnit(sc_core::sc_module_name name, SharedState& shared);

 private:
  Duration execute(const Instruction& instruction) override;
};

}  // namespace spillway::models
