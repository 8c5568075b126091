#include "tests/support/dram_oracle.hpp"

#include <algorithm>
#include <deque>
#include <optional>

namespace spillway::tests {

using namespace models::dram;

namespace {

struct Entry {
  std::uint64_t arrival = 0, row = 0;
  std::uint32_t bank = 0, column = 0;
  bool is_write = false;
};

using Cycle = std::int64_t;
constexpr Cycle never = -1'000'000'000;

class Oracle {
 public:
  explicit Oracle(const DramDevice& device)
      : device_(device),
        t_(device.timing),
        banks_(device.geometry.banks()),
        ranks_(device.geometry.ranks),
        bank_queues_(device.geometry.banks()) {}

  OracleResult run(std::span<const Request> requests) {
    next_refresh_ = refresh_interval();
    for (now_ = 1; !requests.empty() || waiting(); ++now_) {
      if (!requests.empty() && accept(requests.front())) requests = requests.subspan(1);
      no_more_ = requests.empty();
      if (device_.controller.scheduler == Scheduler::bank_queues) {
        move_transaction();
        cycle_of_banks();
      } else {
        cycle();
      }
    }
    return std::move(result_);
  }

 private:
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

  std::uint32_t rank(std::uint32_t bank) const { return bank / device_.geometry.banks_per_rank(); }
  Rank& rank_of(std::uint32_t bank) { return ranks_[rank(bank)]; }
  const Rank& rank_of(std::uint32_t bank) const { return ranks_[rank(bank)]; }
  std::uint32_t first_of_rank(std::uint32_t bank) const {
    return rank(bank) * device_.geometry.banks_per_rank();
  }
  Cycle refresh_interval() const {
    const Cycle each = device_.controller.refresh == RefreshMode::per_bank
                           ? t_.refresh_bank_interval
                           : t_.refresh_interval;
    return device_.controller.rank_refresh == RankRefresh::in_turn ? each / device_.geometry.ranks
                                                                   : each;
  }
  bool per_bank() const { return device_.controller.refresh == RefreshMode::per_bank; }
  // Of the refresh that is due first: its bank, or the first one of its rank.
  std::uint32_t due() const { return due_.front(); }
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
  bool any_open(std::uint32_t bank) const {
    bool open = false;
    for_rank(bank, [&](const Bank& each) { open |= each.row.has_value(); });
    return open;
  }

  // When the data of a burst may begin, as far as those of other ranks go.
  Cycle data_from(std::uint32_t bank, bool is_write) const {
    Cycle at = never;
    for (std::uint32_t r = 0; r < ranks_.size(); ++r) {
      if (r == rank(bank)) continue;
      const Cycle read_end = ranks_[r].last_read + t_.read_latency + t_.burst;
      const Cycle write_end = ranks_[r].last_write + t_.write_latency + t_.burst;
      at = std::max(
          {at, read_end + t_.rank_to_rank, is_write ? write_end : write_end + t_.rank_to_rank});
    }
    return at;
  }

  bool banks_wait() const {
    return std::any_of(bank_queues_.begin(), bank_queues_.end(),
                       [](const auto& queue) { return !queue.empty(); });
  }
  bool waiting() const {
    return !reads_.empty() || !writes_.empty() || !active_.empty() || second_ || banks_wait();
  }
  std::uint32_t group(std::uint32_t bank) const { return bank / device_.geometry.banks_per_group; }

