// The oracle's scheduler `row_hits_first`: the oldest burst that can go on, one direction at a
// time.
#include "tests/support/dram_oracle_channel.hpp"

namespace spillway::tests {

using namespace models::dram;

namespace {

class RowHitsFirstOracle final : public OracleChannel {
 public:
  using OracleChannel::OracleChannel;

 private:
  void cycle() override {
    count_refreshes();
    const auto any = [](Command) { return true; };
    if (t_.split_command_bus) {
      slot(is_column, true, false);
      if (!waiting() && no_more_) return;
      slot([](Command c) { return !is_column(c); }, false, true);
      return;
    }
    if (second_ && now_ >= second_deadline_) {
      give_second();
      return;
    }
    if (clocked_.first != nullptr) {
      serve(*clocked_.first, clocked_.second);
      clocked_.first = nullptr;
      return;
    }
    if (now_ < row_bus_free_) return;
    if (!slot(any, true, true) && second_) give_second();
  }

  bool waits_inside() const override { return !active_.empty(); }
  bool is_in_use(std::uint32_t bank) const override {
    return std::any_of(active_.begin(), active_.end(),
                       [&](const Entry& e) { return e.bank == bank; });
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

  void set_mode() {
    const Controller& c = device_.controller;
    if (!writing_) {
      writing_ = writes_.size() > c.write_high || reads_.empty();
    } else {
      writing_ = !(writes_.size() < c.write_low && !reads_.empty());
    }
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
        if (is_in_use(queue[i].bank) || banks_[queue[i].bank].second_pending) continue;
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

  // As `serve`, with the CAS that may have to go before a column command.
  void serve_with_clock(std::deque<Entry>& queue, std::size_t i) {
    if (!is_column(needed(queue[i])) || clock_runs(queue[i].bank)) {
      serve(queue, i);
    } else if (second_ && second_deadline_ <= now_ + 1) {
      give_second();
    } else {
      issue(Command::data_clock, queue[i]);
      clocked_ = {&queue, i};
    }
  }

  // Give the command that entry `i` of the queue needs.
  void serve(std::deque<Entry>& queue, std::size_t i) {
    const Entry entry = queue[i];
    const Command command = needed(entry);
    if (command != Command::precharge) queue.erase(queue.begin() + static_cast<std::ptrdiff_t>(i));
    perform(command, entry, is_column(command) && closes_row(entry));
    if (command == Command::activate && !awaits_second(entry)) active_.push_back(entry);
  }

  void give_second() { active_.push_back(second_done()); }

  // With closed pages, the last burst of a row that anybody waits for closes it. The burst itself
  // has left its queue.
  bool closes_row(const Entry& entry) const {
    if (device_.controller.page == PagePolicy::open || is_in_use(entry.bank)) return false;
    for (const std::deque<Entry>* queue : {&reads_, &writes_}) {
      const std::size_t window = std::min<std::size_t>(queue->size(), device_.controller.window);
      for (std::size_t i = 0; i < window; ++i) {
        if ((*queue)[i].bank == entry.bank && (*queue)[i].row == entry.row) return false;
      }
    }
    return true;
  }

  std::deque<Entry> active_;  // whose rows are opened for them
  bool writing_ = false;
  std::pair<std::deque<Entry>*, std::size_t> clocked_{nullptr, 0};  // its CAS was the last command
};

}  // namespace

std::unique_ptr<OracleChannel> row_hits_first_oracle(const DramDevice& device) {
  return std::make_unique<RowHitsFirstOracle>(device);
}

}  // namespace spillway::tests
