// The effect of each command on the channel.
#include "models/dram/controllers/row_hits_first.hpp"

namespace spillway::models::dram {

bool RowHitsFirst::waits_for_clock(std::uint32_t b, bool active, Cycle at) {
  if (data_clock_runs(banks_[b].rank, at)) [[likely]]
    return false;
  if (second_bank_ != none && second_deadline_ <= at + 1) {
    issue_second(at);
    return true;
  }
  tell(at, Command::data_clock, first_bank(banks_[b].rank));
  clocked_bank_ = static_cast<std::int32_t>(b);
  clocked_active_ = active;
  advance(at, true);
  return true;
}

void RowHitsFirst::issue_clocked(Cycle at) {
  const auto b = static_cast<std::uint32_t>(std::exchange(clocked_bank_, none));
  if (clocked_active_) {
    serve_active(b, at);
  } else {
    serve_column(b, at);
  }
}

void RowHitsFirst::issue_active(Cycle at) {
  if (next_active_.time < at) find_next_active(at);
  const std::uint32_t b = bank_of(next_active_.key);
  if (!waits_for_clock(b, true, at)) serve_active(b, at);
}

void RowHitsFirst::issue_column(std::uint32_t b, Cycle at) {
  if (!waits_for_clock(b, false, at)) serve_column(b, at);
}

void RowHitsFirst::serve_active(std::uint32_t b, Cycle at) {
  active_banks_ &= ~(std::uint64_t{1} << b);
  --active_count_;
  banks_[b].active = false;
  column(active_[b].entry, active_[b].is_write, true, at);
  find_lane(b);
}

void RowHitsFirst::serve_column(std::uint32_t b, Cycle at) {
  Queue& queue = queues_[writing_];
  last_departure_ = at;
  column(remove(queue, queue.first_hit[b]), writing_, false, at);
  find_lane(b);
}

// With closed pages, the last burst of a row that anybody waits for closes it.
bool RowHitsFirst::closes_row(std::uint32_t b) {
  if (device_.controller.page == PagePolicy::open || banks_[b].active) return false;
  find_unknown_hits(queues_[!writing_]);
  return queues_[0].first_hit[b] == none && queues_[1].first_hit[b] == none;
}

void RowHitsFirst::column(const Entry& entry, bool is_write, bool activated, Cycle at) {
  Bank& bank = banks_[entry.bank];
  const bool closes = closes_row(entry.bank);
  tell(at, is_write ? Command::write : Command::read, entry.bank, entry.row,
       static_cast<std::uint32_t>(column_field_.of(entry.number << burst_shift_)), closes);
  note_burst({entry.arrival, entry.bank, entry.requester, is_write, activated}, at);
  if (closes) close(bank, bank.precharge);
  find_next_active(at);
  advance(at, true);
}

void RowHitsFirst::issue_row(std::uint32_t b, Cycle at) {
  Bank& bank = banks_[b];
  if (bank.open) {
    tell(at, Command::precharge, b);
    note_precharge(bank.rank, at);
    close(bank, at);
    // The burst that wanted it wants an activation now.
    const std::uint64_t bit = std::uint64_t{1} << b;
    column_lanes_ &= ~bit;
    precharge_lanes_ &= ~bit;
    find_next_precharge(at + 1);
    activate_lanes_ |= bit;
    next_row_[1].add({activate_time(b), row_key_[b]});
    advance(at, false);
    return;
  }
  activate(b, at);
}

void RowHitsFirst::activate(std::uint32_t b, Cycle at) {
  Bank& bank = banks_[b];
  Queue& queue = queues_[writing_];
  last_departure_ = at;
  active_[b] = {remove(queue, queue.bank_head[b]), writing_};
  const std::uint32_t row = active_[b].entry.row;
  tell(at, Command::activate, b, row);
  note_activate(b, row, at);
  find_first_hit(queue, b, queue.bank_head[b]);
  queues_[!writing_].unknown_hits |= std::uint64_t{1} << b;
  if (timing_.activate_second > 0) {
    begin_second(b, at);
  } else {
    bank.active = true;
    active_banks_ |= std::uint64_t{1} << b;
    ++active_count_;
    next_active_.add({active_column_time(b), lane_key(active_[b].entry)});
  }
  find_lane(b);
  find_next_activate(row_bus_free_);
  advance(at, false);
}

void RowHitsFirst::issue_second(Cycle at) {
  const auto b = static_cast<std::uint32_t>(second_bank_);
  tell(at, Command::activate_second, b, banks_[b].row);
  banks_[b].second_pending = false;
  banks_[b].active = true;
  active_banks_ |= std::uint64_t{1} << b;
  ++active_count_;
  next_active_.add({active_column_time(b), lane_key(active_[b].entry)});
  second_bank_ = none;
  find_lane(b);
  advance(at, false);
}

void RowHitsFirst::close(Bank& bank, Cycle at) {
  note_close(bank, at);
  const auto b = static_cast<std::uint32_t>(&bank - banks_.data());
  for (Queue& queue : queues_) queue.first_hit[b] = none;
  queues_[!writing_].unknown_hits &= ~(std::uint64_t{1} << b);
}

void RowHitsFirst::issue_refresh(Command command, Cycle at) {
  const std::uint32_t rank = refresh_rank();
  tell(at, command, all_bank() ? first_bank(rank) : refresh_bank());
  if (command == Command::precharge) {
    note_precharge(rank, at);
    close(banks_[refresh_bank()], at);
  } else if (command == Command::precharge_all) {
    note_precharge(rank, at);
    hold_activates(rank, at + timing_.precharge_all);
    for (Bank& bank : banks_of(rank)) {
      if (bank.open) close(bank, at);
      bank.refresh = std::max(bank.refresh, at + timing_.precharge_all);
    }
  } else {
    note_refresh(command, at);
  }
  rebuild_lanes();
  advance(at, false);
}

}  // namespace spillway::models::dram
