// One line of a trace.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "models/dram/traces/trace_format.hpp"

namespace spillway::models::dram {

/// Cycles beyond this (three days at 1 GHz) are refused.
inline constexpr std::uint64_t latest_cycle = std::uint64_t{1} << 48;

/// A line and where it stands, for messages.
struct TraceLine {
  std::string_view text;
  const std::string& file;
  std::uint64_t number;
};

/// The access of a line: all bursts that hold one of these bytes.
struct TraceAccess {
  std::uint64_t first = 0, last = 0;
  bool is_write = false;
  std::uint64_t cycle = 0;
};

/// Whether a line holds no request: it is blank, or a comment.
bool holds_nothing(std::string_view line);

/// The format of a trace by its first line that holds a request, and the file's ending (.rstl).
/// Throws InputError when it looks like none.
TraceFormat recognise_format(const TraceLine& line);

/// Throws InputError with file:line, the text found and the forms allowed.
TraceAccess parse_trace_line(TraceFormat format, const TraceLine& line);

/// The complaint that `part` of a line is `found`.
[[noreturn]] void refuse_trace_line(TraceFormat format, const TraceLine& line, const char* part,
                                    std::string_view found, const std::string& allowed);

}  // namespace spillway::models::dram
