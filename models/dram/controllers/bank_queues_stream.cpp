// Rounds of row hits, served as a whole.
#include "models/dram/controllers/bank_queues.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::uint64_t shortest_rounds = 8;  // commands that make up for the work of finding them

}  // namespace

// The transaction queue is full, its requests wait for room in the queues of their banks, all
// bursts there are row hits, and a run of more such requests comes in. Then the banks take turns,
// one hit every `period`; after each hit the oldest transaction of the bank, if there is one, moves
// on and the next of the run takes its place. Serve as many rounds at once as go on exactly so;
// returns how many of the next `bursts` came in.
std::uint64_t BankQueues::stream(const Request& request, std::uint64_t bursts) {
  const TransactionQueue& queue = transactions_[request.is_write];
  if (!may_stream_ || queue.size != queue.capacity || (queue.banks & ~full_banks_) != 0 ||
      observer_ || refresh_due_ != 0 || second_bank_ != none || clocked_bank_ != none ||
      column_done_ || row_done_) {
    return 0;
  }
  // Only the present direction moves.
  if (!request.is_write && (writes_to_move_ > 0 || begins_writing())) return 0;
  if (patience_ > 0) {
    --patience_;
    return 0;
  }
  patience_ = 4;
  Round round;
  round.is_write = request.is_write;
  round.of_run = run_banks(request.address >> burst_shift_);
  if (!all_hit(round, row_of(request.address)) || !find_round(round)) return 0;
  const std::uint64_t rounds = rounds_alike(round, request, bursts);
  if (rounds * round.count < shortest_rounds) return 0;
  patience_ = 0;
  serve_rounds(round, rounds, request);
  return rounds * round.moving;
}

// The banks of consecutive bursts that begin with the one of that number.
std::uint64_t BankQueues::run_banks(std::uint64_t number) const {
  std::uint64_t banks = 0;
  for (std::uint32_t i = 0; i < stream_banks_; ++i) {
    banks |= std::uint64_t{1} << bank_at(number + i);
  }
  return banks;
}

// Whether all bursts that wait in the banks are hits of the direction, and so are all transactions
// and the requests of the run, whose row it is.
bool BankQueues::all_hit(const Round& round, std::uint32_t row) const {
  for (std::uint64_t banks = busy_banks_; banks != 0; banks &= banks - 1) {
    const BankQueue& queue = queues_[std::countr_zero(banks)];
    if (queue.hits != queue.all() || queue.writes != (round.is_write ? queue.all() : 0)) {
      return false;
    }
  }
  const TransactionQueue& transactions = transactions_[round.is_write];
  for (std::uint64_t banks = transactions.banks; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    if (transactions.lists[b].row_changes != 0 || transactions.oldest(b).row != banks_[b].row) {
      return false;
    }
  }
  if ((round.of_run & ~full_banks_) != 0) return false;
  for (std::uint64_t banks = round.of_run; banks != 0; banks &= banks - 1) {
    if (banks_[std::countr_zero(banks)].row != row) return false;
  }
  return true;
}

