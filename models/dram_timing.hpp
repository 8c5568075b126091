// The time and the traffic of one DRAM channel: banks with one open row each behind one data bus.
// A plain state machine; the bytes themselves are in a BackingStore.
//
// An access is a run: contiguous bytes of one row, read or written. The model, in full:
//
// * Address. Row : bank : column from the highest digit to the lowest, so that consecutive rows'
//   worth of bytes rotate over the banks. A run moves every burst-aligned block that it touches.
// * Order. The data bus serves runs in the order of the calls; nothing is reordered.
// * Row. Rows stay open. A run in the open row of its bank (hit) needs its column commands only. A
//   bank that was never used needs `activate` first; one with another row open needs `precharge`
//   and `activate`. Precharge waits until the bank's previous run has left the bus, plus
//   `write_recovery` if that was a write, and for `row_active_min` since the row's activation.
// * Bus. The first data follow the run's first column command by `read_latency` or
//   `write_latency`, and wait for the bus; then a burst moves every `burst_time` without a gap.
//   Between runs of opposite direction the bus is idle for `read_to_write` or `write_to_read`.
//
// Hidden behind other runs on the bus: precharge, activation and latency, for as much of them as
// the caller allows by making the request early. No command is given before the run's `now`, so a
// caller that requests each run only when the one before it has ended pays all of that for every
// run; one that requests it when the one before it starts on the bus (a controller with one run in
// its queue) hides up to the bus time of that one.
// Never hidden: the latency of a request to an idle channel, a conflict with the run just served by
// the same bank, the change of direction.
// Left out: refresh, limits on the rate of activations (tRRD, tFAW), bank groups (tCCD_L; addresses
// within a row are taken to rotate over them, which is what makes the full bus rate possible), the
// shorter wait of a precharge after reads (tRTP), and contention on the command bus.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;
using workloads::Picoseconds;
using workloads::Words;

/// Sizes and times of a channel; the names in brackets are those of the JEDEC standards.
struct DramTimingConfig {
  std::uint64_t banks = 0;     ///< at least 1
  Bytes row;                   ///< one row across the channel: a whole number of bursts
  Bytes burst;                 ///< what one column command moves: a whole number of words
  Picoseconds burst_time;      ///< bus time of a burst; more than zero
  Picoseconds activate;        ///< activation to column command (tRCD)
  Picoseconds precharge;       ///< precharge to activation (tRP)
  Picoseconds row_active_min;  ///< activation to precharge (tRAS)
  Picoseconds read_latency;    ///< column command to first data (tCL)
  Picoseconds write_latency;   ///< column command to first data (tCWL)
  Picoseconds write_recovery;  ///< last written data to precharge (tWR)
  Picoseconds read_to_write;   ///< idle bus from read to written data (tRTRS)
  Picoseconds write_to_read;   ///< idle bus from written to read data (tWTR + tCL)
};

/// When a run used the bus, and when the requester has all it asked for: the last data read, or
/// the last data handed over, which is `bus_end` in both directions.
struct DramAccess {
  Picoseconds bus_start, bus_end, data_ready;
  bool operator==(const DramAccess&) const = default;
};

struct DramCounters {
  Words read_words, write_words;  ///< asked for; a run's bytes / 4, rounded up once
  Bytes read_bytes, write_bytes;  ///< moved over the bus, in whole bursts
  std::uint64_t read_bursts = 0;
  std::uint64_t write_bursts = 0;
  std::uint64_t activates = 0;
  std::uint64_t row_hits = 0;  ///< bursts that needed no activation: all bursts less the activates
  bool operator==(const DramCounters&) const = default;
};

class DramTiming {
 public:
  /// Throws InputError when the configuration breaks a rule stated beside its members.
  explicit DramTiming(const DramTimingConfig& config);

  /// Serve the next run: `size` bytes at `address`, requested at `now` (which need not be later
  /// than that of the run before). Throws ProgramError, and changes nothing, when the run is empty
  /// or crosses the end of its row.
  DramAccess access(Picoseconds now, std::uint64_t address, Bytes size, bool write);

  /// Forget open rows and what the bus did last, as at power-up: what follows takes as long as it
  /// would have then.
  void reset_state();

  const DramCounters& counters() const { return counters_; }

 private:
  struct Bank {
    std::optional<std::uint64_t> open_row;
    Picoseconds column_ready;     // the open row takes column commands from here on
    Picoseconds precharge_ready;  // and may be closed from here on
  };

  void activate_row(Bank& bank, std::uint64_t row, Picoseconds now);
  Picoseconds bus_ready(bool write) const;
  void count(Bytes size, std::uint64_t bursts, bool write, bool hit);

  DramTimingConfig config_;
  std::vector<Bank> banks_;
  Picoseconds bus_end_;             // of the latest run
  std::optional<bool> last_write_;  // its direction
  DramCounters counters_;
};

}  // namespace spillway::models
