// The request sequences by which DRAM models are compared: streams, copies, strides and random
// accesses, defined burst by burst, so that any simulator can be given the same ones. They are made
// as they are asked for and never held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "models/dram/request.hpp"
#include "models/dram/traces/burst.hpp"
#include "workloads/support/splitmix.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models::dram {

using workloads::Bytes;

/// One stretch of consecutive bursts in each round of a pattern.
struct PatternRun {
  std::uint64_t base;    ///< address in the first round
  std::uint64_t stride;  ///< from one round to the next
  std::uint64_t bytes;   ///< a whole number of bursts
  bool is_write;
};

struct PatternDefinition {
  std::string name;
  std::string summary;              ///< for people
  std::vector<PatternRun> round{};  ///< in order; none: random addresses
  std::uint64_t seed = 0;           ///< of random addresses
  bool mixed = false;               ///< random addresses are read and written, otherwise read
  bool paced = false;   ///< at 30 % of the channel's peak, otherwise as fast as it accepts
  bool stream = false;  ///< of the size that the definitions call S, otherwise of 16 MiB
};

/// All patterns, in the order of their names.
const std::vector<PatternDefinition>& pattern_definitions();
std::vector<std::string> pattern_names();

/// Random addresses lie in the first bytes, this many.
inline constexpr std::uint64_t random_bytes = std::uint64_t{512} << 20;

/// A source of the requests of one pattern.
class Pattern final {
 public:
  /// `size` is all that is moved: a whole number of MiB, at least one. `burst_cycles` are the
  /// command clocks for which a burst occupies the data bus, which sets the pace of paced patterns.
  /// `burst_bytes`, a power of two, are the bytes of a request. Throws InputError when there is no
  /// such pattern, or when it goes in steps of less than a burst.
  Pattern(const std::string& name, Bytes size, std::uint64_t burst_cycles,
          std::uint64_t burst_bytes = usual_burst_bytes);

  /// Requests in all.
  std::uint64_t bursts() const { return bursts_; }
  /// All addresses are below.
  std::uint64_t end() const;

  /// The next request; false at the end.
  bool next(Request& request) {
    if (made_ == bursts_) return false;
    if (definition_.round.empty()) {
      const std::uint64_t value = random_.next();
      request.address = (value >> random_shift_) * burst_bytes_;
      request.is_write = definition_.mixed && (value & 1) != 0;
    } else {
      if (address_ == run_end_) begin_run();
      request.address = address_;
      request.is_write = run_is_write_;
      address_ += burst_bytes_;
    }
    // Three tenths of the peak: a burst's bus time times 10 / 3 from one request to the next.
    request.earliest_cycle = pace_ * made_ / 3;
    ++made_;
    return true;
  }

 private:
  void begin_run();

  PatternDefinition definition_;
  std::uint64_t burst_bytes_;
  int random_shift_;  // of a random number to that of a burst
  std::uint64_t bursts_;
  std::uint64_t pace_;  // ten times a burst's bus time when paced, or 0
  std::uint64_t made_ = 0;
  std::uint64_t address_ = 0, run_end_ = 0;
  bool run_is_write_ = false;
  std::size_t next_run_ = 0;  // of the round
  std::uint64_t round_ = 0;
  workloads::SplitMix random_;
};

}  // namespace spillway::models::dram
