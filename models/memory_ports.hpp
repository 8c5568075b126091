// The two ways off the chip, as TLM-2.0 targets with blocking transport. Payloads carry the data.
// A transport waits until the transaction's data begin to move and returns with the rest of its
// time as the annotated delay.
#pragma once

#include <systemc>
#include <tlm>

#include "models/backing_store.hpp"
#include "models/device.hpp"
#include "models/dram/transaction.hpp"
#include "models/dram_timing.hpp"

#include <tlm_utils/multi_passthrough_target_socket.h>

namespace spillway::models {

class DramChannel : public sc_core::sc_module {
 public:
  DramChannel(sc_core::sc_module_name name, const DeviceConfig& config);

  tlm_utils::multi_passthrough_target_socket<DramChannel> socket{"socket"};

  BackingStore& store() { return store_; }
  const DramCounters& counters() const { return timing_.counters(); }
  /// Each program finds the channel as at power-up, so that its time does not depend on what ran
  /// before.
  void begin_program() { timing_.reset_state(); }
  /// Tell somebody of every transaction from here on.
  void observe(dram::TransactionObserver observer) { observer_ = std::move(observer); }

 private:
  void b_transport(int initiator, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);

  DramTiming timing_;
  BackingStore store_;
  dram::TransactionObserver observer_;
};

/// Free of time unless the device gives it a bandwidth.
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
