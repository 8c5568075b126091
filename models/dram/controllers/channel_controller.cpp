#include "models/dram/controllers/channel_controller.hpp"

namespace spillway::models::dram {

ChannelController::ChannelController(const DramDevice& device) : device_(device) {
  find_fields();
  find_stream();
}

void ChannelController::find_fields() {
  const Geometry& geometry = device_.geometry;
  burst_shift_ = std::countr_zero(geometry.burst_bytes);
  int shift = burst_shift_;
  for (const Digit digit : device_.mapping) {
    const std::uint64_t size = digit == Digit::bank_group ? geometry.bank_groups
                               : digit == Digit::bank     ? geometry.banks_per_group
                               : digit == Digit::column   ? geometry.bursts_per_row
                                                          : geometry.rows_per_bank;
    Field& field = digit == Digit::bank_group ? group_field_
                   : digit == Digit::bank     ? bank_field_
                   : digit == Digit::column   ? column_field_
                                              : row_field_;
    field = {shift, size - 1};
    shift += std::countr_zero(size);
  }
}

void ChannelController::find_stream() {
  const Geometry& geometry = device_.geometry;
  // The digits that have bits, from the lowest: columns of one bank, or of a bank of each group.
  std::vector<Digit> digits;
  for (const Digit digit : device_.mapping) {
    if (digit != Digit::bank_group || geometry.bank_groups > 1) digits.push_back(digit);
  }
  const bool rotates = digits[0] == Digit::bank_group && digits[1] == Digit::column;
  const std::uint32_t count = rotates ? geometry.bank_groups : 1;
  if (!rotates && digits[0] != Digit::column) return;
  // A group has to be ready again by the time that its turn comes.
  if (rotates && count * timing_.column_other < timing_.column_same) return;
  stream_banks_ = count;
  stream_block_ = std::uint64_t{count} * geometry.bursts_per_row;
}

void ChannelController::reset_channel() {
  const Controller& controller = device_.controller;
  position_ = 1;
  next_arrival_ = 0;
  bank_count_ = device_.geometry.banks();
  banks_.fill(Bank{});
  for (std::uint32_t b = 0; b < bank_count_; ++b) {
    banks_[b].group = b / device_.geometry.banks_per_group;
  }
  column_all_.fill(never);
  for (auto& group : column_group_) group.fill(never);
  activate_all_ = precharge_all_ = row_bus_free_ = never;
  activate_group_.fill(never);
  last_activates_.fill(never);
  activate_place_ = 0;
  second_bank_ = none;
  data_clock_until_ = 0;
  refresh_due_ = refresh_bank_ = 0;
  refresh_interval_ = controller.refresh == RefreshMode::per_bank ? timing_.refresh_bank_interval
                                                                  : timing_.refresh_interval;
  const bool refreshes = controller.refresh != RefreshMode::none;
  next_refresh_ = refreshes ? Cycle{refresh_interval_} : forever;
  many_refreshes_ = refreshes ? Cycle{bank_count_ + 2} * refresh_interval_ : forever;
  bus_free_ = 0;
  idle_until_ = never;
  last_was_write_ = refreshed_since_data_ = false;
  open_banks_ = 0;
  closed_since_ = 0;
  statistics_ = {};
  outstanding_.fill(0);
  reads_done_.fill(0);
  served_in_runs_ = 0;
}

Statistics ChannelController::statistics(std::uint64_t cycle) const {
  Statistics result = statistics_;
  result.finish = std::max(result.finish, cycle);
  const auto finish = static_cast<Cycle>(result.finish);
  if (open_banks_ == 0 && finish > closed_since_) result.all_closed += finish - closed_since_;
  const auto until = static_cast<Cycle>(cycle);
  if (until > bus_free_) result.idle += until - bus_free_;
  return result;
}

Cycle ChannelController::refresh_all_time() const {
  Cycle time = never;
  for (const Bank& bank : banks()) time = std::max(time, bank.refresh);
  return time;
}

void ChannelController::note_refresh(Command command, Cycle at) {
  --refresh_due_;
  if (command == Command::refresh_all) {
    ++statistics_.refreshes;
    activate_all_ = std::max(activate_all_, at + timing_.refresh);
    for (Bank& bank : banks()) bank.refresh = std::max(bank.refresh, at + timing_.refresh);
    refreshed_since_data_ = true;
    return;
  }
  ++statistics_.bank_refreshes;
  Bank& bank = banks_[refresh_bank_];
  bank.activate = std::max(bank.activate, at + timing_.refresh_bank);
  // The banks are refreshed one after the other.
  for (Bank& each : banks()) each.refresh = std::max(each.refresh, at + timing_.refresh_bank);
  activate_all_ = std::max(activate_all_, at + timing_.refresh_bank_to_activate);
  bank.refreshed = true;
  refresh_bank_ = (refresh_bank_ + 1) % bank_count_;
}

// Why the bus stood still from `bus_free_` on: what the burst that ended it had waited for.
void ChannelController::account(const Served& burst, Cycle data_start) {
  const Cycle latency = burst.is_write ? timing_.write_latency : timing_.read_latency;
  Cycle gap = data_start - bus_free_;
  const auto take = [&gap](std::uint64_t& account_of, Cycle most) {
    const Cycle part = std::clamp<Cycle>(most, 0, gap);
    account_of += static_cast<std::uint64_t>(part);
    gap -= part;
  };
  // No command goes out before the cycle after the arrival.
  take(statistics_.idle, std::max(burst.arrival, idle_until_) + 1 + latency - bus_free_);
  Bank& bank = banks_[burst.bank];
  if (refreshed_since_data_ || (burst.activated && bank.refreshed)) {
    take(statistics_.lost_refresh, gap);
  }
  refreshed_since_data_ = bank.refreshed = false;
  if (burst.is_write != last_was_write_ && bus_free_ > 0) {
    const Cycle apart = burst.is_write
                            ? Cycle{timing_.read_to_write} + timing_.write_latency -
                                  timing_.read_latency - timing_.burst
                            : Cycle{timing_.write_to_read(false)} + timing_.read_latency -
                                  timing_.write_latency - timing_.burst;
    take(statistics_.lost_turnaround, apart);
  }
  if (burst.activated) take(statistics_.lost_row, gap);
  take(statistics_.lost_spacing, gap);
}

void ChannelController::note_run(const Served& burst, std::uint64_t bursts, Cycle first,
                                 Cycle period) {
  const Cycle last = first + static_cast<Cycle>(bursts - 1) * period;
  const Cycle latency = burst.is_write ? timing_.write_latency : timing_.read_latency;
  // The first one ends a gap of whatever reason; each of the others one of spacing, if any.
  if (first + latency > bus_free_) account(burst, first + latency);
  statistics_.lost_spacing += (bursts - 1) * static_cast<std::uint64_t>(period - timing_.burst);
  statistics_.busy += bursts * timing_.burst;
  bus_free_ = last + latency + timing_.burst;
  last_was_write_ = burst.is_write;
  (burst.is_write ? statistics_.writes : statistics_.reads) += bursts;
  const Cycle done = burst.is_write ? last : bus_free_;
  statistics_.finish = std::max(statistics_.finish, static_cast<std::uint64_t>(done));
  if (timing_.data_clock_postamble > 0) {
    data_clock_until_ = std::max(data_clock_until_, bus_free_ + timing_.data_clock_postamble);
  }
  served_in_runs_ += bursts;
}

bool ChannelController::skip_refreshes(Cycle limit) {
  for (const Bank& bank : banks()) {
    if (bank.refresh > next_refresh_) return false;
  }
  const auto all = static_cast<std::uint64_t>((limit - next_refresh_) / refresh_interval_);
  if (limit < next_refresh_ || all <= bank_count_) return false;
  const std::uint64_t skipped = all - bank_count_;
  if (all_bank()) {
    statistics_.refreshes += skipped;
  } else {
    statistics_.bank_refreshes += skipped;
    refresh_bank_ = static_cast<std::uint32_t>((refresh_bank_ + skipped) % bank_count_);
  }
  position_ = next_refresh_ + static_cast<Cycle>(skipped - 1) * refresh_interval_ + 1;
  next_refresh_ += static_cast<Cycle>(skipped) * refresh_interval_;
  return true;
}

}  // namespace spillway::models::dram
