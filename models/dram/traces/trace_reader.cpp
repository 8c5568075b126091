#include "models/dram/traces/trace_reader.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/error.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::size_t batch_size = 4096;

}  // namespace

TraceReader::TraceReader(const std::filesystem::path& path, TraceOptions options)
    : options_(options), lines_(path) {
  has_line_ = next_line();
  if (!has_line_) {
    throw workloads::InputError(
        fmt::format("{}: found no request; allowed: a trace of at least one", lines_.file()));
  }
  format_ = options_.format ? *options_.format : recognise_format(line());
  if (options_.clocks && format_ == TraceFormat::ramulator2) {
    throw workloads::InputError(fmt::format(
        "{}: found a trace of {}, which has no cycles; allowed with a clock of its own: "
        "one with cycles",
        lines_.file(), format_name(format_)));
  }
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
  const std::uint64_t burst_bytes = options_.burst_bytes;
  const std::uint64_t held = options_.capacity.value_or(0) - 1;  // a mask
  while (batch_.size() < batch_size) {
    if (bursts_left_ == 0) {
      if (!has_line_ && !next_line()) break;
      has_line_ = false;
      parse();
    }
    const std::uint64_t burst = access_.last / burst_bytes - --bursts_left_;
    batch_.push_back({burst * burst_bytes & held, access_.is_write, access_.cycle});
  }
  return !batch_.empty();
}

void TraceReader::parse() {
  access_ = parse_trace_line(format_, line());
  check_address();
  bursts_left_ = access_.last / options_.burst_bytes - access_.first / options_.burst_bytes + 1;
  find_cycle();
}

void TraceReader::check_address() {
  if (!options_.capacity || options_.wrap || access_.last < *options_.capacity) return;
  refuse_trace_line(format_, line(), "address", fmt::format("{:#x}", access_.last),
                    fmt::format("addresses below {:#x}, which the device holds, or any with --wrap",
                                *options_.capacity));
}

void TraceReader::find_cycle() {
  const auto refuse = [&](const std::string& allowed) {
    refuse_trace_line(format_, line(), "cycle", fmt::format("{}", access_.cycle), allowed);
  };
  if (format_ == TraceFormat::dramsys_relative) {
    if (access_.cycle > latest_cycle - latest_cycle_) {
      refuse(fmt::format("cycles that add up to at most {}", latest_cycle));
    }
    access_.cycle += latest_cycle_;
  }
  if (access_.cycle < latest_cycle_ && backwards_.lines++ == 0) {
    backwards_ = {1, lines_.number(), access_.cycle, latest_cycle_};
  }
  latest_cycle_ = std::max(latest_cycle_, access_.cycle);
  if (!options_.clocks) return;
  // In two parts, since their product with a period may be too large.
  const auto& [trace, channel] = *options_.clocks;
  const std::uint64_t whole = access_.cycle / channel, rest = access_.cycle % channel;
  const std::uint64_t part = workloads::ceil_div(rest * trace, channel);
  if (part > latest_cycle || whole > (latest_cycle - part) / trace) {
    refuse(fmt::format("times up to {} cycles of the command clock", latest_cycle));
  }
  access_.cycle = whole * trace + part;
}

}  // namespace spillway::models::dram
