// The oracle's scheduler `bank_queues`: a queue for each bank, and the banks take turns.
#include "tests/support/dram_oracle_channel.hpp"

namespace spillway::tests {

using namespace models::dram;

namespace {

class BankQueuesOracle final : public OracleChannel {
 public:
  explicit BankQueuesOracle(const DramDevice& device)
      : OracleChannel(device), bank_queues_(device.geometry.banks()) {}

 private:
  enum class Kind { nothing, column, row };

  void cycle() override {
    move_transaction();
    command_cycle();
  }

  bool waits_inside() const override {
    return std::any_of(bank_queues_.begin(), bank_queues_.end(),
                       [](const auto& queue) { return !queue.empty(); });
  }
  bool is_in_use(std::uint32_t) const override { return false; }

  void move_transaction() {
    const Controller& c = device_.controller;
    if (draining_ == 0) {
      const bool few = no_more_ && reads_.empty();
      if (writes_.size() > c.write_high ||
          (!waits_inside() && (writes_.size() > c.write_low || few))) {
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

  void command_cycle() {
    count_refreshes();
    if (clocked_) {
      give(clocked_->first, clocked_->second);
      clocked_.reset();
      return;
    }
    if (second_ && now_ >= second_deadline_) {
      second_done();
      return;
    }
    const bool row_bus = now_ >= row_bus_free_;
    if (t_.split_command_bus) {
      const Kind first = slot(true, row_bus);
      if (!waiting() && no_more_) return;
      if (first == Kind::column && row_bus) slot(false, true);
      if (first == Kind::row) slot(true, false);
    } else if (row_bus && slot(true, true) == Kind::nothing && second_) {
      second_done();
    }
  }

  Kind slot(bool columns, bool rows) {
    if (rows && !due_.empty() && refresh_step_by_banks()) return Kind::row;
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
      clocked_ = {b, *i};
      return Kind::column;
    }
    return Kind::nothing;
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

  Kind give(std::uint32_t b, std::size_t i) {
    const Entry entry = bank_queues_[b][i];
    const Command command = needed(entry);
    if (is_column(command)) {
      ++banks_[b].served;
      bank_queues_[b].erase(bank_queues_[b].begin() + static_cast<std::ptrdiff_t>(i));
    }
    perform(command, entry, is_column(command) && closes_row(entry));
    if (command == Command::activate) awaits_second(entry);
    return is_column(command) ? Kind::column : Kind::row;
  }

  // With closed pages, the last burst of a row that anybody in the bank's queue waits for closes
  // it. The burst itself has left the queue.
  bool closes_row(const Entry& entry) const {
    if (device_.controller.page == PagePolicy::open) return false;
    const std::deque<Entry>& queue = bank_queues_[entry.bank];
    return std::none_of(queue.begin(), queue.end(),
                        [&](const Entry& other) { return other.row == entry.row; });
  }

  bool refreshing(std::uint32_t bank) const {
    return !due_.empty() && (per_bank() ? bank == due() : rank(bank) == rank(due()));
  }

  bool refresh_step_by_banks() {
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

  std::vector<std::deque<Entry>> bank_queues_;
  std::size_t draining_ = 0;
  std::uint32_t turn_ = 0;
  std::optional<std::pair<std::uint32_t, std::size_t>> clocked_;  // its CAS was the last command
};

}  // namespace

std::unique_ptr<OracleChannel> bank_queues_oracle(const DramDevice& device) {
  return std::make_unique<BankQueuesOracle>(device);
}

}  // namespace spillway::tests
