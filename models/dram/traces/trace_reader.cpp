#include "models/dram/traces/trace_reader.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::size_t batch_size = 4096;

}  // namespace

TraceReader::TraceReader(const std::filesystem::path& path, std::optional<TraceFormat> format)
    : lines_(path) {
  has_line_ = next_line();
  if (!has_line_) {
    throw workloads::InputError(
        fmt::format("{}: found no request; allowed: a trace of at least one", lines_.file()));
  }
  format_ = format ? *format : recognise_format(line());
  batch_.reserve(batch_size);
}

/// On to the next line that holds a request; false at the end.
bool TraceReader::next_line() {
  while (lines_.next(text_)) {
    if (!holds_nothing(text_)) return true;
  }
  return false;
}

bool TraceReader::refill() {
  batch_.clear();
  position_ = 0;
  while (batch_.size() < batch_size) {
    if (bursts_left_ == 0) {
      if (!has_line_ && !next_line()) break;
      has_line_ = false;
      parse();
    }
    const std::uint64_t burst = access_.last_burst - --bursts_left_;
    batch_.push_back({burst * trace_burst_bytes, access_.is_write, access_.cycle});
  }
  return !batch_.empty();
}

void TraceReader::parse() {
  access_ = parse_trace_line(format_, line());
  bursts_left_ = access_.last_burst - access_.first_burst + 1;
  if (format_ != TraceFormat::dramsys_relative) return;
  if (access_.cycle > latest_cycle - previous_cycle_) {
    refuse_trace_line(format_, line(), "cycle", fmt::format("{}", access_.cycle),
                      fmt::format("cycles that add up to at most {}", latest_cycle));
  }
  previous_cycle_ = access_.cycle += previous_cycle_;
}

}  // namespace spillway::models::dram
