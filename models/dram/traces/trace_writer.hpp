// Requests as the text of a trace.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "models/dram/request.hpp"
#include "models/dram/traces/trace_format.hpp"

namespace spillway::models::dram {

/// Writes one line a request. A request's cycle is its `earliest_cycle`; Ramulator 2's format has
/// no place for it.
class TraceWriter {
 public:
  using Sink = std::function<void(std::string_view)>;

  /// `sink` takes the text, in pieces of some tens of KiB. The format is one of
  /// written_format_names().
  TraceWriter(TraceFormat format, Sink sink);

  void add(const Request& request);
  /// Hand the rest to the sink: the trace is complete.
  void finish();

 private:
  void append(std::string_view text) { text_ += text; }
  void append(std::uint64_t value, int base);

  TraceFormat format_;
  Sink sink_;
  std::string text_;
};

}  // namespace spillway::models::dram
