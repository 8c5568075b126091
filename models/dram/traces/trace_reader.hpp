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

/// A source of the requests of one trace: one for each burst that a line touches.
class TraceReader final {
 public:
  /// Without a format it is recognised from the first request. Throws InputError when it cannot be,
  /// or when there is no request.
  explicit TraceReader(const std::filesystem::path& path, std::optional<TraceFormat> format = {});

  TraceFormat format() const { return format_; }

  /// The next request; false at the end. Throws InputError with file:line for a line that is none.
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

  LineReader lines_;
  std::string_view text_;  // of the latest line with a request
  TraceFormat format_ = TraceFormat::dramsim3;
  TraceAccess access_;                // of the latest line
  std::uint64_t bursts_left_ = 0;     // of the access, not yet in a batch
  bool has_line_ = false;             // the latest line is yet to be parsed
  std::uint64_t previous_cycle_ = 0;  // where relative cycles count from
  std::vector<Request> batch_;
  std::size_t position_ = 0;
};

}  // namespace spillway::models::dram
