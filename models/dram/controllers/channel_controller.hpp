// What a channel is whoever controls it: its banks, what the commands so far keep from going out,
// the refreshes that are due, and what is counted. A controller derives from it and decides.
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
constexpr std::uint32_t most_groups = 16;
constexpr std::uint64_t shortest_stream = 16;  // what makes up for the work of finding it

struct alignas(64) Bank {
  bool open = false;
  bool active = false;          // RowHitsFirst: a burst waits for its column command alone
  bool second_pending = false;  // between ACT-1 and ACT-2
  bool refreshed = false;       // and not used since
  std::uint32_t row = 0;
  std::uint32_t group = 0;
  std::uint32_t served = 0;  // BankQueues: column commands since the row was opened
  Cycle activate = never;    // earliest, as far as this bank knows
  Cycle precharge = never;
  Cycle refresh = never;
  std::array<Cycle, 2> column{never, never};  // read, write
};

struct Field {
  int shift = 0;
  std::uint64_t mask = 0;
  std::uint64_t of(std::uint64_t number) const { return (number >> shift) & mask; }
};

}  // namespace detail

using namespace detail;

class ChannelController {
 public:
  explicit ChannelController(const DramDevice& device);
  virtual ~ChannelController() = default;

  // As Channel's.
  virtual std::uint64_t submit(const Request& request) = 0;
  virtual std::uint64_t submit_run(const Request& first, std::uint64_t bursts) = 0;
  virtual std::uint64_t drain() = 0;
  virtual void advance(std::uint64_t cycle) = 0;
  virtual void reset() = 0;

  std::uint64_t outstanding_reads(std::uint8_t requester) const { return outstanding_[requester]; }
  std::uint64_t reads_done(std::uint8_t requester) const {
    return static_cast<std::uint64_t>(reads_done_[requester]);
  }
  std::uint64_t served_in_runs() const { return served_in_runs_; }
  Statistics statistics(std::uint64_t cycle) const;
  const DramDevice& device() const { return device_; }

  Channel::Observer observer;

 protected:
  void reset_channel();

