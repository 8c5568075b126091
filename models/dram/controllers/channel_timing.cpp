#include "models/dram/controllers/channel_timing.hpp"

namespace spillway::models::dram {

ChannelTiming::ChannelTiming(const DramDevice& device, bool refresh_stops_all)
    : device_(device), refresh_stops_all_(refresh_stops_all) {
  find_fields();
  find_stream();
}

void ChannelTiming::find_fields() {
  const Geometry& geometry = device_.geometry;
  burst_shift_ = std::countr_zero(geometry.burst_bytes);
  group_bits_ = std::countr_zero(geometry.bank_groups);
  bank_bits_ = std::countr_zero(geometry.banks_per_group);
  int shift = burst_shift_;
  for (const Digit digit : device_.mapping) {
    const std::uint64_t size = digit == Digit::bank_group ? geometry.bank_groups
                               : digit == Digit::bank     ? geometry.banks_per_group
                               : digit == Digit::rank     ? geometry.ranks
                               : digit == Digit::column   ? geometry.bursts_per_row
                                                          : geometry.rows_per_bank;
    Field& field = digit == Digit::bank_group ? group_field_
                   : digit == Digit::bank     ? bank_field_
                   : digit == Digit::rank     ? rank_field_
                   : digit == Digit::column   ? column_field_
                                              : row_field_;
    field = {shift, size - 1};
    shift += std::countr_zero(size);
  }
}

void ChannelTiming::find_stream() {
  const Geometry& geometry = device_.geometry;
  // The digits that have bits, from the lowest: columns of one bank, or of a bank of each group.
  std::vector<Digit> digits;
  for (const Digit digit : device_.mapping) {
    const bool empty = (digit == Digit::bank_group && geometry.bank_groups == 1) ||
                       (digit == Digit::rank && geometry.ranks == 1);
    if (!empty) digits.push_back(digit);
  }
  const bool rotates = digits[0] == Digit::bank_group && digits[1] == Digit::column;
  const std::uint32_t count = rotates ? geometry.bank_groups : 1;
  if (!rotates && digits[0] != Digit::column) return;
  // A group has to be ready again by the time that its turn comes.
  if (rotates && count * timing_.column_other < timing_.column_same) return;
  stream_banks_ = count;
  stream_block_ = std::uint64_t{count} * geometry.bursts_per_row;
}

void ChannelTiming::reset_channel() {
  const Controller& controller = device_.controller;
  position_ = 1;
  next_arrival_ = 0;
  bank_count_ = device_.geometry.banks();
  group_count_ = device_.geometry.groups();
  rank_count_ = device_.geometry.ranks;
  banks_.fill(Bank{});
  for (std::uint32_t b = 0; b < bank_count_; ++b) {
    banks_[b].group = b / device_.geometry.banks_per_group;
    banks_[b].rank = b / device_.geometry.banks_per_rank();
  }
  ranks_.fill(Rank{});
  column_all_.fill(never);
  for (auto& group : column_group_) group.fill(never);
  activate_all_ = row_bus_free_ = never;
  activate_group_.fill(never);
  precharge_rank_.fill(never);
  second_bank_ = none;
  refresh_due_ = refresh_place_ = 0;
  refresh_interval_ = controller.refresh == RefreshMode::per_bank ? timing_.refresh_bank_interval
                                                                  : timing_.refresh_interval;
  const bool in_turn = controller.rank_refresh == RankRefresh::in_turn;
  refreshes_at_once_ = in_turn ? 1 : rank_count_;
  if (in_turn) refresh_interval_ /= rank_count_;
  const bool refreshes = controller.refresh != RefreshMode::none;
  next_refresh_ = refreshes ? Cycle{refresh_interval_} : forever;
  many_refreshes_ = refreshes ? Cycle{bank_count_ + 2} * refresh_interval_ : forever;
  bus_free_ = 0;
  idle_until_ = never;
  last_was_write_ = refreshed_since_data_ = false;
  last_rank_ = 0;
  statistics_ = {};
  outstanding_.fill(0);
  reads_done_.fill(0);
  served_in_runs_ = 0;
}

Statistics ChannelTiming::statistics(std::uint64_t cycle) const {
  Statistics result = statistics_;
  result.finish = std::max(result.finish, cycle);
  const auto finish = static_cast<Cycle>(result.finish);
  for (std::uint32_t r = 0; r < rank_count_; ++r) {
    const Rank& rank = ranks_[r];
    if (rank.open_banks == 0 && finish > rank.closed_since) {
      result.all_closed += static_cast<std::uint64_t>(finish - rank.closed_since);
    }
  }
  const auto until = static_cast<Cycle>(cycle);
  if (until > bus_free_) result.idle += until - bus_free_;
  return result;
}

Cycle ChannelTiming::refresh_all_time() const {
  Cycle time = never;
  for (std::uint64_t banks = rank_banks(refresh_rank()); banks != 0; banks &= banks - 1) {
    time = std::max(time, banks_[std::countr_zero(banks)].refresh);
  }
  return time;
}

// Cycles before which the groups of all ranks must not follow a column command, as far as their
// ranks say.
[[gnu::noinline]] void ChannelTiming::note_column_of_ranks(std::uint32_t own, bool is_write,
                                                           Cycle at) {
  for (const bool next : {false, true}) {
    const Cycle same = next == is_write ? Cycle{timing_.column_other}
                       : is_write       ? Cycle{timing_.write_to_read(false)}
                                        : Cycle{timing_.read_to_write};
    const Cycle other = timing_.other_rank(is_write, next);
    auto& all = column_all_[next];
    all = std::max(all, at + std::min(same, other));
    for (std::uint32_t g = 0; g < group_count_; ++g) {
      Cycle& time = column_group_[next][g];
      time = std::max(time, at + (rank_of_group(g) == own ? same : other));
    }
  }
}

void ChannelTiming::note_refresh(Command command, Cycle at) {
  --refresh_due_;
  const std::uint32_t rank = refresh_rank();
  if (command == Command::refresh_all) {
    ++statistics_.refreshes;
    hold_activates(rank, at + timing_.refresh);
    for (Bank& bank : banks_of(rank)) {
      bank.refresh = std::max(bank.refresh, at + timing_.refresh);
      bank.refreshed = rank_count_ > 1;
    }
    refreshed_since_data_ |= rank_count_ == 1 || refresh_stops_all_;
  } else {
    ++statistics_.bank_refreshes;
    Bank& bank = banks_[refresh_bank()];
    bank.activate = std::max(bank.activate, at + timing_.refresh_bank);
    // The banks of a rank are refreshed one after the other.
    for (Bank& each : banks_of(rank)) {
      each.refresh = std::max(each.refresh, at + timing_.refresh_bank);
    }
    hold_activates(rank, at + timing_.refresh_bank_to_activate);
    bank.refreshed = true;
  }
  refresh_place_ = (refresh_place_ + 1) % bank_count_;
}

// The reason why the bus stood still from `bus_free_` on: the limit of the burst that ended it.
void ChannelTiming::account(const Served& burst, Cycle data_start) {
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
  if (bank.rank != last_rank_ && bus_free_ > 0) {
    take(statistics_.lost_turnaround,
         timing_.other_rank(last_was_write_, burst.is_write) + latency - timing_.burst -
             (last_was_write_ ? timing_.write_latency : timing_.read_latency));
  } else if (burst.is_write != last_was_write_ && bus_free_ > 0) {
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

void ChannelTiming::note_run(const Served& burst, std::uint64_t bursts, Cycle first, Cycle period) {
  const Cycle last = first + static_cast<Cycle>(bursts - 1) * period;
  const Cycle latency = burst.is_write ? timing_.write_latency : timing_.read_latency;
  // The first one ends a gap of whatever reason; each of the others one of spacing, if any.
  if (first + latency > bus_free_) account(burst, first + latency);
  statistics_.lost_spacing += (bursts - 1) * static_cast<std::uint64_t>(period - timing_.burst);
  statistics_.busy += bursts * timing_.burst;
  bus_free_ = last + latency + timing_.burst;
  last_was_write_ = burst.is_write;
  last_rank_ = banks_[burst.bank].rank;
  (burst.is_write ? statistics_.writes : statistics_.reads) += bursts;
  const Cycle done = burst.is_write ? last : bus_free_;
  statistics_.finish = std::max(statistics_.finish, static_cast<std::uint64_t>(done));
  if (timing_.data_clock_postamble > 0) {
    Cycle& until = ranks_[last_rank_].data_clock_until;
    until = std::max(until, bus_free_ + timing_.data_clock_postamble);
  }
  served_in_runs_ += bursts;
}

bool ChannelTiming::skip_refreshes(Cycle limit) {
  for (const Bank& bank : banks()) {
    if (bank.refresh > next_refresh_) return false;
  }
  const auto all = static_cast<std::uint64_t>((limit - next_refresh_) / refresh_interval_);
  if (limit < next_refresh_ || all <= bank_count_) return false;
  const std::uint64_t skipped = all - bank_count_, refreshes = skipped * refreshes_at_once_;
  (all_bank() ? statistics_.refreshes : statistics_.bank_refreshes) += refreshes;
  refresh_place_ = static_cast<std::uint32_t>((refresh_place_ + refreshes) % bank_count_);
  position_ = next_refresh_ + static_cast<Cycle>(skipped - 1) * refresh_interval_ + 1;
  next_refresh_ += static_cast<Cycle>(skipped) * refresh_interval_;
  return true;
}

}  // namespace spillway::models::dram