  bool accept(const Request& request) {
    if (static_cast<Cycle>(request.earliest_cycle) >= now_) return false;
    std::deque<Entry>& queue = request.is_write ? writes_ : reads_;
    const Controller& c = device_.controller;
    if (queue.size() >= (request.is_write ? c.write_queue : c.read_queue)) return false;
    Entry entry;
    entry.arrival = now_ - 1;
    entry.is_write = request.is_write;
    std::uint64_t rest = request.address / device_.geometry.burst_bytes, in_group = 0,
                  bank_group = 0, in_rank = 0;
    const auto digit = [&rest](std::uint64_t size) {
      const std::uint64_t value = rest % size;
      rest /= size;
      return value;
    };
    for (const Digit d : device_.mapping) {
      if (d == Digit::bank_group) bank_group = digit(device_.geometry.bank_groups);
      if (d == Digit::rank) in_rank = digit(device_.geometry.ranks);
      if (d == Digit::bank) in_group = digit(device_.geometry.banks_per_group);
      if (d == Digit::column)
        entry.column = static_cast<std::uint32_t>(digit(device_.geometry.bursts_per_row));
      if (d == Digit::row) entry.row = digit(device_.geometry.rows_per_bank);
    }
    entry.bank =
        static_cast<std::uint32_t>(in_rank * device_.geometry.banks_per_rank() +
                                   bank_group * device_.geometry.banks_per_group + in_group);
    queue.push_back(entry);
    return true;
  }

  void issue(Command command, const Entry& entry, bool closes = false) {
    IssuedCommand issued{static_cast<std::uint64_t>(now_), command};
    issued.closes = closes;
    const bool whole_rank = command == Command::precharge_all || command == Command::refresh_all ||
                            command == Command::data_clock;
    issued.bank = whole_rank ? first_of_rank(entry.bank) : entry.bank;
    if (is_column(command)) issued.column = entry.column;
    if (is_column(command) || command == Command::activate || command == Command::activate_second) {
      issued.row = entry.row;
    }
    result_.commands.push_back(issued);
  }

  Command needed(const Entry& entry) const {
    const Bank& bank = banks_[entry.bank];
    if (!bank.row) return Command::activate;
    if (*bank.row != entry.row) return Command::precharge;
    return entry.is_write ? Command::write : Command::read;
  }
  static bool is_column(Command c) { return c == Command::read || c == Command::write; }
  bool active_in(std::uint32_t bank) const {
    return std::any_of(active_.begin(), active_.end(),
                       [&](const Entry& e) { return e.bank == bank; });
  }

  Cycle ready(Command command, std::uint32_t b) const {
    const Bank& bank = banks_[b];
    const Rank& rank = rank_of(b);
    const std::uint32_t g = group(b);
    switch (command) {
      case Command::activate: {
        Cycle at = std::max(bank.activate, rank.all_activate);
        at = std::max(at, rank.last_activate + t_.activate_other);
        if (rank.activates.size() >= 4)
          at = std::max(at, rank.activates[rank.activates.size() - 4] + t_.four_activates);
        at = std::max(at, group_activate_[g] + t_.activate_same);
        return std::max(at - t_.activate_cycles + 1, row_bus_free_);
      }
      case Command::read:
        return std::max({bank.read, rank.last_read + t_.column_other,
                         group_read_[g] + t_.column_same, rank.last_write + t_.write_to_read(false),
                         group_write_[g] + t_.write_to_read(true),
                         data_from(b, false) - t_.read_latency});
      case Command::write:
        return std::max({bank.write, rank.last_write + t_.column_other,
                         group_write_[g] + t_.column_same, rank.last_read + t_.read_to_write,
                         data_from(b, true) - t_.write_latency});
      case Command::precharge:
        return std::max(
            {bank.precharge, rank.last_precharge + t_.precharge_interval, row_bus_free_});
      case Command::precharge_all: {
        Cycle at = std::max(rank.last_precharge + t_.precharge_interval, row_bus_free_);
        for_rank(b, [&](const Bank& each) { at = std::max(at, each.precharge); });
        return at;
      }
      case Command::refresh_all: {
        Cycle at = row_bus_free_;
        for_rank(b, [&](const Bank& each) { at = std::max(at, each.refresh); });
        return at;
      }
      case Command::refresh_bank: return std::max(bank.refresh, row_bus_free_);
      case Command::activate_second:
      case Command::data_clock: break;
    }
    return never;
  }

