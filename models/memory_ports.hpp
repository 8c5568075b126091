// The two ways off the chip, as TLM-2.0 targets with blocking transport. Payloads carry the data;
// one without a data pointer takes its time and is counted, no more.
#pragma once

#include <bit>
#include <systemc>
#include <tlm>

#include "models/backing_store.hpp"
#include "models/device.hpp"
#include "models/dram/recorded_memory.hpp"
#include "models/dram_counters.hpp"

#include <tlm_utils/multi_passthrough_target_socket.h>

namespace spillway::models {

/// Where in a run of bytes a transaction begins; one that has none begins at a word of it. A word
/// that two transactions share counts for the first.
struct PlaceInRun : tlm::tlm_extension<PlaceInRun> {
  Bytes begin;

  tlm::tlm_extension_base* clone() const override { return new PlaceInRun(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    begin = static_cast<const PlaceInRun&>(other).begin;
  }
  void free() override {}  // its owner outlives the transaction
};

/// Of a transaction whose initiator lets the memory note the copy of its data here and carries the
/// copies out itself, before it tells anybody that they moved.
struct MovesTogether : tlm::tlm_extension<MovesTogether> {
  Copies copies;

  tlm::tlm_extension_base* clone() const override { return new MovesTogether(*this); }
  void copy_from(const tlm::tlm_extension_base& other) override {
    copies = static_cast<const MovesTogether&>(other).copies;
  }
  void free() override {}  // its owner outlives the transaction
};

/// Words that a transaction counts for.
Words counted_words(const tlm::tlm_generic_payload& payload);

/// Bursts that a run of bytes touches, which is not empty. A burst has a power of two of bytes.
inline std::uint64_t bursts_of(std::uint64_t address, Bytes size, std::uint64_t burst_bytes) {
  const int shift = std::countr_zero(burst_bytes);
  return ((address + size.count() - 1) >> shift) - (address >> shift) + 1;
}

/// The DRAM channels of the device. A transaction is a run of bytes of any length; the channels
/// take its bursts in when their queues have room, and the transport returns when they have taken
/// the last one. Writes are then done with, for the requester; reads are when a later transaction
/// of the same requester with TLM_IGNORE_COMMAND, which waits for that, returns. So a requester has
/// as many bursts outstanding as the queues hold, and between requesters transactions are the
/// grain.
class DramChannel : public sc_core::sc_module {
 public:
  DramChannel(sc_core::sc_module_name name, const DeviceConfig& config);

  tlm_utils::multi_passthrough_target_socket<DramChannel> socket{"socket"};

  BackingStore& store() { return store_; }
  /// Each program finds the channels as at power-up, so that its time does not depend on earlier
  /// ones.
  void begin_program();
  /// When the simulation has nothing left to do: the writes that still wait go out. Returns the
  /// time by then.
  Picoseconds end_program();
  /// Since the beginning of the program.
  const DramCounters& counters() const { return counters_; }
  /// Tell them of transactions, and samples as often as any of them wants.
  void observe(std::vector<Observer*> observers);

 private:
  void b_transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
  void wait_for_reads(std::uint8_t requester);
  void wait_until(Picoseconds time);
  void tell(const dram::Transaction& transaction);
  // Of the command clock, since the beginning of the program: at or after a time, and when it is.
  std::uint64_t cycle_from(Picoseconds time) const;
  Picoseconds time_of(std::uint64_t cycle) const;

  dram::RecordedMemory memory_;
  BackingStore store_;
  Picoseconds begin_;
  DramCounters counters_;
  std::vector<Observer*> observers_;
  Picoseconds sampling_interval_, next_sample_;
};

/// Free of time unless the device gives it a bandwidth. A transport waits until the transaction's
/// data begin to move and returns with the rest of its time as the annotated delay.
class HostPort : public sc_core::sc_module {
 public:
  HostPort(sc_core::sc_module_name name, const DeviceConfig& config);

  tlm_utils::multi_passthrough_target_socket<HostPort> socket{"socket"};

  BackingStore& store() { return store_; }
  const HostCounters& counters() const { return counters_; }

 private:
  void b_transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  std::optional<double> bytes_per_ns_;
  Picoseconds busy_until_;
  BackingStore store_;
  HostCounters counters_;
};

}  // namespace spillway::models
