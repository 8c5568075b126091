// What each command does to the channel.
#include "models/dram/channel_implementation.hpp"

namespace spillway::models::dram {

bool Channel::Implementation::waits_for_clock(std::uint32_t b, bool active, Cycle at) {
  if (timing_.data_clock_postamble == 0 || at < data_clock_until_) return false;
  if (second_bank_ != none && second_deadline_ <= at + 1) {
    issue_second(at);
    return true;
  }
  tell(at, Command::data_clock);
  clocked_bank_ = static_cast<std::int32_t>(b);
  clocked_active_ = active;
  advance(at, true);
  return true;
}

void Channel::Implementation::issue_clocked(Cycle at) {
  const auto b = static_cast<std::uint32_t>(std::exchange(clocked_bank_, none));
  if (clocked_active_) {
    serve_active(b, at);
  } else {
    serve_column(b, at);
  }
}

void Channel::Implementation::issue_active(Cycle at) {
  if (next_active_.time < at) find_next_active(at);
  const std::uint32_t b = bank_of(next_active_.key);
  if (!waits_for_clock(b, true, at)) serve_active(b, at);
}

void Channel::Implementation::issue_column(std::uint32_t b, Cycle at) {
  if (!waits_for_clock(b, false, at)) serve_column(b, at);
}

void Channel::Implementation::serve_active(std::uint32_t b, Cycle at) {
  active_banks_ &= ~(std::uint64_t{1} << b);
  --active_count_;
  banks_[b].active = false;
  column(active_[b].entry, active_[b].is_write, true, at);
  find_lane(b);
}

void Channel::Implementation::serve_column(std::uint32_t b, Cycle at) {
  Queue& queue = queues_[writing_];
  last_departure_ = at;
  column(remove(queue, queue.first_hit[b]), writing_, false, at);
  find_lane(b);
}

// With closed pages, the last burst of a row that anybody waits for closes it.
bool Channel::Implementation::closes_row(std::uint32_t b) {
  if (device_.controller.page == PagePolicy::open || banks_[b].active) return false;
  find_unknown_hits(queues_[!writing_]);
  return queues_[0].first_hit[b] == none && queues_[1].first_hit[b] == none;
}

void Channel::Implementation::column(const Entry& entry, bool is_write, bool activated, Cycle at) {
  Bank& bank = banks_[entry.bank];
  const bool closes = closes_row(entry.bank);
  tell(at, is_write ? Command::write : Command::read, entry.bank, entry.row,
       static_cast<std::uint32_t>(column_field_.of(entry.number << burst_shift_)), closes);
  note_column(entry.bank, is_write, at);
  const Cycle data_start = at + (is_write ? timing_.write_latency : timing_.read_latency);
  const Cycle done = is_write ? at : data_start + timing_.burst;
  statistics_.finish = std::max(statistics_.finish, static_cast<std::uint64_t>(done));
  ++(is_write ? statistics_.writes : statistics_.reads);
  if (!is_write) {
    statistics_.read_latency_sum += static_cast<std::uint64_t>(done - entry.arrival);
    --outstanding_[entry.requester];
    reads_done_[entry.requester] = std::max(reads_done_[entry.requester], done);
  }
  if (timing_.data_clock_postamble > 0) {
    data_clock_until_ =
        std::max(data_clock_until_, data_start + timing_.burst + timing_.data_clock_postamble);
  }
  if (data_start > bus_free_) account(entry, is_write, activated, data_start);
  bus_free_ = data_start + timing_.burst;
  last_was_write_ = is_write;
  statistics_.busy += timing_.burst;
  if (closes) close(bank, bank.precharge);
  find_next_active(at);
  advance(at, true);
}

// What a column command of a bank at a cycle keeps others from.
void Channel::Implementation::note_column(std::uint32_t b, bool is_write, Cycle at) {
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

// Why the bus stood still from `bus_free_` on: what the burst that ended it had waited for.
void Channel::Implementation::account(const Entry& entry, bool is_write, bool activated,
                                      Cycle data_start) {
  const Cycle latency = is_write ? timing_.write_latency : timing_.read_latency;
  Cycle gap = data_start - bus_free_;
  const auto take = [&gap](std::uint64_t& account_of, Cycle most) {
    const Cycle part = std::clamp<Cycle>(most, 0, gap);
    account_of += static_cast<std::uint64_t>(part);
    gap -= part;
  };
  // No command goes out before the cycle after the arrival.
  take(statistics_.idle, entry.arrival + 1 + latency - bus_free_);
  Bank& bank = banks_[entry.bank];
  if (refreshed_since_data_ || (activated && bank.refreshed)) take(statistics_.lost_refresh, gap);
  refreshed_since_data_ = bank.refreshed = false;
  if (is_write != last_was_write_ && statistics_.bursts() > 1) {
    const Cycle apart = is_write ? Cycle{timing_.read_to_write} + timing_.write_latency -
                                       timing_.read_latency - timing_.burst
                                 : Cycle{timing_.write_to_read(false)} + timing_.read_latency -
                                       timing_.write_latency - timing_.burst;
    take(statistics_.lost_turnaround, apart);
  }
  if (activated) take(statistics_.lost_row, gap);
  take(statistics_.lost_spacing, gap);
}

void Channel::Implementation::issue_row(std::uint32_t b, Cycle at) {
  Bank& bank = banks_[b];
  if (bank.open) {
    tell(at, Command::precharge, b);
    ++statistics_.precharges;
    precharge_all_ = at + timing_.precharge_interval;
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

void Channel::Implementation::activate(std::uint32_t b, Cycle at) {
  Bank& bank = banks_[b];
  Queue& queue = queues_[writing_];
  last_departure_ = at;
  active_[b] = {remove(queue, queue.bank_head[b]), writing_};
  const std::uint32_t row = active_[b].entry.row;
  tell(at, Command::activate, b, row);
  ++statistics_.activates;
  if (open_banks_++ == 0) {
    statistics_.all_closed += static_cast<std::uint64_t>(std::max<Cycle>(at - closed_since_, 0));
  }
  const Cycle counted = at + timing_.activate_cycles - 1;
  bank.open = true;
  bank.row = row;
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
  find_first_hit(queue, b, queue.bank_head[b]);
  queues_[!writing_].unknown_hits |= std::uint64_t{1} << b;
  if (timing_.activate_second > 0) {
    second_bank_ = static_cast<std::int32_t>(b);
    second_deadline_ = at + timing_.activate_second;
    bank.second_pending = true;
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

void Channel::Implementation::issue_second(Cycle at) {
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

void Channel::Implementation::close(Bank& bank, Cycle at) {
  bank.open = false;
  bank.activate = std::max(bank.activate, at + timing_.precharge);
  bank.refresh = std::max(bank.refresh, at + timing_.precharge);
  const auto b = static_cast<std::uint32_t>(&bank - banks_.data());
  for (Queue& queue : queues_) queue.first_hit[b] = none;
  queues_[!writing_].unknown_hits &= ~(std::uint64_t{1} << b);
  if (--open_banks_ == 0) closed_since_ = at;
}

void Channel::Implementation::issue_refresh(Command command, Cycle at) {
  tell(at, command, refresh_bank_);
  if (command == Command::precharge) {
    ++statistics_.precharges;
    precharge_all_ = at + timing_.precharge_interval;
    close(banks_[refresh_bank_], at);
  } else if (command == Command::precharge_all) {
    ++statistics_.precharges;
    precharge_all_ = at + timing_.precharge_interval;
    activate_all_ = std::max(activate_all_, at + timing_.precharge_all);
    for (Bank& bank : banks()) {
      if (bank.open) close(bank, at);
      bank.refresh = std::max(bank.refresh, at + timing_.precharge_all);
    }
  } else if (command == Command::refresh_all) {
    ++statistics_.refreshes;
    --refresh_due_;
    activate_all_ = std::max(activate_all_, at + timing_.refresh);
    for (Bank& bank : banks()) bank.refresh = std::max(bank.refresh, at + timing_.refresh);
    refreshed_since_data_ = true;
  } else {
    ++statistics_.bank_refreshes;
    --refresh_due_;
    Bank& bank = banks_[refresh_bank_];
    bank.activate = std::max(bank.activate, at + timing_.refresh_bank);
    // The banks are refreshed one after the other.
    for (Bank& each : banks()) each.refresh = std::max(each.refresh, at + timing_.refresh_bank);
    activate_all_ = std::max(activate_all_, at + timing_.refresh_bank_to_activate);
    bank.refreshed = true;
    refresh_bank_ = (refresh_bank_ + 1) % bank_count_;
  }
  rebuild_lanes();
  advance(at, false);
}

}  // namespace spillway::models::dram