  // The oldest entry whose next command may go out now.
  template <class Filter>
  std::optional<std::size_t> choose(const std::deque<Entry>& queue, Filter&& filter) const {
    const std::size_t window = &queue == &active_
                                   ? queue.size()
                                   : std::min<std::size_t>(queue.size(), device_.controller.window);
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < window; ++i) {
      const Command command = needed(queue[i]);
      if (!filter(command)) continue;
      if (&queue != &active_ && per_bank() && !due_.empty() && queue[i].bank == due()) continue;
      if (ready(command, queue[i].bank) > now_) continue;
      if (command == Command::precharge) {
        if (active_in(queue[i].bank) || banks_[queue[i].bank].second_pending) continue;
        bool older_hit = false;
        for (std::size_t j = 0; j < i; ++j) {
          older_hit |= queue[j].bank == queue[i].bank && queue[j].row == banks_[queue[i].bank].row;
        }
        if (older_hit) continue;
      }
      if (second_) {
        if (command == Command::activate) continue;
        if (is_column(command) && second_->bank == queue[i].bank) continue;
      }
      if (!best || queue[i].arrival < queue[*best].arrival) best = i;
    }
    return best;
  }

  void perform(Command command, Entry entry) {
    Bank& bank = banks_[entry.bank];
    Rank& rank = rank_of(entry.bank);
    const std::uint32_t g = group(entry.bank);
    const bool closes = is_column(command) && closes_row(entry);
    issue(command, entry, closes);
    switch (command) {
      case Command::activate: {
        const Cycle at = now_ + t_.activate_cycles - 1;
        bank.row = entry.row;
        bank.served = 0;
        bank.read = at + t_.activate_to_read;
        bank.write = at + t_.activate_to_write;
        bank.precharge = std::max(bank.precharge, at + t_.row_active);
        bank.activate = at + t_.row_cycle;
        bank.refresh = std::max(bank.refresh, at + t_.row_cycle);
        rank.last_activate = group_activate_[g] = at;
        rank.activates.push_back(at);
        row_bus_free_ = now_ + t_.activate_cycles;
        break;
      }
      case Command::read:
        rank.last_read = group_read_[g] = now_;
        bank.precharge = std::max(bank.precharge, now_ + t_.read_to_precharge);
        result_.read_latency_sum += now_ + t_.read_latency + t_.burst - entry.arrival;
        finish(now_ + t_.read_latency + t_.burst);
        rank.data_clock_until = std::max(
            rank.data_clock_until, now_ + t_.read_latency + t_.burst + t_.data_clock_postamble);
        break;
      case Command::write:
        rank.last_write = group_write_[g] = now_;
        bank.precharge = std::max(bank.precharge, now_ + t_.write_to_precharge());
        finish(now_);
        rank.data_clock_until = std::max(
            rank.data_clock_until, now_ + t_.write_latency + t_.burst + t_.data_clock_postamble);
        break;
      case Command::precharge:
        bank.row.reset();
        bank.activate = std::max(bank.activate, now_ + t_.precharge);
        bank.refresh = std::max(bank.refresh, now_ + t_.precharge);
        rank.last_precharge = now_;
        break;
      case Command::precharge_all:
        for_rank(entry.bank, [&](Bank& each) {
          each.row.reset();
          each.activate = std::max(each.activate, now_ + t_.precharge);
          each.refresh = std::max(each.refresh, now_ + t_.precharge_all);
        });
        rank.all_activate = std::max(rank.all_activate, now_ + t_.precharge_all);
        rank.last_precharge = now_;
        break;
      case Command::refresh_all:
        rank.all_activate = std::max(rank.all_activate, now_ + t_.refresh);
        for_rank(entry.bank,
                 [&](Bank& each) { each.refresh = std::max(each.refresh, now_ + t_.refresh); });
        break;
      case Command::refresh_bank:
        bank.activate = std::max(bank.activate, now_ + t_.refresh_bank);
        for_rank(entry.bank, [&](Bank& each) {
          each.refresh = std::max(each.refresh, now_ + t_.refresh_bank);
        });
        rank.all_activate = std::max(rank.all_activate, now_ + t_.refresh_bank_to_activate);
        break;
      case Command::activate_second:
      case Command::data_clock: break;
    }
    if (closes) {
      bank.row.reset();
      bank.activate = std::max(bank.activate, bank.precharge + t_.precharge);
      bank.refresh = std::max(bank.refresh, bank.precharge + t_.precharge);
    }
  }

