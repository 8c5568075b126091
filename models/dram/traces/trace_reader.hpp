// Requests from a trace file, however long: a window of the file and a batch of requests are all
// that is held.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

#include "models/dram/request.hpp"
#include "models/dram/traces/burst.hpp"
#include "models/dram/traces/line_reader.hpp"
#include "models/dram/traces/trace_line.hpp"

namespace spillway::models::dram {

/// The device that a trace is read for.
struct TraceOptions {
  std::optional<TraceFormat> format;              ///< none: recognised from the first request
  std::uint64_t burst_bytes = usual_burst_bytes;  ///< of the device; a power of two
  /// Bytes of the device, a power of two: addresses beyond are refused, or with `wrap` begin at 0
  /// again. None: all addresses are good.
  std::optional<std::uint64_t> capacity;
  bool wrap = false;
  /// Periods in fs, the trace's at most 10^10: a request comes in the first cycle of the channel's
  /// clock that does not begin before that of the trace. None: both have the same.
  struct Clocks {
    std::uint64_t trace = 0, channel = 0;
  };
  std::optional<Clocks> clocks;
};

/// A source of the requests of one trace: one for each burst that a line touches.
class TraceReader final {
 public:
  /// "-" is standard input. Throws InputError when the format cannot be recognised, or when there
  /// is no request.
  explicit TraceReader(const std::filesystem::path& path, TraceOptions options = {});

  TraceFormat format() const { return format_; }

  /// Lines so far whose cycle is earlier than that of a line before, which they come after all the
  /// same, and the first of them.
  struct Backwards {
    std::uint64_t lines = 0, first_line = 0;
    std::uint64_t cycle = 0, latest = 0;  ///< of that line, and the latest before
  };
  const Backwards& backwards() const { return backwards_; }

  /// The next request; false at the end. Throws InputError with file:line for a line that is none,
  /// and for an address that the device does not hold.
  bool next(Request& request) {
    if (position_ == batch_.size() && !refill()) return false;
    request = batch_[position_++];
    return true;
  }

 private:
  bool next_line();
  TraceLine line() const { return {text_, lines_.file(), lines_.number()}; }
  bool refill();
  void parse();
  void check_address();
  void find_cycle();

  TraceOptions options_;
  LineReader lines_;
  std::string_view text_;  // of the latest line with a request
  TraceFormat format_ = TraceFormat::dramsim3;
  TraceAccess access_;              // of the latest line
  std::uint64_t bursts_left_ = 0;   // of the access, not yet in a batch
  bool has_line_ = false;           // the latest line is yet to be parsed
  std::uint64_t latest_cycle_ = 0;  // of the lines so far
  Backwards backwards_;
  std::vector<Request> batch_;
  std::size_t position_ = 0;
};

}  // namespace spillway::models::dram