// The banks that take turns, and when. A bank whose group is not ready is passed over, round after
// round.
bool BankQueues::find_round(Round& round) const {
  const bool is_write = round.is_write;
  const std::uint32_t group = banks_[std::countr_zero(busy_banks_)].group;
  const std::uint32_t rank = rank_of_group(group);
  if ((busy_banks_ & ~rank_banks(rank)) != 0) return false;
  const bool one_group = (busy_banks_ & ~group_banks(group)) == 0;
  round.period = one_group ? timing_.column_same : timing_.column_other;
  round.first = std::max(
      {position_, column_all_[is_write], one_group ? column_group_[is_write][group] : never});
  // A request is accepted before the next command.
  if (round.period < 2 || !data_clock_runs(rank, round.first)) return false;
  auto ready = column_group_[is_write];
  std::uint32_t turn = turn_;
  const auto next = [&](Cycle at) {
    const std::uint64_t after = busy_banks_ & (~std::uint64_t{1} << turn);
    for (std::uint64_t banks : {after, busy_banks_ & ~after}) {
      for (; banks != 0; banks &= banks - 1) {
        turn = static_cast<std::uint32_t>(std::countr_zero(banks));
        const Bank& bank = banks_[turn];
        if (bank.column[is_write] > at) return false;
        if (ready[bank.group] > at) continue;
        ready[bank.group] = at + timing_.column_same;
        return true;
      }
    }
    return false;
  };
  const TransactionQueue& transactions = transactions_[is_write];
  std::uint64_t in_round = 0, moving = 0;
  Cycle at = round.first;
  while (true) {
    if (!next(at)) return false;
    const std::uint64_t bit = std::uint64_t{1} << turn;
    if ((in_round & bit) != 0) break;
    // The first burst of a row is no hit.
    if (banks_[turn].served == 0) return false;
    in_round |= bit;
    if ((transactions.banks & bit) != 0) {
      moving |= bit;
      round.moves[round.moving++] = static_cast<std::uint8_t>(round.count);
    }
    round.banks[round.count++] = static_cast<std::uint8_t>(turn);
    at += round.period;
  }
  if (round.moving == 0 || turn != round.banks[0]) return false;
  // With its last command a place gets free, so that whatever comes next is in time.
  if (round.moves[round.moving - 1] + 1U != round.count) return false;
  // The second round is the first again, and no group has anything before it left to wait for.
  for (std::uint64_t banks = busy_banks_; banks != 0; banks &= banks - 1) {
    if (column_group_[is_write][banks_[std::countr_zero(banks)].group] > at) return false;
  }
  for (std::uint32_t place = 1; place < round.count; ++place) {
    at += round.period;
    if (!next(at) || turn != round.banks[place]) return false;
  }
  // The requests of the run are for banks that take part and have others before them, as many for
  // each in a round, or for banks that do not take part.
  if ((round.of_run & in_round) == 0) return true;
  return (round.of_run & ~moving) == 0 && round.moving % stream_banks_ == 0;
}

// How many rounds go on like the first.
std::uint64_t BankQueues::rounds_alike(const Round& round, const Request& request,
                                       std::uint64_t bursts) const {
  const Cycle arrival = round.command(0, round.moves[0]) + 1;
  if (next_arrival_ > arrival || static_cast<Cycle>(request.earliest_cycle) > arrival ||
      next_refresh_ - 2 < round.first) {
    return 0;
  }
  // The run stays in the rows that are open, and the next refresh is not due.
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t block_end = (number | (stream_block_ - 1)) + 1;
  const auto commands =
      static_cast<std::uint64_t>((next_refresh_ - 2 - round.first) / round.period) + 1;
  std::uint64_t rounds =
      std::min(std::min(bursts, block_end - number) / round.moving, commands / round.count);
  // A bank has a transaction for each round, from the run or before, or it has none at all.
  const TransactionQueue& transactions = transactions_[round.is_write];
  for (std::uint32_t place = 0; place < round.count; ++place) {
    const std::uint32_t b = round.banks[place];
    if ((round.of_run >> b & 1) != 0) continue;
    const std::uint32_t waiting = transactions.lists[b].size;
    rounds = std::min<std::uint64_t>(rounds, waiting > 0 ? waiting : queues_[b].size);
  }
  return rounds;
}