  // With closed pages, the last burst of a row that anybody waits for closes it. The burst itself
  // has left its queue.
  bool closes_row(const Entry& entry) const {
    if (device_.controller.page == PagePolicy::open || active_in(entry.bank)) return false;
    if (device_.controller.scheduler == Scheduler::bank_queues) {
      const std::deque<Entry>& queue = bank_queues_[entry.bank];
      return std::none_of(queue.begin(), queue.end(),
                          [&](const Entry& other) { return other.row == entry.row; });
    }
    for (const std::deque<Entry>* queue : {&reads_, &writes_}) {
      const std::size_t window = std::min<std::size_t>(queue->size(), device_.controller.window);
      for (std::size_t i = 0; i < window; ++i) {
        if ((*queue)[i].bank == entry.bank && (*queue)[i].row == entry.row) return false;
      }
    }
    return true;
  }

  void finish(Cycle at) { result_.finish = std::max<std::uint64_t>(result_.finish, at); }

  void second_done() {
    issue(Command::activate_second, *second_);
    banks_[second_->bank].second_pending = false;
    if (device_.controller.scheduler == Scheduler::row_hits_first) active_.push_back(*second_);
    second_.reset();
  }

  // Give the command that entry `i` of the queue needs.
  void serve(std::deque<Entry>& queue, std::size_t i) {
    const Entry entry = queue[i];
    const Command command = needed(entry);
    if (command != Command::precharge) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
    perform(command, entry);
    if (command != Command::activate) return;
    if (t_.activate_second > 0) {
      second_ = entry;
      second_deadline_ = now_ + t_.activate_second;
      banks_[entry.bank].second_pending = true;
    } else {
      active_.push_back(entry);
    }
  }

  void set_mode() {
    const Controller& c = device_.controller;
    if (!writing_) {
      writing_ = writes_.size() > c.write_high || reads_.empty();
    } else {
      writing_ = !(writes_.size() < c.write_low && !reads_.empty());
    }
  }

  bool clock_runs(std::uint32_t bank) const {
    return t_.data_clock_postamble == 0 || now_ < rank_of(bank).data_clock_until;
  }

  // As `serve`, with the CAS that may have to go before a column command.
  void serve_with_clock(std::deque<Entry>& queue, std::size_t i) {
    if (!is_column(needed(queue[i])) || clock_runs(queue[i].bank)) {
      serve(queue, i);
    } else if (second_ && second_deadline_ <= now_ + 1) {
      second_done();
    } else {
      issue(Command::data_clock, queue[i]);
      clocked_ = {&queue, i};
    }
  }

  template <class Filter>
  bool slot(Filter&& filter, bool columns, bool rows) {
    if (columns) {
      if (const auto i = choose(active_, filter)) {
        serve_with_clock(active_, *i);
        return true;
      }
    }
    if (!due_.empty()) {
      if (rows && refresh_step()) return true;
      if (!per_bank()) return false;
    }
    set_mode();
    std::deque<Entry>& queue = writing_ ? writes_ : reads_;
    const auto i = choose(queue, filter);
    if (i) serve_with_clock(queue, *i);
    return i.has_value();
  }

