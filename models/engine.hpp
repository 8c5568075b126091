// The four engines of the accelerator: each takes issued instructions in order, waits for their
// tiles and does its part. Engines overlap.
#pragma once

#include <deque>
#include <exception>
#include <systemc>
#include <tlm>
#include <vector>

#include "models/compute_array.hpp"
#include "models/device.hpp"
#include "models/kernel_cost.hpp"
#include "models/tile_table.hpp"
#include "workloads/kernels/runner.hpp"

#include <tlm_utils/simple_initiator_socket.h>

namespace spillway::models {

/// What the sequencer and the engines share.
struct SharedState {
  SharedState(const DeviceConfig& device, bool check)
      : config(device), buffer(device.buffer), tiles(buffer, check) {}

  const DeviceConfig& config;
  OnChipBuffer buffer;
  TileTable tiles;
  const MemoryMap* map = nullptr;
  Execution execution;         // of the program that runs
  std::exception_ptr failure;  // the first one; no more is issued
  sc_core::sc_event changed;   // an instruction was done: tiles, space or a queue's place

  /// Keep the exception being handled, if it is the first.
  void fail() {
    if (!failure) failure = std::current_exception();
  }
  void notify_changed() { changed.notify(sc_core::SC_ZERO_TIME); }
  /// Not to be kept across a wait: another engine may make a new line.
  Transferred& line(LedgerLabel label);
};

sc_core::sc_time to_sc_time(Picoseconds time);
Picoseconds sim_time();

/// An in-order queue of issued instructions.
class Engine : public sc_core::sc_module {
 public:
  Engine(sc_core::sc_module_name name, SharedState& shared);

  bool full() const { return queue_.size() >= shared_.config.queue_depth; }
  bool empty() const { return queue_.empty(); }
  void push(Issued issued);
  const Instruction* head() const { return empty() ? nullptr : &queue_.front().instruction; }

 protected:
  void complete_head();

  SharedState& shared_;
  std::deque<Issued> queue_;
  sc_core::sc_event arrived_;
};

/// An engine that takes its time in a thread.
class ThreadEngine : public Engine {
 public:
  ThreadEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  void run();
  /// Do an instruction whose tiles are ready; waits for as long as it takes.
  virtual void execute(const Instruction& instruction) = 0;
};

/// Moves tiles between the buffer and a port; one engine loads, another stores.
class TransferEngine : public ThreadEngine {
 public:
  TransferEngine(sc_core::sc_module_name name, SharedState& shared);

  tlm_utils::simple_initiator_socket<TransferEngine> dram_port{"dram_port"};
  tlm_utils::simple_initiator_socket<TransferEngine> host_port{"host_port"};

 private:
  void execute(const Instruction& instruction) override;
  void transfer(const BufferedTile& tile, LedgerLabel label, bool write);
  void transport(Port port, std::uint64_t address, std::span<std::byte> data, bool write,
                 LedgerLabel label, Picoseconds& finish);
};

/// Runs kernels. A method, not a thread: kernels run on the scheduler's own, large stack.
class ComputeEngine : public Engine {
 public:
  ComputeEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  void step();
  Picoseconds execute(const Compute& compute);

  ComputeArray array_;
  workloads::KernelRunner runner_;
  bool running_ = false;
};

/// Makes random weights: one clock of the PRNG unit gives ten words.
class GenerateEngine : public ThreadEngine {
 public:
  GenerateEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  void execute(const Instruction& instruction) override;
  Picoseconds generate(const Generate& instruction);
};

}  // namespace spillway::models
