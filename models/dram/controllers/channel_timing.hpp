// The state of a channel under any controller: its banks, the earliest cycles of further commands,
// the refreshes that are due, and the counters. The choice of the next command is
// channel_controller.hpp's.
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <span>
#include <utility>

#include "models/dram/channel.hpp"

namespace spillway::models::dram {

namespace detail {

using Cycle = std::int64_t;

constexpr Cycle never = -(Cycle{1} << 40);
constexpr Cycle forever = Cycle{1} << 60;
constexpr Cycle no_limit = forever / 2;  // later than all that happens, before `forever`
constexpr std::int16_t none = -1;
constexpr std::uint32_t most_banks = 64;
constexpr std::uint32_t most_groups = 16;  // of all ranks
constexpr std::uint32_t most_ranks = 16;

struct alignas(64) Bank {
  bool open = false;
  bool active = false;          // a burst, chosen, waits for its column command alone
  bool second_pending = false;  // between ACT-1 and ACT-2
  bool refreshed = false;       // and not used since
  std::uint32_t row = 0;
  std::uint32_t group = 0;  // of those of all ranks
  std::uint32_t rank = 0;
  std::uint32_t served = 0;  // column commands since the row was opened, where they are limited
  Cycle activate = never;    // earliest, as far as this bank knows
  Cycle precharge = never;
  Cycle refresh = never;
  std::array<Cycle, 2> column{never, never};  // read, write
};

// State that the banks of a rank share.
struct alignas(64) Rank {
  std::uint32_t open_banks = 0;
  std::uint32_t activate_place = 0;
  std::array<Cycle, 4> last_activates{never, never, never, never};  // a ring
  Cycle closed_since = 0;                                           // all banks
  Cycle data_clock_until = 0;
};

struct Field {
  int shift = 0;
  std::uint64_t mask = 0;
  std::uint64_t of(std::uint64_t number) const { return (number >> shift) & mask; }
};

}  // namespace detail

using namespace detail;

class ChannelTiming {
 public:
  /// `refresh_stops_all`: a refresh that is due for one rank keeps the others from going on, too.
  ChannelTiming(const DramDevice& device, bool refresh_stops_all);

  std::uint64_t outstanding_reads(std::uint8_t requester) const { return outstanding_[requester]; }
  std::uint64_t reads_done(std::uint8_t requester) const {
    return static_cast<std::uint64_t>(reads_done_[requester]);
  }
  std::uint64_t served_in_runs() const { return served_in_runs_; }
  Statistics statistics(std::uint64_t cycle) const;
  const DramDevice& device() const { return device_; }

  void observe(Channel::Observer given) { observer_ = std::move(given); }

 protected:
  void reset_channel();

  // ---- addresses
  std::uint32_t bank_at(std::uint64_t number) const {
    const std::uint64_t address = number << burst_shift_;
    return static_cast<std::uint32_t>(
        ((rank_field_.of(address) << group_bits_ | group_field_.of(address)) << bank_bits_) |
        bank_field_.of(address));
  }
  std::uint32_t row_of(std::uint64_t address) const {
    return static_cast<std::uint32_t>(row_field_.of(address));
  }

  // ---- times
  std::span<Bank> banks() { return {banks_.data(), bank_count_}; }
  std::span<const Bank> banks() const { return {banks_.data(), bank_count_}; }
  std::uint64_t group_banks(std::uint32_t group) const {
    const std::uint32_t size = device_.geometry.banks_per_group;
    const std::uint64_t first =
        size == most_banks ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    return first << (group * size);
  }
  std::uint64_t rank_banks(std::uint32_t rank) const {
    const std::uint32_t size = device_.geometry.banks_per_rank();
    const std::uint64_t first =
        size == most_banks ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    return first << (rank * size);
  }
  std::span<Bank> banks_of(std::uint32_t rank) {
    const std::uint32_t size = device_.geometry.banks_per_rank();
    return {&banks_[rank * size], size};
  }
  std::uint32_t rank_of_group(std::uint32_t group) const { return group >> group_bits_; }
  bool all_closed() const {
    return std::all_of(ranks_.begin(), ranks_.begin() + rank_count_,
                       [](const Rank& rank) { return rank.open_banks == 0; });
  }
  bool all_bank() const { return device_.controller.refresh == RefreshMode::all_bank; }
  // When a closed bank may be activated. An ACT counts from its last cycle and begins before.
  Cycle activate_time(std::uint32_t b) const {
    return std::max({banks_[b].activate, activate_all_, activate_group_[banks_[b].group]}) -
           (Cycle{timing_.activate_cycles} - 1);
  }
  Cycle column_time(std::uint32_t b, bool is_write) const {
    return std::max(std::max(banks_[b].column[is_write], column_all_[is_write]),
                    column_group_[is_write][banks_[b].group]);
  }
  Cycle precharge_time(std::uint32_t b) const {
    return std::max(banks_[b].precharge, precharge_rank_[banks_[b].rank]);
  }
  bool data_clock_runs(std::uint32_t rank, Cycle at) const {
    return timing_.data_clock_postamble == 0 || at < ranks_[rank].data_clock_until;
  }
  // The next one to be refreshed as a whole, and the bank that is, with refresh bank by bank.
  std::uint32_t refresh_rank() const { return refresh_place_ % rank_count_; }
  std::uint32_t refresh_bank() const {
    return first_bank(refresh_rank()) + refresh_place_ / rank_count_;
  }
  std::uint32_t first_bank(std::uint32_t rank) const {
    return rank * device_.geometry.banks_per_rank();
  }
  // Whether a refresh that is due keeps all else from a bank.
  bool refresh_claims(std::uint32_t b) const {
    return refresh_due_ > 0 &&
           (all_bank() ? banks_[b].rank == refresh_rank() : b == refresh_bank());
  }
  // When every bank of that rank, all of them closed, can be refreshed.
  Cycle refresh_all_time() const;
  // No ACT on the rank before.
  void hold_activates(std::uint32_t rank, Cycle until) {
    if (rank_count_ == 1) {
      activate_all_ = std::max(activate_all_, until);
      return;
    }
    const std::uint32_t size = device_.geometry.bank_groups;
    for (std::uint32_t g = rank * size; g < (rank + 1) * size; ++g) {
      activate_group_[g] = std::max(activate_group_[g], until);
    }
  }