  bool refresh_step() {
    Entry target;
    target.bank = due();
    Command command;
    if (per_bank()) {
      command = banks_[target.bank].row ? Command::precharge : Command::refresh_bank;
      if (command == Command::precharge &&
          (active_in(target.bank) || banks_[target.bank].second_pending))
        return false;
    } else {
      command = any_open(target.bank) ? Command::precharge_all : Command::refresh_all;
      const auto same_rank = [&](const Entry& e) { return rank(e.bank) == rank(target.bank); };
      if (command == Command::precharge_all &&
          (std::any_of(active_.begin(), active_.end(), same_rank) ||
           (second_ && same_rank(*second_)))) {
        return false;
      }
    }
    if (ready(command, target.bank) > now_) return false;
    perform(command, target);
    if (command == Command::refresh_all || command == Command::refresh_bank) due_.pop_front();
    return true;
  }

  // ---- a queue for each bank

  void move_transaction() {
    const Controller& c = device_.controller;
    if (draining_ == 0) {
      const bool few = no_more_ && reads_.empty();
      if (writes_.size() > c.write_high ||
          (!banks_wait() && (writes_.size() > c.write_low || few))) {
        draining_ = writes_.size();
      }
    }
    std::deque<Entry>& queue = draining_ > 0 ? writes_ : reads_;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      std::deque<Entry>& of_bank = bank_queues_[queue[i].bank];
      if (of_bank.size() >= c.bank_queue) continue;
      of_bank.push_back(queue[i]);
      if (queue[i].is_write) --draining_;
      queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
      return;
    }
  }

  bool refreshing(std::uint32_t bank) const {
    return !due_.empty() && (per_bank() ? bank == due() : rank(bank) == rank(due()));
  }

  bool refresh_step_of_banks() {
    if (per_bank()) return refresh_step();
    bool open = false;
    for (std::uint32_t b = 0; b < banks_.size(); ++b) {
      if (!banks_[b].row || rank(b) != rank(due())) continue;
      open = true;
      if (banks_[b].second_pending || ready(Command::precharge, b) > now_) continue;
      Entry target;
      target.bank = b;
      perform(Command::precharge, target);
      return true;
    }
    if (open || ready(Command::refresh_all, due()) > now_) return false;
    Entry target;
    target.bank = due();
    perform(Command::refresh_all, target);
    due_.pop_front();
    return true;
  }

  // What the oldest burst of the bank that can go on needs, if its kind of command is allowed.
  std::optional<std::size_t> choose_in_bank(std::uint32_t b, bool columns, bool rows) const {
    const std::deque<Entry>& queue = bank_queues_[b];
    const Bank& bank = banks_[b];
    if (bank.second_pending) return std::nullopt;
    for (std::size_t i = 0; i < queue.size(); ++i) {
      const Command command = needed(queue[i]);
      if (!(is_column(command) ? columns : rows) || ready(command, b) > now_) continue;
      if (command == Command::activate && second_) continue;
      if (command == Command::precharge) {
        const bool hits = std::any_of(queue.begin(), queue.end(),
                                      [&](const Entry& e) { return e.row == *bank.row; });
        if (i > 0 || (hits && bank.served < device_.controller.row_hits)) continue;
      }
      return i;
    }
    return std::nullopt;
  }

  enum class Kind { nothing, column, row };

  Kind give(std::uint32_t b, std::size_t i) {
    const Entry entry = bank_queues_[b][i];
    const Command command = needed(entry);
    if (is_column(command)) {
      ++banks_[b].served;
      bank_queues_[b].erase(bank_queues_[b].begin() + static_cast<std::ptrdiff_t>(i));
    }
    perform(command, entry);
    if (command == Command::activate && t_.activate_second > 0) {
      second_ = entry;
      second_deadline_ = now_ + t_.activate_second;
      banks_[b].second_pending = true;
    }
    return is_column(command) ? Kind::column : Kind::row;
  }

  Kind slot_of_banks(bool columns, bool rows) {
    if (rows && !due_.empty() && refresh_step_of_banks()) return Kind::row;
    const auto count = static_cast<std::uint32_t>(banks_.size());
    for (std::uint32_t step = 1; step <= count; ++step) {
      const std::uint32_t b = (turn_ + step) % count;
      if (refreshing(b)) continue;
      const auto i = choose_in_bank(b, columns, rows);
      if (!i) continue;
      turn_ = b;
      const bool column = is_column(needed(bank_queues_[b][*i]));
      if (!column || clock_runs(b)) return give(b, *i);
      if (second_ && second_deadline_ <= now_ + 1) {
        second_done();
        return Kind::row;
      }
      issue(Command::data_clock, bank_queues_[b][*i]);
      clocked_of_bank_ = {b, *i};
      return Kind::column;
    }
    return Kind::nothing;
  }

