#include "models/dram_timing.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/support/error.hpp"

namespace spillway::models {

namespace {

const DramTimingConfig& checked(const DramTimingConfig& config) {
  const auto require = [](bool condition, const char* name, std::uint64_t found,
                          const char* allowed) {
    if (condition) return;
    throw workloads::InputError(
        fmt::format("DRAM {}: found {}; allowed: {}", name, found, allowed));
  };
  const std::uint64_t burst = config.burst.count();
  const std::uint64_t row = config.row.count();
  require(config.banks > 0, "banks", config.banks, "at least 1");
  require(burst > 0 && burst % workloads::bytes_per_word == 0, "burst", burst,
          "a whole number of 4-byte words");
  require(row > 0 && row % burst == 0, "row", row, "a whole number of bursts");
  require(config.burst_time > Picoseconds(0), "burst time", config.burst_time.count(),
          "more than 0 ps");
  return config;
}

}  // namespace

DramTiming::DramTiming(const DramTimingConfig& config)
    : config_(checked(config)), banks_(config.banks) {}

DramAccess DramTiming::access(Picoseconds now, std::uint64_t address, Bytes size, bool write) {
  const std::uint64_t row_size = config_.row.count();
  const std::uint64_t column = address % row_size;
  if (size == Bytes(0) || size > config_.row - Bytes(column)) {
    throw workloads::ProgramError(
        fmt::format("a DRAM access of {} bytes at {:#x}; allowed: 1 to {} bytes, to the end of the "
                    "row of {} bytes",
                    size.count(), address, row_size - column, row_size));
  }
  const std::uint64_t burst_size = config_.burst.count();
  const std::uint64_t last_column = column + size.count() - 1;
  const std::uint64_t bursts = last_column / burst_size - column / burst_size + 1;
  const std::uint64_t row = address / row_size;  // numbered through the channel, not the bank
  Bank& bank = banks_[row % config_.banks];

  const bool hit = bank.open_row == row;
  if (!hit) activate_row(bank, row, now);
  const Picoseconds command = std::max(now, bank.column_ready);
  const Picoseconds latency = write ? config_.write_latency : config_.read_latency;
  const Picoseconds bus_start = std::max(command + latency, bus_ready(write));
  const Picoseconds bus_end = bus_start + config_.burst_time * bursts;

  const Picoseconds recovery = write ? config_.write_recovery : Picoseconds(0);
  bank.precharge_ready = std::max(bank.precharge_ready, bus_end + recovery);
  bus_end_ = bus_end;
  last_write_ = write;
  count(size, bursts, write, hit);
  return {bus_start, bus_end, bus_end};
}

void DramTiming::reset_state() {
  banks_.assign(banks_.size(), Bank{});
  bus_end_ = Picoseconds(0);
  last_write_.reset();
}

void DramTiming::activate_row(Bank& bank, std::uint64_t row, Picoseconds now) {
  const Picoseconds activation =
      bank.open_row ? std::max(now, bank.precharge_ready) + config_.precharge : now;
  bank.open_row = row;
  bank.column_ready = activation + config_.activate;
  bank.precharge_ready = activation + config_.row_active_min;
}

// The earliest time at which the bus may carry data in this direction.
Picoseconds DramTiming::bus_ready(bool write) const {
  if (!last_write_ || *last_write_ == write) return bus_end_;
  return bus_end_ + (write ? config_.read_to_write : config_.write_to_read);
}

void DramTiming::count(Bytes size, std::uint64_t bursts, bool write, bool hit) {
  (write ? counters_.write_words : counters_.read_words) += workloads::words_of(size);
  (write ? counters_.write_bytes : counters_.read_bytes) += config_.burst * bursts;
  // Bursts are of four bytes at least, so these cannot overflow before the bytes above throw.
  (write ? counters_.write_bursts : counters_.read_bursts) += bursts;
  counters_.activates += hit ? 0 : 1;
  counters_.row_hits += hit ? bursts : bursts - 1;
}

}  // namespace spillway::models
