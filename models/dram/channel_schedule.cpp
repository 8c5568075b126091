// What goes out next, and when.
#include "models/dram/channel_implementation.hpp"

namespace spillway::models::dram {

Cycle Channel::Implementation::active_column_time(std::uint32_t b) const {
  const bool is_write = active_[b].is_write;
  return std::max(std::max(banks_[b].column[is_write], column_all_[is_write]),
                  column_group_[is_write][banks_[b].group]);
}

// The oldest of the active bursts that may go out in cycle `at`.
std::uint32_t Channel::Implementation::oldest_active(Cycle at) const {
  Key best = no_key;
  for (std::uint64_t banks = active_banks_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    if (active_column_time(b) <= at) best = std::min(best, lane_key(active_[b].entry));
  }
  return bank_of(best);
}

void Channel::Implementation::find_active_time() {
  active_time_ = forever;
  for (std::uint64_t banks = active_banks_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    active_time_ = std::min(active_time_, active_column_time(b));
  }
}

Key Channel::Implementation::best_column(Cycle from) const {
  Key best = no_key;
  const Cycle all = column_all_[writing_];
  const auto& group = column_group_[writing_];
  for (std::uint64_t banks = column_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    const Cycle time = std::max({banks_[b].column[writing_], all, group[banks_[b].group]});
    best = std::min(best, key_of(time, from, column_key_[b]));
  }
  return best;
}

Key Channel::Implementation::best_precharge(Cycle from) const {
  Key best = no_key;
  for (std::uint64_t banks = precharge_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    const Cycle time = std::max(banks_[b].precharge, precharge_all_);
    best = std::min(best, key_of(time, from, row_key_[b]));
  }
  return best;
}

Key Channel::Implementation::best_activate(Cycle from) const {
  Key best = no_key;
  // An ACT counts from its last cycle and begins before.
  const Cycle early = timing_.activate_cycles - 1;
  for (std::uint64_t banks = activate_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    const Cycle time =
        std::max({banks_[b].activate, activate_all_, activate_group_[banks_[b].group]}) - early;
    best = std::min(best, key_of(time, from, row_key_[b]));
  }
  return best;
}

// The best of the queue's row commands, if one could be as early as `bound`.
Key Channel::Implementation::best_row(Cycle from, Cycle bound) {
  Key best = no_key;
  if (precharge_lanes_ != 0 && std::max(from, precharge_bound_) <= bound) {
    best = best_precharge(from);
    precharge_bound_ = time_of(best, from);
    bound = std::min(bound, precharge_bound_);
  }
  if (activate_lanes_ == 0 || second_bank_ != none) return best;
  const Cycle early = timing_.activate_cycles - 1;
  if (std::max({from, activate_bound_, activate_all_ - early}) <= bound) {
    const Key activate = best_activate(from);
    activate_bound_ = time_of(activate, from);
    best = std::min(best, activate);
  }
  return best;
}

std::pair<Cycle, Command> Channel::Implementation::refresh_candidate() const {
  if (!all_bank()) {
    const Bank& bank = banks_[refresh_bank_];
    if (!bank.open) return {bank.refresh, Command::refresh_bank};
    if (bank.active || bank.second_pending) return {forever, Command::precharge};
    return {std::max(bank.precharge, precharge_all_), Command::precharge};
  }
  Cycle time = never;
  if (open_banks_ == 0) {
    for (const Bank& bank : banks_) time = std::max(time, bank.refresh);
    return {time, Command::refresh_all};
  }
  if (active_count_ > 0 || second_bank_ != none) return {forever, Command::precharge_all};
  time = precharge_all_;
  for (const Bank& bank : banks_) time = std::max(time, bank.precharge);
  return {time, Command::precharge_all};
}

// Decide the next cycle, or find that nothing goes out up to `limit`.
void Channel::Implementation::step(Cycle limit) {
  while (position_ >= next_refresh_) {
    ++refresh_due_;
    next_refresh_ += refresh_interval_;
    nothing_before_ = 0;
    find_lane(refresh_bank_);
  }
  const Cycle horizon = std::min(limit, next_refresh_ - 1);
  if (nothing_before_ > horizon ||
      !(timing_.split_command_bus ? step_split(horizon) : step_single(horizon))) {
    position_ = horizon + 1;
    column_done_ = false;
  }
}

bool Channel::Implementation::step_single(Cycle limit) {
  if (clocked_bank_ != none) {
    if (position_ > limit) return false;
    issue_clocked(position_);
    return true;
  }
  if (second_bank_ != none && position_ >= second_deadline_) {
    if (position_ > limit) return false;
    issue_second(position_);
    return true;
  }
  if (row_bus_free_ > position_) {
    position_ = row_bus_free_;
    if (position_ > limit) return false;
  }
  if (active_count_ == 0 && refresh_due_ == 0 && second_bank_ == none) {
    set_mode();
    if (const std::optional<bool> issued = step_hits(limit)) return *issued;
  }
  const Cycle active_time = std::max(active_time_, position_);
  if (active_time == position_) {
    issue_active(position_);
    return true;
  }
  std::pair<Cycle, Command> refresh{forever, Command::refresh_all};
  Key column = no_key, row = no_key;
  if (refresh_due_ > 0) refresh = refresh_candidate();
  // The direction is looked at only when the queues have their turn.
  if (refresh_due_ == 0 || (!all_bank() && refresh.first > position_)) {
    set_mode();
    column = best_column(position_);
    row = best_row(position_, std::min({active_time, refresh.first, time_of(column, position_)}));
  }
  const Cycle queue_time = time_of(std::min(column, row), position_);
  const Cycle time = std::max(position_, std::min({active_time, refresh.first, queue_time}));
  if (second_bank_ != none && time > position_) {
    // ACT-2 takes the first cycle that nothing else wants.
    if (position_ > limit) return false;
    issue_second(position_);
    return true;
  }
  nothing_before_ = time;
  if (time > limit) return false;
  if (active_time <= time) {
    issue_active(time);
  } else if (refresh.first <= time) {
    issue_refresh(refresh.second, time);
  } else if (column < row) {
    issue_column(bank_of(column), time);
  } else {
    issue_row(bank_of(row), time);
  }
  return true;
}

// Most of a stream: nothing but bursts of open rows, and the oldest one is as early as any can be.
std::optional<bool> Channel::Implementation::step_hits(Cycle limit) {
  const Queue& queue = queues_[writing_];
  if ((activate_lanes_ | precharge_lanes_) != 0 || queue.head == none) return std::nullopt;
  const Entry& oldest = queue.entries[queue.head];
  const Bank& bank = banks_[oldest.bank];
  const Cycle all = std::max(position_, column_all_[writing_]);
  const Cycle time = std::max({all, bank.column[writing_], column_group_[writing_][bank.group]});
  if (time != all && (column_lanes_ & (column_lanes_ - 1)) != 0) return std::nullopt;
  nothing_before_ = time;
  if (time > limit) return false;
  issue_column(oldest.bank, time);
  return true;
}

bool Channel::Implementation::step_split(Cycle limit) {
  // In a cycle the slot for columns comes before that for rows.
  const Cycle column_from = column_done_ ? position_ + 1 : position_;
  const Cycle row_from = std::max(position_, row_bus_free_);
  const Cycle active_time = std::max(active_time_, column_from);
  const bool queues_wait = refresh_due_ > 0 && all_bank();
  if (active_time == position_ && !queues_wait) {
    if (position_ > limit) return false;
    issue_active(position_);
    return true;
  }
  std::pair<Cycle, Command> refresh{forever, Command::refresh_all};
  if (refresh_due_ > 0) {
    refresh = refresh_candidate();
    refresh.first = std::max(refresh.first, row_from);
  }
  Key column = no_key, row = no_key;
  if (!queues_wait && (!column_done_ || refresh.first > position_)) {
    set_mode();
    column = best_column(column_from);
    row = best_row(row_from, std::min({active_time, refresh.first, time_of(column, column_from)}));
  }
  const Cycle column_time = time_of(column, column_from);
  const Cycle row_time = time_of(row, row_from);
  const Cycle first_column = std::min(active_time, column_time);
  const Cycle first_row = std::min(refresh.first, row_time);
  const Cycle time = std::min(first_column, first_row);
  nothing_before_ = time;
  if (time > limit) return false;
  if (first_column <= first_row) {
    if (active_time <= column_time) {
      issue_active(time);
    } else {
      issue_column(bank_of(column), time);
    }
  } else if (refresh.first <= row_time) {
    issue_refresh(refresh.second, time);
  } else {
    issue_row(bank_of(row), time);
  }
  return true;
}

}  // namespace spillway::models::dram