  void count_refreshes() {
    if (device_.controller.refresh == RefreshMode::none || now_ != next_refresh_) return;
    next_refresh_ += refresh_interval();
    const std::uint32_t ranks = device_.geometry.ranks, of_rank = device_.geometry.banks_per_rank();
    const bool together = device_.controller.rank_refresh == RankRefresh::together;
    for (std::uint32_t i = 0; i < (together ? ranks : 1); ++i, ++refreshes_) {
      const std::uint32_t first = refreshes_ % ranks * of_rank;
      due_.push_back(per_bank() ? first + refreshes_ / ranks % of_rank : first);
    }
  }

  void cycle_of_banks() {
    count_refreshes();
    if (clocked_of_bank_) {
      give(clocked_of_bank_->first, clocked_of_bank_->second);
      clocked_of_bank_.reset();
      return;
    }
    if (second_ && now_ >= second_deadline_) {
      second_done();
      return;
    }
    const bool row_bus = now_ >= row_bus_free_;
    if (t_.split_command_bus) {
      const Kind first = slot_of_banks(true, row_bus);
      if (!waiting() && no_more_) return;
      if (first == Kind::column && row_bus) slot_of_banks(false, true);
      if (first == Kind::row) slot_of_banks(true, false);
    } else if (row_bus && slot_of_banks(true, true) == Kind::nothing && second_) {
      second_done();
    }
  }

  // ---- row hits first

  void cycle() {
    count_refreshes();
    const auto any = [](Command) { return true; };
    if (t_.split_command_bus) {
      slot(is_column, true, false);
      if (!waiting() && no_more_) return;
      slot([](Command c) { return !is_column(c); }, false, true);
      return;
    }
    if (second_ && now_ >= second_deadline_) {
      second_done();
      return;
    }
    if (clocked_.first != nullptr) {
      serve(*clocked_.first, clocked_.second);
      clocked_.first = nullptr;
      return;
    }
    if (now_ < row_bus_free_) return;
    if (!slot(any, true, true) && second_) second_done();
  }

  const DramDevice& device_;
  const Timing& t_;
  std::vector<Bank> banks_;
  std::vector<Rank> ranks_;
  std::deque<Entry> reads_, writes_, active_;
  std::optional<Entry> second_;
  Cycle second_deadline_ = 0;
  std::pair<std::deque<Entry>*, std::size_t> clocked_{nullptr, 0};  // its CAS was the last command
  std::vector<std::deque<Entry>> bank_queues_;
  std::size_t draining_ = 0;
  std::uint32_t turn_ = 0;
  std::optional<std::pair<std::uint32_t, std::size_t>> clocked_of_bank_;
  bool no_more_ = false;
  bool writing_ = false;
  std::deque<std::uint32_t> due_;  // refreshes: the bank, or the first one of the rank
  std::uint32_t refreshes_ = 0;    // that have been due
  Cycle next_refresh_ = 0;
  Cycle now_ = 0;
  Cycle row_bus_free_ = 0;
  Cycle group_activate_[16], group_read_[16], group_write_[16];
  OracleResult result_;

 public:
  void init() {
    std::fill(std::begin(group_activate_), std::end(group_activate_), never);
    std::fill(std::begin(group_read_), std::end(group_read_), never);
    std::fill(std::begin(group_write_), std::end(group_write_), never);
  }
};

}  // namespace

OracleResult dram_oracle(const DramDevice& device, std::span<const Request> requests) {
  Oracle oracle(device);
  oracle.init();
  return oracle.run(requests);
}

}  // namespace spillway::tests