  // ---- commands: the effect of each on the channel
  void tell(Cycle at, Command command, std::uint32_t bank = 0, std::uint64_t row = 0,
            std::uint32_t column_number = 0, bool closes = false) const {
    if (observer_) [[unlikely]] {
      observer_({static_cast<std::uint64_t>(at), command, bank, row, column_number, closes});
    }
  }
  void note_activate(std::uint32_t b, std::uint32_t row, Cycle at);
  void note_column(std::uint32_t b, bool is_write, Cycle at);
  void note_column_of_ranks(std::uint32_t rank, bool is_write, Cycle at);
  // PRE or PREab; the banks that it closes are noted by themselves.
  void note_precharge(std::uint32_t rank, Cycle at) {
    ++statistics_.precharges;
    precharge_rank_[rank] = at + timing_.precharge_interval;
  }
  // ACT-1 of a device whose ACT is two commands.
  void begin_second(std::uint32_t b, Cycle at) {
    second_bank_ = static_cast<std::int32_t>(b);
    second_deadline_ = at + timing_.activate_second;
    banks_[b].second_pending = true;
  }
  void note_close(Bank& bank, Cycle at) {
    bank.open = false;
    bank.activate = std::max(bank.activate, at + timing_.precharge);
    bank.refresh = std::max(bank.refresh, at + timing_.precharge);
    Rank& rank = ranks_[bank.rank];
    if (--rank.open_banks == 0) rank.closed_since = at;
  }
  void note_refresh(Command command, Cycle at);
  // A burst's column command, with its data.
  struct Served {
    Cycle arrival = 0;
    std::uint32_t bank = 0;
    std::uint8_t requester = 0;
    bool is_write = false;
    bool activated = false;  // its row was opened for it
  };
  void note_burst(const Served& burst, Cycle at);
  void account(const Served& burst, Cycle data_start);
  // A run of `bursts` row hits, one every `period` from `first` on: all but the notes of its
  // requester and its bank on each burst.
  void note_run(const Served& burst, std::uint64_t bursts, Cycle first, Cycle period);

  // Of a bank that gave the last of its hits of a run in cycle `last`: every burst but the first of
  // the run ended a gap, if the period is longer than a burst.
  void note_run_of_bank(std::uint32_t b, bool is_write, Cycle first, Cycle period, Cycle last) {
    if (last > first && period > Cycle{timing_.burst}) banks_[b].refreshed = false;
    note_column(b, is_write, last);
  }

  // ---- refreshes
  // Those up to a cycle have become due; whether there were any.
  bool find_due_refreshes(Cycle cycle) {
    const bool any = cycle >= next_refresh_;
    while (cycle >= next_refresh_) {
      refresh_due_ += refreshes_at_once_;
      next_refresh_ += refresh_interval_;
    }
    return any;
  }
  // An idle channel refreshes on time and does nothing else: count these refreshes. The last
  // refresh of each bank is left to do, so that everything is as if all had been done. False: too
  // few to skip any.
  bool skip_refreshes(Cycle limit);

  Channel::Observer observer_;

  const DramDevice device_;
  const bool refresh_stops_all_;
  const Timing timing_ = device_.timing;
  Field rank_field_, group_field_, bank_field_, column_field_, row_field_;
  int burst_shift_ = 0, group_bits_ = 0, bank_bits_ = 0;
  // Bursts in the order of addresses go round `stream_banks_` banks and stay in the same rows for
  // an aligned `stream_block_` of them; 0 banks: they do otherwise.
  std::uint32_t stream_banks_ = 0;
  std::uint64_t stream_block_ = 1;

  Cycle position_ = 1;  // decided are all cycles before
  Cycle next_arrival_ = 0;

  std::uint32_t bank_count_ = 0, group_count_ = 0, rank_count_ = 1;
  std::array<Bank, most_banks> banks_;
  std::array<Rank, most_ranks> ranks_;

