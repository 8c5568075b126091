// The choice of the next command, and its cycle.
#include "models/dram/controllers/row_hits_first.hpp"

namespace spillway::models::dram {

void RowHitsFirst::find_next_active(Cycle from) {
  Key best = no_key;
  for (std::uint64_t banks = active_banks_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    best = std::min(best, key_of(active_column_time(b), from, lane_key(active_[b].entry)));
  }
  next_active_ = next_of(best, from);
}

Next RowHitsFirst::best_column(Cycle from) const {
  if (column_lanes_ == 0) return {};
  const Cycle all = std::max(from, column_all_[writing_]);
  const auto& group = column_group_[writing_];
  const auto time_of = [&](std::uint32_t b) {
    return std::max(std::max(banks_[b].column[writing_], all), group[banks_[b].group]);
  };
  // Mostly it is the oldest burst of all, as early as any can be.
  const Queue& queue = queues_[writing_];
  const std::uint32_t first = queue.entries[queue.head].bank;
  if ((column_lanes_ >> first & 1) != 0 && queue.first_hit[first] == queue.head &&
      time_of(first) == all) {
    return {all, lane_key(queue.entries[queue.head])};
  }
  Key best = no_key;
  for (std::uint64_t banks = column_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    best = std::min(best, key_of(time_of(b), from, column_key_[b]));
  }
  return next_of(best, from);
}

void RowHitsFirst::find_next_precharge(Cycle from) {
  Key best = no_key;
  for (std::uint64_t banks = precharge_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    best = std::min(best, key_of(precharge_time(b), from, row_key_[b]));
  }
  next_row_[0] = next_of(best, from);
}

void RowHitsFirst::find_next_activate(Cycle from) {
  const Cycle early = Cycle{timing_.activate_cycles} - 1;
  const Cycle counted = std::max(from + early, activate_all_);
  Key best = no_key;
  for (std::uint64_t banks = activate_lanes_; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    const Cycle time = std::max(banks_[b].activate, activate_group_[banks_[b].group]);
    best = std::min(best, key_of(time, counted, row_key_[b]));
  }
  next_row_[1] = next_of(best, counted);
  if (best != no_key) next_row_[1].time -= early;
}

// The best of the queue's row commands.
const Next& RowHitsFirst::best_row(Cycle from) {
  Next& precharge = next_row_[0];
  Next& activate = next_row_[1];
  if (std::min(precharge.time, activate.time) < from) {
    if (precharge.time < from) find_next_precharge(from);
    if (activate.time < from) find_next_activate(from);
  }
  // While an ACT-2 is to come, no other bank is activated.
  return next_row_[second_bank_ == none && activate.before(precharge)];
}

std::pair<Cycle, Command> RowHitsFirst::refresh_candidate() const {
  if (!all_bank()) {
    const Bank& bank = banks_[refresh_bank()];
    if (!bank.open) return {bank.refresh, Command::refresh_bank};
    if (bank.active || bank.second_pending) return {forever, Command::precharge};
    return {precharge_time(refresh_bank()), Command::precharge};
  }
  if (ranks_[refresh_rank()].open_banks == 0) return {refresh_all_time(), Command::refresh_all};
  const std::uint64_t banks = rank_banks(refresh_rank());
  if ((active_banks_ & banks) != 0 || (second_bank_ != none && (banks >> second_bank_ & 1) != 0)) {
    return {forever, Command::precharge_all};
  }
  Cycle time = precharge_rank_[refresh_rank()];
  for (std::uint64_t left = banks; left != 0; left &= left - 1) {
    time = std::max(time, banks_[std::countr_zero(left)].precharge);
  }
  return {time, Command::precharge_all};
}

// Decide the next cycle, or find that nothing goes out up to `limit`.
void RowHitsFirst::step(Cycle limit) {
  if (find_due_refreshes(position_)) [[unlikely]] {
    nothing_before_ = 0;
    find_lane(refresh_bank());
  }
  const Cycle horizon = std::min(limit, next_refresh_ - 1);
  if (nothing_before_ > horizon ||
      !(timing_.split_command_bus ? step_split(horizon) : step_single(horizon))) {
    position_ = horizon + 1;
    column_done_ = false;
  }
}

[[gnu::flatten]] bool RowHitsFirst::step_single(Cycle limit) {
  if (clocked_bank_ != none) [[unlikely]] {
    if (position_ > limit) return false;
    issue_clocked(position_);
    return true;
  }
  if (second_bank_ != none && position_ >= second_deadline_) [[unlikely]] {
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
  const Cycle active_time = std::max(next_active_.time, position_);
  if (active_time == position_) {
    issue_active(position_);
    return true;
  }
  std::pair<Cycle, Command> refresh{forever, Command::refresh_all};
  Next column, row;
  if (refresh_due_ > 0) [[unlikely]]
    refresh = refresh_candidate();
  // The direction is looked at only when the queues have their turn.
  if (refresh_due_ == 0 || (!all_bank() && refresh.first > position_)) {
    set_mode();
    column = best_column(position_);
    row = best_row(position_);
  }
  const Cycle queue_time = std::min(column.time, row.time);
  const Cycle time =
      std::max(position_, std::min(std::min(active_time, refresh.first), queue_time));
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
  } else if (refresh.first <= time) [[unlikely]] {
    issue_refresh(refresh.second, time);
  } else if (column.before(row)) {
    issue_column(bank_of(column.key), time);
  } else {
    issue_row(bank_of(row.key), time);
  }
  return true;
}

// Most of a stream: nothing but bursts of open rows, and the oldest one is as early as any can be.
std::optional<bool> RowHitsFirst::step_hits(Cycle limit) {
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

[[gnu::flatten]] bool RowHitsFirst::step_split(Cycle limit) {
  // In a cycle the slot for columns comes before that for rows.
  const Cycle column_from = column_done_ ? position_ + 1 : position_;
  const Cycle row_from = std::max(position_, row_bus_free_);
  const Cycle active_time = std::max(next_active_.time, column_from);
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
  Next column, row;
  if (!queues_wait && (!column_done_ || refresh.first > position_)) {
    set_mode();
    column = best_column(column_from);
    row = best_row(row_from);
  }
  const Cycle first_column = std::min(active_time, column.time);
  const Cycle first_row = std::min(refresh.first, row.time);
  const Cycle time = std::min(first_column, first_row);
  nothing_before_ = time;
  if (time > limit) return false;
  if (first_column <= first_row) {
    if (active_time <= column.time) {
      issue_active(time);
    } else {
      issue_column(bank_of(column.key), time);
    }
  } else if (refresh.first <= row.time) {
    issue_refresh(refresh.second, time);
  } else {
    issue_row(bank_of(row.key), time);
  }
  return true;
}

}  // namespace spillway::models::dram
