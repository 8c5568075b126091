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
      : config(device),
        // With checks on the tile table lets nobody use what was not written.
        buffer(device.buffer,
               check ? OnChipBuffer::Poison::on_request : OnChipBuffer::Poison::always),
        tiles(buffer, check) {
    buffer.when_released([this](std::span<std::byte> bytes) { kernels.forget(bytes); });
  }

  const DeviceConfig& config;
  OnChipBuffer buffer;
  /// A tile may lie in the layout that its kernel wants; the transfer converts.
  workloads::KernelRunner kernels{workloads::KernelRunner::Results::lasting};
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

/// An engine whose instructions take a time that is known when they begin. A method, not a thread:
/// what it does runs on the scheduler's own, large stack.
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
  void run();
  void transfer(const BufferedTile& tile, LedgerLabel label, bool write);
  void wait_for_data();
  void transport(Port port, std::uint64_t address, std::span<std::byte> data, bool write,
                 LedgerLabel label, Picoseconds& finish);
};

/// Runs kernels.
class ComputeEngine : public MethodEngine {
 public:
  ComputeEngine(sc_core::sc_module_name name, SharedState& shared);

 private:
  Picoseconds execute(const Instruction& instruction) override;

  ComputeArray array_;
};

/// The PRNG unit: makes random weights, ten words a clock, and the masks of dropout.
class PrngUnit : public MethodEngine {
 public:
  PrngUnit(sc_core::sc_module_name name, SharedState& shared);

 private:
  Picoseconds execute(const Instruction& instruction) override;
  std::uint32_t seed_of(const BufferedTile& tile);
};

}  // namespace spillway::models