  // The earliest cycles by the channel and the groups. With several ranks those of a group include
  // its rank's, and the channel's hold for all ranks.
  std::array<Cycle, 2> column_all_;
  std::array<std::array<Cycle, most_groups>, 2> column_group_;
  Cycle activate_all_ = never;
  std::array<Cycle, most_groups> activate_group_;
  std::array<Cycle, most_ranks> precharge_rank_;
  Cycle row_bus_free_ = never;
  std::int32_t second_bank_ = none;  // between ACT-1 and ACT-2
  Cycle second_deadline_ = 0;

  Cycle next_refresh_ = forever;
  std::uint32_t refresh_interval_ = 0;
  Cycle many_refreshes_ = forever;  // cycles in which each bank is refreshed once and more
  std::uint32_t refresh_due_ = 0, refreshes_at_once_ = 1;
  std::uint32_t refresh_place_ = 0;  // in the order of refreshes, which goes round the ranks first

  std::array<std::uint64_t, most_requesters> outstanding_{};
  std::array<Cycle, most_requesters> reads_done_{};
  std::uint64_t served_in_runs_ = 0;

  Cycle bus_free_ = 0;
  Cycle idle_until_ = never;  // until then the controller had let no burst go on to a bank
  bool last_was_write_ = false;
  std::uint32_t last_rank_ = 0;
  bool refreshed_since_data_ = false;
  Statistics statistics_;

 private:
  void find_fields();
  void find_stream();
};

// Cycles before which other commands must not follow a column command of a bank.
inline void ChannelTiming::note_column(std::uint32_t b, bool is_write, Cycle at) {
  const auto later = [](Cycle& time, Cycle other) { time = std::max(time, other); };
  Bank& bank = banks_[b];
  if (rank_count_ > 1) [[unlikely]] {
    note_column_of_ranks(bank.rank, is_write, at);
  } else if (is_write) {
    later(column_all_[1], at + timing_.column_other);
    later(column_all_[0], at + timing_.write_to_read(false));
  } else {
    later(column_all_[0], at + timing_.column_other);
    later(column_all_[1], at + timing_.read_to_write);
  }
  later(column_group_[is_write][bank.group], at + timing_.column_same);
  if (is_write) {
    later(column_group_[0][bank.group], at + timing_.write_to_read(true));
    later(bank.precharge, at + timing_.write_to_precharge());
  } else {
    later(bank.precharge, at + timing_.read_to_precharge);
  }
}

inline void ChannelTiming::note_activate(std::uint32_t b, std::uint32_t row, Cycle at) {
  Bank& bank = banks_[b];
  Rank& rank = ranks_[bank.rank];
  ++statistics_.activates;
  if (rank.open_banks++ == 0) {
    statistics_.all_closed +=
        static_cast<std::uint64_t>(std::max<Cycle>(at - rank.closed_since, 0));
  }
  const Cycle counted = at + timing_.activate_cycles - 1;
  bank.open = true;
  bank.row = row;
  bank.served = 0;
  bank.column = {counted + timing_.activate_to_read, counted + timing_.activate_to_write};
  bank.precharge = std::max(bank.precharge, counted + timing_.row_active);
  bank.activate = counted + timing_.row_cycle;
  bank.refresh = std::max(bank.refresh, counted + timing_.row_cycle);
  rank.last_activates[rank.activate_place] = counted;
  rank.activate_place = (rank.activate_place + 1) % 4;
  hold_activates(bank.rank,
                 std::max(counted + timing_.activate_other,
                          rank.last_activates[rank.activate_place] + timing_.four_activates));
  activate_group_[bank.group] =
      std::max(activate_group_[bank.group], counted + timing_.activate_same);
  row_bus_free_ = at + timing_.activate_cycles;
}

inline void ChannelTiming::note_burst(const Served& burst, Cycle at) {
  note_column(burst.bank, burst.is_write, at);
  const Cycle data_start = at + (burst.is_write ? timing_.write_latency : timing_.read_latency);
  const Cycle done = burst.is_write ? at : data_start + timing_.burst;
  statistics_.finish = std::max(statistics_.finish, static_cast<std::uint64_t>(done));
  ++(burst.is_write ? statistics_.writes : statistics_.reads);
  statistics_.row_misses += burst.activated;
  if (!burst.is_write) {
    statistics_.read_latency_sum += static_cast<std::uint64_t>(done - burst.arrival);
    --outstanding_[burst.requester];
    reads_done_[burst.requester] = std::max(reads_done_[burst.requester], done);
  }
  if (timing_.data_clock_postamble > 0) {
    Cycle& until = ranks_[banks_[burst.bank].rank].data_clock_until;
    until = std::max(until, data_start + timing_.burst + timing_.data_clock_postamble);
  }
  if (data_start > bus_free_) account(burst, data_start);
  bus_free_ = data_start + timing_.burst;
  last_was_write_ = burst.is_write;
  last_rank_ = banks_[burst.bank].rank;
  statistics_.busy += timing_.burst;
}

}  // namespace spillway::models::dram