  // ---- addresses
  std::uint32_t bank_at(std::uint64_t number) const {
    const std::uint64_t address = number << burst_shift_;
    return static_cast<std::uint32_t>(group_field_.of(address) * device_.geometry.banks_per_group +
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
    return std::max(banks_[b].precharge, precharge_all_);
  }
  bool data_clock_runs(Cycle at) const {
    return timing_.data_clock_postamble == 0 || at < data_clock_until_;
  }
  // When every bank, all of them closed, can be refreshed.
  Cycle refresh_all_time() const;

  // ---- commands: what each does to the channel
  void tell(Cycle at, Command command, std::uint32_t bank = 0, std::uint64_t row = 0,
            std::uint32_t column_number = 0, bool closes = false) const {
    if (observer) [[unlikely]] {
      observer({static_cast<std::uint64_t>(at), command, bank, row, column_number, closes});
    }
  }
  void note_activate(std::uint32_t b, std::uint32_t row, Cycle at);
  void note_column(std::uint32_t b, bool is_write, Cycle at);
  // PRE or PREab; what it closes is noted by itself.
  void note_precharge(Cycle at) {
    ++statistics_.precharges;
    precharge_all_ = at + timing_.precharge_interval;
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
    if (--open_banks_ == 0) closed_since_ = at;
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
  // A run of `bursts` row hits, one every `period` from `first` on: all but what each burst is to
  // its requester and its bank.
  void note_run(const Served& burst, std::uint64_t bursts, Cycle first, Cycle period);

  // Of a bank that gave the last of its hits of a run in cycle `last`: every burst but the first of
  // the run ended a gap, if the period is longer than a burst.
  void note_run_of_bank(std::uint32_t b, bool is_write, Cycle first, Cycle period, Cycle last) {
    if (last > first && period > Cycle{timing_.burst}) banks_[b].refreshed = false;
    note_column(b, is_write, last);
  }
  // As `submit_run`, with `stream` for what can be served as a whole.
  template <class Controlled>
  static std::uint64_t submit_all(Controlled& controller, const Request& first,
                                  std::uint64_t bursts) {
    Request request = first;
    std::uint64_t accepted = 0;
    while (bursts > 0) {
      const std::uint64_t served =
          bursts < shortest_stream ? 0 : controller.stream(request, bursts);
      if (served > 0) {
        bursts -= served;
        request.address += served << controller.burst_shift_;
        accepted = static_cast<std::uint64_t>(controller.next_arrival_ - 1);
        continue;
      }
      accepted = controller.submit(request);
      request.address += controller.device_.geometry.burst_bytes;
      --bursts;
    }
    return accepted;
  }

  // ---- refreshes
  // Those up to a cycle have become due; whether there were any.
  bool find_due_refreshes(Cycle cycle) {
    const bool any = cycle >= next_refresh_;
    while (cycle >= next_refresh_) {
      ++refresh_due_;
      next_refresh_ += refresh_interval_;
    }
    return any;
  }
  // An idle channel refreshes on time and does nothing else: count what that comes to. The last
  // refresh of each bank is left to do, so that everything is as if all had been done. False: too
  // few to skip any.
  bool skip_refreshes(Cycle limit);

  const DramDevice device_;
  const Timing timing_ = device_.timing;
  Field group_field_, bank_field_, column_field_, row_field_;
  int burst_shift_ = 0;
  // Bursts in the order of addresses go round `stream_banks_` banks and stay in the same rows for
  // an aligned `stream_block_` of them; 0 banks: they do otherwise.
  std::uint32_t stream_banks_ = 0;
  std::uint64_t stream_block_ = 1;

  Cycle position_ = 1;  // decided are all cycles before
  Cycle next_arrival_ = 0;

  std::uint32_t bank_count_ = 0;
  std::array<Bank, most_banks> banks_;

  // What the channel and the groups allow.
  std::array<Cycle, 2> column_all_;
  std::array<std::array<Cycle, most_groups>, 2> column_group_;
  Cycle activate_all_ = never;
  std::array<Cycle, most_groups> activate_group_;
  std::array<Cycle, 4> last_activates_;  // a ring
  std::uint32_t activate_place_ = 0;
  Cycle precharge_all_ = never;
  Cycle row_bus_free_ = never;
  Cycle data_clock_until_ = 0;
  std::int32_t second_bank_ = none;  // between ACT-1 and ACT-2
  Cycle second_deadline_ = 0;

  Cycle next_refresh_ = forever;
  std::uint32_t refresh_interval_ = 0;
  Cycle many_refreshes_ = forever;  // cycles in which each bank is refreshed once and more
  std::uint32_t refresh_due_ = 0;
  std::uint32_t refresh_bank_ = 0;

  std::array<std::uint64_t, most_requesters> outstanding_{};
  std::array<Cycle, most_requesters> reads_done_{};
  std::uint64_t served_in_runs_ = 0;

  Cycle bus_free_ = 0;
  Cycle idle_until_ = never;  // until then the controller had let no burst go on to a bank
  bool last_was_write_ = false;
  bool refreshed_since_data_ = false;
  std::uint32_t open_banks_ = 0;
  Cycle closed_since_ = 0;
  Statistics statistics_;

 private:
  void find_fields();
  void find_stream();
};

// What a column command of a bank at a cycle keeps others from.
inline void ChannelController::note_column(std::uint32_t b, bool is_write, Cycle at) {
  const auto later = [](Cycle& time, Cycle other) { time = std::max(time, other); };
  Bank& bank = banks_[b];
  later(column_all_[is_write], at + timing_.column_other);
  later(column_group_[is_write][bank.group], at + timing_.column_same);
  if (is_write) {
    later(column_all_[0], at + timing_.write_to_read(false));
    later(column_group_[0][bank.group], at + timing_.write_to_read(true));
    later(bank.precharge, at + timing_.write_to_precharge());
  } else {
    later(column_all_[1], at + timing_.read_to_write);
    later(bank.precharge, at + timing_.read_to_precharge);
  }
}

inline void ChannelController::note_activate(std::uint32_t b, std::uint32_t row, Cycle at) {
  Bank& bank = banks_[b];
  ++statistics_.activates;
  if (open_banks_++ == 0) {
    statistics_.all_closed += static_cast<std::uint64_t>(std::max<Cycle>(at - closed_since_, 0));
  }
  const Cycle counted = at + timing_.activate_cycles - 1;
  bank.open = true;
  bank.row = row;
  bank.served = 0;
  bank.column = {counted + timing_.activate_to_read, counted + timing_.activate_to_write};
  bank.precharge = std::max(bank.precharge, counted + timing_.row_active);
  bank.activate = counted + timing_.row_cycle;
  bank.refresh = std::max(bank.refresh, counted + timing_.row_cycle);
  last_activates_[activate_place_] = counted;
  activate_place_ = (activate_place_ + 1) % 4;
  activate_all_ = std::max({activate_all_, counted + timing_.activate_other,
                            last_activates_[activate_place_] + timing_.four_activates});
  activate_group_[bank.group] = counted + timing_.activate_same;
  row_bus_free_ = at + timing_.activate_cycles;
}

inline void ChannelController::note_burst(const Served& burst, Cycle at) {
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
    data_clock_until_ =
        std::max(data_clock_until_, data_start + timing_.burst + timing_.data_clock_postamble);
  }
  if (data_start > bus_free_) account(burst, data_start);
  bus_free_ = data_start + timing_.burst;
  last_was_write_ = burst.is_write;
  statistics_.busy += timing_.burst;
}

}  // namespace spillway::models::dram
