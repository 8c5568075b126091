// The oracle's channel: banks, ranks, their times and refreshes, under whichever scheduler.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "tests/support/dram_oracle.hpp"

namespace spillway::tests {

/// A channel that is looked at in every cycle. Its scheduler says what is done in one.
class OracleChannel {
 public:
  explicit OracleChannel(const models::dram::DramDevice& device);
  virtual ~OracleChannel() = default;
  OracleChannel(const OracleChannel&) = delete;
  OracleChannel& operator=(const OracleChannel&) = delete;

  OracleResult run(std::span<const models::dram::Request> requests);

 protected:
  using Command = models::dram::Command;
  using Cycle = std::int64_t;
  static constexpr Cycle never = -1'000'000'000;

  struct Entry {
    std::uint64_t arrival = 0, row = 0;
    std::uint32_t bank = 0, column = 0;
    bool is_write = false;
  };

  struct Bank {
    std::optional<std::uint64_t> row;
    Cycle activate = never, read = never, write = never, precharge = never, refresh = never;
    bool second_pending = false;
    std::uint32_t served = 0;
  };

  struct Rank {
    Cycle last_activate = never, last_read = never, last_write = never, last_precharge = never;
    Cycle all_activate = never, data_clock_until = 0;
    std::vector<Cycle> activates;
  };

  /// What the scheduler does in cycle `now_`.
  virtual void cycle() = 0;
  /// Some burst waits beside those in `reads_` and `writes_`.
  virtual bool waits_inside() const = 0;
  /// A bank has bursts on their way, so that its row may not be closed for a refresh.
  virtual bool is_in_use(std::uint32_t bank) const = 0;

  bool waiting() const { return !reads_.empty() || !writes_.empty() || second_ || waits_inside(); }
  static bool is_column(Command c) { return c == Command::read || c == Command::write; }
  std::uint32_t rank(std::uint32_t bank) const { return bank / device_.geometry.banks_per_rank(); }
  bool per_bank() const {
    return device_.controller.refresh == models::dram::RefreshMode::per_bank;
  }
  /// Of the refresh that is due first: its bank, or the first one of its rank.
  std::uint32_t due() const { return due_.front(); }

  Command needed(const Entry& entry) const;
  /// The first cycle in which a command may go out.
  Cycle ready(Command command, std::uint32_t bank) const;
  void issue(Command command, const Entry& entry, bool closes = false);
  /// Issues a command, with all that it does to the channel; `closes` its row afterwards.
  void perform(Command command, const Entry& entry, bool closes = false);
  /// An activation has gone out: its second command is to follow, where it has one.
  bool awaits_second(const Entry& entry);
  /// Gives the second command of an activation. The entry that it was for.
  Entry second_done();
  bool clock_runs(std::uint32_t bank) const;

  void count_refreshes();
  /// The next command of the refresh that is due; false when none may go out.
  bool refresh_step();

  const models::dram::DramDevice& device_;
  const models::dram::Timing& t_;
  std::vector<Bank> banks_;
  std::deque<Entry> reads_, writes_;
  std::optional<Entry> second_;
  Cycle second_deadline_ = 0;
  bool no_more_ = false;
  std::deque<std::uint32_t> due_;  // refreshes: the bank, or the first one of the rank
  Cycle now_ = 0;
  Cycle row_bus_free_ = 0;

 private:
  Rank& rank_of(std::uint32_t bank) { return ranks_[rank(bank)]; }
  const Rank& rank_of(std::uint32_t bank) const { return ranks_[rank(bank)]; }
  std::uint32_t first_of_rank(std::uint32_t bank) const {
    return rank(bank) * device_.geometry.banks_per_rank();
  }
  std::uint32_t group(std::uint32_t bank) const { return bank / device_.geometry.banks_per_group; }
  Cycle refresh_interval() const;
  template <class Visit>
  void for_rank(std::uint32_t bank, Visit&& visit) {
    for (std::uint32_t b = 0; b < banks_.size(); ++b) {
      if (rank(b) == rank(bank)) visit(banks_[b]);
    }
  }
  template <class Visit>
  void for_rank(std::uint32_t bank, Visit&& visit) const {
    for (std::uint32_t b = 0; b < banks_.size(); ++b) {
      if (rank(b) == rank(bank)) visit(banks_[b]);
    }
  }
  bool any_open(std::uint32_t bank) const;
  bool any_in_use(std::uint32_t bank) const;
  bool accept(const models::dram::Request& request);
  Entry entry_of(const models::dram::Request& request) const;
  Cycle data_from(std::uint32_t bank, bool is_write) const;
  Cycle activate_from(std::uint32_t bank) const;
  void activate(Bank& bank, const Entry& entry);
  void read(Bank& bank, const Entry& entry);
  void write(Bank& bank, const Entry& entry);
  void precharge_rank(const Entry& entry);
  void refresh_one_bank(Bank& bank, const Entry& entry);
  void finish(Cycle at) { result_.finish = std::max<std::uint64_t>(result_.finish, at); }

  std::vector<Rank> ranks_;
  std::uint32_t refreshes_ = 0;  // that have been due
  Cycle next_refresh_ = 0;
  std::array<Cycle, 16> group_activate_, group_read_, group_write_;
  OracleResult result_;
};

/// The channel under each of the schedulers.
std::unique_ptr<OracleChannel> row_hits_first_oracle(const models::dram::DramDevice& device);
std::unique_ptr<OracleChannel> bank_queues_oracle(const models::dram::DramDevice& device);

}  // namespace spillway::tests