void BankQueues::serve_rounds(const Round& round, std::uint64_t rounds, const Request& request) {
  TransactionQueue& transactions = transactions_[round.is_write];
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t accepted = rounds * round.moving;
  const Cycle latency = round.is_write ? timing_.write_latency : timing_.read_latency;
  const Burst& oldest = queues_[round.banks[0]].at(0);
  note_run({oldest.arrival, round.banks[0], oldest.requester, round.is_write}, rounds * round.count,
           round.first, round.period);
  if (!round.is_write) outstanding_[request.requester] += accepted;

  // Of the run, every `stream_banks_`-th is a bank's. Each is accepted in the cycle after the
  // command that another transaction moved on for.
  const auto for_run = [&](std::uint32_t b, auto&& take) {
    std::uint32_t first = 0, round_of = 0;
    while (bank_at(number + first) != b) ++first;
    std::uint32_t i = first;
    const auto normalize = [&] {
      for (; i >= round.moving; i -= round.moving) ++round_of;
    };
    normalize();
    for (std::uint64_t j = first; j < accepted; j += stream_banks_) {
      const Cycle arrival = round.command(round_of, round.moves[i]) + 1;
      take(Burst{arrival, number + j, row_of(request.address), request.requester});
      i += stream_banks_;
      normalize();
    }
  };
  const auto advance_bank = [&](std::uint32_t place) {
    const std::uint32_t b = round.banks[place];
    BankQueue& queue = queues_[b];
    std::uint64_t gone = 0;
    const auto serve = [&](const Burst& burst) {
      const Cycle done = round.command(gone++, place) + latency + timing_.burst;
      if (round.is_write) return;
      statistics_.read_latency_sum += static_cast<std::uint64_t>(done - burst.arrival);
      --outstanding_[burst.requester];
      reads_done_[burst.requester] = std::max(reads_done_[burst.requester], done);
    };
    // The bursts in the bank's queue, those that wait for room in it, and its part of the run
    // follow each other: the first `rounds` of them go out and the next fill the queue.
    const std::uint32_t size = queue.size;
    std::uint32_t kept = 0;
    const auto next = [&](const Burst& burst) {
      if (gone < rounds) {
        serve(burst);
      } else {
        queue.at(kept++) = burst;
      }
    };
    for (std::uint32_t i = 0; i < size; ++i) next(Burst(queue.at(i)));
    while (kept < size && (transactions.banks >> b & 1) != 0) {
      next(transactions.oldest(b));
      transactions.pop(b);
    }
    if ((round.of_run >> b & 1) != 0) {
      for_run(b, [&](const Burst& burst) {
        if (kept < size) {
          next(burst);
        } else {
          transactions.push(b, burst);
        }
      });
    }
    if (kept < size) {
      queue.size = kept;
      queue.hits = queue.all();
      queue.writes = round.is_write ? queue.hits : 0;
      full_banks_ &= ~(std::uint64_t{1} << b);
      busy_banks_ &= ~(std::uint64_t{kept == 0} << b);
      waiting_ -= size - kept;
    }
    banks_[b].served += static_cast<std::uint32_t>(rounds);
    note_run_of_bank(b, round.is_write, round.first, round.period,
                     round.command(rounds - 1, place));
    find_lanes(b);
  };
  // Transactions of the run come into the places that others leave.
  std::uint64_t elsewhere = round.of_run;
  for (const bool takes_run : {false, true}) {
    for (std::uint32_t place = 0; place < round.count; ++place) {
      const std::uint32_t b = round.banks[place];
      if ((round.of_run >> b & 1) != takes_run) continue;
      advance_bank(place);
      elsewhere &= ~(std::uint64_t{1} << b);
    }
  }
  for (; elsewhere != 0; elsewhere &= elsewhere - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(elsewhere));
    for_run(b, [&](const Burst& burst) { transactions.push(b, burst); });
  }
  if (round.is_write) {
    // Each time that they have all moved, as many as the queue holds are next.
    const std::uint64_t capacity = transactions.capacity;
    writes_to_move_ =
        static_cast<std::uint32_t>((writes_to_move_ + capacity - accepted % capacity) % capacity);
  }
  turn_ = round.banks[round.count - 1];
  // The last transaction moves with the last command; in the cycle after it another one is accepted
  // and nothing goes out.
  last_move_ = round.command(rounds - 1, round.count - 1);
  next_arrival_ = position_ = move_cycle_ = last_move_ + 2;
  may_move_ = false;
  nothing_before_ = 0;
}

}  // namespace spillway::models::dram
