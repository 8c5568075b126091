#include "models/dram/controllers/bank_queues.hpp"

namespace spillway::models::dram {

BankQueues::BankQueues(const DramDevice& device) : ChannelController(device, false) {
  // In a round the banks are never without anything to do.
  may_stream_ = stream_banks_ > 0 && device.controller.page == PagePolicy::open &&
                device.controller.bank_queue >= 2;
  BankQueues::reset();
}

void BankQueues::reset() {
  reset_channel();
  const Controller& controller = device_.controller;
  for (const bool is_write : {false, true}) {
    TransactionQueue& queue = transactions_[is_write];
    queue = {};
    queue.capacity = is_write ? controller.write_queue : controller.read_queue;
    for (std::uint32_t i = 0; i < queue.capacity; ++i) {
      queue.unused[i] = static_cast<std::int16_t>(queue.capacity - 1 - i);
    }
  }
  writes_to_move_ = 0;
  may_move_ = nothing_follows_ = false;
  move_cycle_ = 0;
  last_move_ = never;
  queues_.fill({});
  waiting_ = 0;
  busy_banks_ = full_banks_ = 0;
  turn_ = 0;
  for (Lanes& lanes : lanes_) {
    lanes.first.fill(forever);
    lanes.own.fill(forever);
  }
  nothing_before_ = 0;
  patience_ = 0;
  column_done_ = row_done_ = false;
  clocked_bank_ = none;
}

std::uint64_t BankQueues::submit(const Request& request) {
  const TransactionQueue& queue = transactions_[request.is_write];
  Cycle accepted = std::max(next_arrival_, static_cast<Cycle>(request.earliest_cycle));
  nothing_follows_ = false;
  if (queue.size == queue.capacity) {
    do {
      step(no_limit);
    } while (queue.size == queue.capacity);
    accepted = std::max(accepted, last_move_ + 1);
  }
  run(accepted);
  next_arrival_ = accepted + 1;
  if (!request.is_write) ++outstanding_[request.requester];
  insert(request, accepted);
  return static_cast<std::uint64_t>(accepted);
}

std::uint64_t BankQueues::submit_run(const Request& first, std::uint64_t bursts) {
  return submit_all(*this, first, bursts);
}

std::uint64_t BankQueues::drain() {
  nothing_follows_ = may_move_ = true;
  while (waiting_ + transactions_[0].size + transactions_[1].size > 0 || second_bank_ != none) {
    step(no_limit);
  }
  return statistics_.finish;
}

// ---- transactions

void BankQueues::insert(const Request& request, Cycle arrival) {
  const std::uint64_t number = request.address >> burst_shift_;
  transactions_[request.is_write].push(
      bank_at(number), {arrival, number, row_of(request.address), request.requester});
  may_move_ = true;
}

bool BankQueues::begins_writing() const {
  const Controller& controller = device_.controller;
  const std::uint32_t writes = transactions_[1].size;
  if (writes > controller.write_high) return true;
  if (waiting_ > 0) return false;
  return writes > controller.write_low || (nothing_follows_ && transactions_[0].size == 0);
}

// The end of cycle `position_` - 1: a transaction moves on.
void BankQueues::move() {
  if (writes_to_move_ == 0 && begins_writing()) writes_to_move_ = transactions_[1].size;
  const bool is_write = writes_to_move_ > 0;
  TransactionQueue& queue = transactions_[is_write];
  Cycle oldest = forever;
  std::uint32_t b = 0;
  for (std::uint64_t banks = queue.banks & ~full_banks_; banks != 0; banks &= banks - 1) {
    const auto bank = static_cast<std::uint32_t>(std::countr_zero(banks));
    const Cycle arrival = queue.oldest(bank).arrival;
    if (arrival > oldest) continue;
    oldest = arrival;
    b = bank;
  }
  may_move_ = oldest != forever;
  if (!may_move_) return;
  const Burst burst = queue.oldest(b);
  queue.pop(b);
  writes_to_move_ -= is_write;
  last_move_ = position_ - 1;
  if (waiting_ == 0) idle_until_ = last_move_;

  BankQueue& bank_queue = queues_[b];
  const std::uint32_t place = bank_queue.size++;
  const bool hits = banks_[b].open && banks_[b].row == burst.row;
  bank_queue.at(place) = burst;
  bank_queue.writes |= std::uint64_t{is_write} << place;
  bank_queue.hits |= std::uint64_t{hits} << place;
  busy_banks_ |= std::uint64_t{1} << b;
  full_banks_ |= std::uint64_t{bank_queue.size == device_.controller.bank_queue} << b;
  ++waiting_;
  // Behind others, a burst of a row that is not open changes nothing.
  if (place > 0 && !hits) return;
  find_lanes(b);
  nothing_before_ = std::min(nothing_before_, first_of_bank(b));
}

// ---- candidates

void BankQueues::find_lanes(std::uint32_t b) {
  const Bank& bank = banks_[b];
  const bool waits = queues_[b].size > 0 && !bank.second_pending && !refresh_claims(b);
  set_lane(activation, b, waits && !bank.open ? bank.activate : forever);
  if (waits && bank.open) {
    find_column_lane(b, false);
    find_column_lane(b, true);
    find_precharge_lane(b);
  } else {
    for (const Kind kind : {read, write, precharging}) set_lane(kind, b, forever);
  }
}

// Those of an open bank.
inline void BankQueues::find_column_lane(std::uint32_t b, bool is_write) {
  const bool hits = queues_[b].hits_of(is_write) != 0;
  set_lane(is_write ? write : read, b, hits ? banks_[b].column[is_write] : forever);
}
inline void BankQueues::find_precharge_lane(std::uint32_t b) {
  const BankQueue& queue = queues_[b];
  const bool other_first = queue.size > 0 && (queue.hits & 1) == 0;
  const bool gives_way = queue.hits == 0 || banks_[b].served >= device_.controller.row_hits;
  set_lane(precharging, b, other_first && gives_way ? banks_[b].precharge : forever);
}

inline void BankQueues::set_lane(Kind kind, std::uint32_t b, Cycle own) {
  Lanes& lanes = lanes_[kind];
  const Cycle before = std::exchange(lanes.own[b], own);
  if (before == own) return;
  const std::uint32_t group = banks_[b].group;
  Cycle& first = lanes.first[group];
  if (before > first || own <= first) {
    first = std::min(first, own);
    return;
  }
  const std::uint32_t size = device_.geometry.banks_per_group;
  const Cycle* const of_group = &lanes.own[std::size_t{group} * size];
  Cycle found = forever;
#pragma GCC unroll 4
  for (std::uint32_t i = 0; i < size; ++i) found = std::min(found, of_group[i]);
  first = found;
}

// The earliest cycle by the channel and the group.
template <BankQueues::Kind kind>
Cycle BankQueues::shared_time(std::uint32_t group) const {
  if constexpr (kind == precharging) {
    return precharge_rank_[rank_of_group(group)];
  } else if constexpr (kind == activation) {
    return std::max(activate_all_, activate_group_[group]);
  } else {
    return std::max(column_all_[kind], column_group_[kind][group]);
  }
}

// When the first command of a kind could go out, not before `from`.
template <BankQueues::Kind kind>
Cycle BankQueues::first_of_kind(Cycle from) const {
  const Lanes& lanes = lanes_[kind];
  Cycle first = std::max(lanes.first[0], shared_time<kind>(0));
  for (std::uint32_t g = 1; g < group_count_; ++g) {
    first = std::min(first, std::max(lanes.first[g], shared_time<kind>(g)));
  }
  // An ACT counts from its last cycle and begins before.
  if constexpr (kind == activation) first -= Cycle{timing_.activate_cycles} - 1;
  return std::max(first, from);
}

// The banks that could give a command of a kind in cycle `at`.
template <BankQueues::Kind kind>
std::uint64_t BankQueues::ready_of_kind(Cycle at) const {
  if constexpr (kind == activation) at += Cycle{timing_.activate_cycles} - 1;
  const Cycle* const own = lanes_[kind].own.data();
  const std::uint32_t size = device_.geometry.banks_per_group;
  std::uint64_t ready = 0;
  for (std::uint32_t g = 0; g < group_count_; ++g) {
    if (shared_time<kind>(g) > at) continue;
    const std::uint32_t begin = g * size, end = begin + size;
#pragma GCC unroll 4
    for (std::uint32_t b = begin; b < end; ++b) ready |= std::uint64_t{own[b] <= at} << b;
  }
  return ready;
}

// Of the candidates of one bank.
Cycle BankQueues::first_of_bank(std::uint32_t b) const {
  const std::uint32_t group = banks_[b].group;
  const auto first = [&](Kind kind, Cycle shared) { return std::max(lanes_[kind].own[b], shared); };
  const Cycle column =
      std::min(first(read, shared_time<read>(group)), first(write, shared_time<write>(group)));
  const Cycle early = Cycle{timing_.activate_cycles} - 1;
  return std::min({column, first(precharging, shared_time<precharging>(group)),
                   first(activation, shared_time<activation>(group)) - early});
}

BankQueues::Refresh BankQueues::refresh_candidate(Cycle from) const {
  if (!all_bank()) {
    const std::uint32_t b = refresh_bank();
    const Bank& bank = banks_[b];
    if (!bank.open) return {std::max(from, bank.refresh), Command::refresh_bank, b};
    if (bank.second_pending) return {};
    return {std::max(from, precharge_time(b)), Command::precharge, b};
  }
  const std::uint32_t first = first_bank(refresh_rank());
  if (ranks_[refresh_rank()].open_banks == 0) {
    return {std::max(from, refresh_all_time()), Command::refresh_all, first};
  }
  Refresh found;
  for (std::uint32_t b = first; b < first + device_.geometry.banks_per_rank(); ++b) {
    if (!banks_[b].open || banks_[b].second_pending) continue;
    const Cycle time = std::max(from, precharge_time(b));
    if (time < found.time) found = {time, Command::precharge, b};
  }
  return found;
}

std::uint32_t BankQueues::next_in_turn(std::uint64_t banks) const {
  const std::uint64_t after = banks & (~std::uint64_t{1} << turn_);
  return static_cast<std::uint32_t>(std::countr_zero(after != 0 ? after : banks));
}

// ---- time

void BankQueues::run(Cycle limit) {
  while (position_ <= limit) {
    if (limit - position_ > many_refreshes_ && is_idle() && skip_refreshes(limit)) {
      nothing_before_ = 0;
      column_done_ = row_done_ = false;
    }
    step(limit);
  }
}

// Decide the next cycle, or find that nothing goes out up to `limit`.
void BankQueues::step(Cycle limit) {
  if (find_due_refreshes(position_)) [[unlikely]] {
    nothing_before_ = 0;
    find_all_lanes();
  }
  if (may_move_ && move_cycle_ < position_) move();
  move_cycle_ = position_;
  Cycle horizon = std::min(limit, next_refresh_ - 1);
  if (may_move_) horizon = std::min(horizon, position_);
  if (nothing_before_ > horizon || !decide(horizon)) {
    position_ = horizon + 1;
    column_done_ = row_done_ = false;
  }
}

[[gnu::flatten]] bool BankQueues::decide(Cycle limit) {
  const bool split = timing_.split_command_bus;
  if (clocked_bank_ != none) [[unlikely]] {
    column(static_cast<std::uint32_t>(std::exchange(clocked_bank_, none)), clocked_place_,
           position_);
    return true;
  }
  if (second_bank_ != none && position_ >= second_deadline_) [[unlikely]] {
    issue_second(position_);
    return true;
  }
  const Cycle row_from = std::max(position_ + row_done_, row_bus_free_);
  const Cycle column_from = split ? position_ + column_done_ : row_from;
  const Refresh refresh = refresh_due_ > 0 ? refresh_candidate(row_from) : Refresh{};
  first_[read] = first_of_kind<read>(column_from);
  first_[write] = first_of_kind<write>(column_from);
  first_[precharging] = first_of_kind<precharging>(row_from);
  // While an ACT-2 is to come, no other bank is activated.
  first_[activation] = second_bank_ != none ? forever : first_of_kind<activation>(row_from);
  const Cycle time = std::min(std::min(refresh.time, std::min(first_[read], first_[write])),
                              std::min(first_[precharging], first_[activation]));
  if (second_bank_ != none && time > position_) {
    // ACT-2 takes the first cycle that nothing else wants.
    issue_second(position_);
    return true;
  }
  nothing_before_ = time;
  if (time > limit) return false;
  if (time > position_) {
    position_ = move_cycle_ = time;
    column_done_ = row_done_ = false;
  }
  if (refresh.time <= time) [[unlikely]] {
    issue_refresh(refresh, time);
  } else {
    std::uint64_t ready = 0;
    if (first_[read] == time) ready |= ready_of_kind<read>(time);
    if (first_[write] == time) ready |= ready_of_kind<write>(time);
    if (first_[precharging] == time) ready |= ready_of_kind<precharging>(time);
    if (first_[activation] == time) ready |= ready_of_kind<activation>(time);
    issue(next_in_turn(ready), time);
  }
  return true;
}

// ---- commands

void BankQueues::issued(Cycle at, bool is_column) {
  nothing_before_ = 0;
  if (timing_.split_command_bus) {
    (is_column ? column_done_ : row_done_) = true;
    if (!column_done_ || !row_done_) return;
  }
  column_done_ = row_done_ = false;
  position_ = at + 1;
}

// The command that bank `b`, whose turn it is, can give.
void BankQueues::issue(std::uint32_t b, Cycle at) {
  turn_ = b;
  if (!banks_[b].open) {
    activate(b, at);
  } else if (first_[precharging] <= at && lanes_[precharging].own[b] <= at &&
             precharge_rank_[banks_[b].rank] <= at) {
    precharge(b, at);
    issued(at, false);
  } else {
    std::uint64_t ready = 0;
    for (const bool is_write : {false, true}) {
      if (first_[is_write] <= at && column_time(b, is_write) <= at) {
        ready |= queues_[b].hits_of(is_write);
      }
    }
    column_with_clock(b, static_cast<std::uint32_t>(std::countr_zero(ready)), at);
  }
}

void BankQueues::column_with_clock(std::uint32_t b, std::uint32_t place, Cycle at) {
  if (data_clock_runs(banks_[b].rank, at)) {
    column(b, place, at);
  } else if (second_bank_ != none && second_deadline_ <= at + 1) {
    issue_second(at);
  } else {
    tell(at, Command::data_clock, first_bank(banks_[b].rank));
    clocked_bank_ = static_cast<std::int32_t>(b);
    clocked_place_ = place;
    issued(at, true);
  }
}

void BankQueues::column(std::uint32_t b, std::uint32_t place, Cycle at) {
  BankQueue& queue = queues_[b];
  Bank& bank = banks_[b];
  const Burst burst = queue.at(place);
  const bool is_write = (queue.writes >> place & 1) != 0;
  queue.remove(place);
  full_banks_ &= ~(std::uint64_t{1} << b);
  busy_banks_ &= ~(std::uint64_t{queue.size == 0} << b);
  --waiting_;
  may_move_ = true;
  const bool closes = device_.controller.page == PagePolicy::closed && queue.hits == 0;
  tell(at, is_write ? Command::write : Command::read, b, burst.row,
       static_cast<std::uint32_t>(column_field_.of(burst.number << burst_shift_)), closes);
  note_burst({burst.arrival, b, burst.requester, is_write, bank.served == 0}, at);
  ++bank.served;
  if (closes) close(b, bank.precharge);
  if (closes || refresh_due_ > 0) {
    find_lanes(b);
  } else {
    find_column_lane(b, is_write);
    find_precharge_lane(b);
  }
  issued(at, true);
}

void BankQueues::activate(std::uint32_t b, Cycle at) {
  BankQueue& queue = queues_[b];
  const std::uint32_t row = queue.at(0).row;
  tell(at, Command::activate, b, row);
  note_activate(b, row, at);
  queue.hits = 0;
  for (std::uint32_t i = 0; i < queue.size; ++i) {
    queue.hits |= std::uint64_t{queue.at(i).row == row} << i;
  }
  if (timing_.activate_second > 0) {
    begin_second(b, at);
    find_lanes(b);
  } else {
    set_lane(activation, b, forever);
    find_column_lane(b, false);
    find_column_lane(b, true);
  }
  issued(at, false);
}

void BankQueues::issue_second(Cycle at) {
  const auto b = static_cast<std::uint32_t>(std::exchange(second_bank_, none));
  tell(at, Command::activate_second, b, banks_[b].row);
  banks_[b].second_pending = false;
  find_lanes(b);
  issued(at, false);
}

void BankQueues::precharge(std::uint32_t b, Cycle at) {
  tell(at, Command::precharge, b);
  note_precharge(banks_[b].rank, at);
  const bool had_hits = queues_[b].hits != 0;
  close(b, at);
  if (had_hits || refresh_due_ > 0) {
    find_lanes(b);
  } else {
    set_lane(precharging, b, forever);
    set_lane(activation, b, banks_[b].activate);
  }
}

void BankQueues::close(std::uint32_t b, Cycle at) {
  note_close(banks_[b], at);
  queues_[b].hits = 0;
}

void BankQueues::issue_refresh(const Refresh& refresh, Cycle at) {
  if (refresh.command == Command::precharge) {
    precharge(refresh.bank, at);
  } else {
    tell(at, refresh.command, refresh.bank);
    note_refresh(refresh.command, at);
    find_all_lanes();
  }
  issued(at, false);
}

}  // namespace spillway::models::dram
