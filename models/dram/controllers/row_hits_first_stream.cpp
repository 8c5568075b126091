// Runs of row hits, served as a whole.
#include "models/dram/controllers/row_hits_first.hpp"

namespace spillway::models::dram {

// A queue full of row hits that goes out in order while a run of more row hits comes in: serve as
// many of the next `bursts` at once as go on exactly so; returns how many.
//
// The oldest goes out, the next of the run takes its place in that cycle, and so on, one every
// `period`, for as long as nothing else could go out before the oldest.
std::uint64_t RowHitsFirst::stream(const Request& request, std::uint64_t bursts) {
  const Queue& queue = queues_[request.is_write];
  if (!may_stream_ || observer_ || queue.size != queue.capacity || writing_ != request.is_write ||
      active_count_ != 0 || refresh_due_ != 0 || would_turn() ||
      (activate_lanes_ | precharge_lanes_) != 0 || second_bank_ != none || clocked_bank_ != none ||
      column_done_) {
    return 0;
  }
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t block = number & ~(stream_block_ - 1);
  const auto row = row_of(request.address);
  std::uint64_t banks = queue.banks;
  for (std::uint32_t i = 0; i < stream_banks_; ++i) {
    const std::uint32_t b = bank_at(block + i);
    if (!banks_[b].open || banks_[b].row != row) return 0;
    banks |= std::uint64_t{1} << b;
  }
  // Within one group all wait for the group; otherwise they go round the groups at the bus's pace.
  const std::uint32_t group = banks_[bank_at(number)].group, rank = rank_of_group(group);
  if ((banks & ~rank_banks(rank)) != 0) return 0;
  const bool one_group = (banks & ~group_banks(group)) == 0;
  if (!one_group && stream_banks_ == 1) return 0;
  const Cycle period = one_group ? timing_.column_same : timing_.column_other;
  const Cycle first = std::max(
      {position_, column_all_[writing_], one_group ? column_group_[writing_][group] : never});
  if (next_arrival_ > first || static_cast<Cycle>(request.earliest_cycle) > first ||
      !data_clock_runs(rank, first)) {
    return 0;
  }
  for (; banks != 0; banks &= banks - 1) {
    if (banks_[std::countr_zero(banks)].column[writing_] > first) return 0;
  }
  // A burst of another row that waits behind hits of its bank would come forward.
  for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next) {
    if (queue.entries[i].row != banks_[queue.entries[i].bank].row) return 0;
  }
  // The run stays in the rows that are open, and the next refresh is not due.
  std::uint64_t most = std::min(bursts, block + stream_block_ - number);
  if (next_refresh_ <= first) return 0;
  most = std::min(most, static_cast<std::uint64_t>((next_refresh_ - 1 - first) / period) + 1);
  if (!one_group) most = std::min(most, in_step(queue, number, first, period, most));
  if (most < shortest_stream) return 0;
  advance_stream(request, most, first, period);
  return most;
}

// How many of the first `most` bursts, those of the queue and then those of the run from `number`
// on, find their groups ready when their turns come.
std::uint64_t RowHitsFirst::in_step(const Queue& queue, std::uint64_t number, Cycle first,
                                    Cycle period, std::uint64_t most) const {
  auto ready = column_group_[writing_];
  std::uint64_t place = 0;
  const auto next = [&](std::uint32_t group) {
    const Cycle at = first + static_cast<Cycle>(place) * period;
    if (ready[group] > at) return false;
    ready[group] = at + timing_.column_same;
    ++place;
    return true;
  };
  for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next) {
    if (place == most || !next(banks_[queue.entries[i].bank].group)) return place;
  }
  // Once all groups had their turn, the run goes on in step.
  for (std::uint32_t i = 0; i < stream_banks_; ++i) {
    if (place == most || !next(banks_[bank_at(number + i)].group)) return place;
  }
  return most;
}

void RowHitsFirst::advance_stream(const Request& request, std::uint64_t bursts, Cycle first,
                                  Cycle period) {
  Queue& queue = queues_[writing_];
  const Cycle last = first + static_cast<Cycle>(bursts - 1) * period;
  const Cycle latency = writing_ ? timing_.write_latency : timing_.read_latency;
  const Entry& oldest = queue.entries[queue.head];
  note_run({oldest.arrival, oldest.bank, oldest.requester, writing_}, bursts, first, period);
  // The queue goes out in order, as far as it does.
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t size = queue.size, old = std::min(bursts, size);
  std::array<Cycle, most_banks> last_of_bank;
  std::uint64_t banks = 0;
  std::uint64_t place = 0;
  Cycle waited = 0;
  std::int16_t i = queue.head;
  for (; place < old; i = queue.entries[i].next, ++place) {
    const Entry& entry = queue.entries[i];
    const Cycle at = first + static_cast<Cycle>(place) * period;
    waited += at - entry.arrival;
    last_of_bank[entry.bank] = at;
    banks |= std::uint64_t{1} << entry.bank;
    if (!writing_) {
      --outstanding_[entry.requester];
      reads_done_[entry.requester] =
          std::max(reads_done_[entry.requester], at + latency + timing_.burst);
    }
  }
  // And then the run itself, whose bursts stay for `size` periods each.
  const std::uint64_t fresh = bursts - old;
  for (std::uint64_t j = fresh - std::min<std::uint64_t>(fresh, stream_banks_); j < fresh; ++j) {
    const std::uint32_t b = bank_at(number + j);
    last_of_bank[b] = first + static_cast<Cycle>(size + j) * period;
    banks |= std::uint64_t{1} << b;
  }
  // Of a bank's column commands the last one counts.
  for (; banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    note_run_of_bank(b, writing_, first, period, last_of_bank[b]);
  }
  waited += static_cast<Cycle>(fresh * size) * period;
  if (!writing_) {
    waited += static_cast<Cycle>(bursts) * (latency + timing_.burst);
    statistics_.read_latency_sum += static_cast<std::uint64_t>(waited);
    outstanding_[request.requester] += bursts - fresh;
    if (fresh > 0) reads_done_[request.requester] = bus_free_;
  }
  refill(i, request, bursts, first, period);
  last_departure_ = last;
  next_arrival_ = last + 1;
  position_ = last + 1;
  nothing_before_ = 0;
}

// The queue after a run of `bursts` has come and as many have gone: the bursts from place `kept`
// on and the end of the run.
void RowHitsFirst::refill(std::int16_t kept, const Request& request, std::uint64_t bursts,
                          Cycle first, Cycle period) {
  Queue& queue = queues_[writing_];
  const std::uint64_t number = request.address >> burst_shift_, size = queue.size;
  if (kept == none && next_order_ + size <= most_orders) {
    empty(queue);
    fill(queue, number + (bursts - size), request.requester,
         first + static_cast<Cycle>(bursts - size) * period, period);
    return;
  }
  std::vector<std::pair<Request, Cycle>> stay;
  for (; kept != none; kept = queue.entries[kept].next) {
    const Entry& entry = queue.entries[kept];
    stay.push_back({{entry.number << burst_shift_, writing_, 0, entry.requester}, entry.arrival});
  }
  empty(queue);
  for (const auto& [old, arrival] : stay) insert(old, arrival);
  for (std::uint64_t i = bursts - (size - stay.size()); i < bursts; ++i) {
    insert({(number + i) << burst_shift_, writing_, 0, request.requester},
           first + static_cast<Cycle>(i) * period);
  }
}

// An empty queue, full of row hits at consecutive addresses.
void RowHitsFirst::fill(Queue& queue, std::uint64_t number, std::uint8_t requester, Cycle arrival,
                        Cycle period) {
  const auto size = static_cast<std::int16_t>(queue.capacity);
  const auto apart = static_cast<std::int16_t>(stream_banks_);  // of bursts of one bank
  const auto row = row_of(number << burst_shift_);
  for (std::int16_t i = 0; i < size; ++i) {
    const bool first = i < apart, last = i + apart >= size;
    Entry& entry = queue.entries[i];
    entry.arrival = arrival;
    entry.order = next_order_++;
    entry.number = number;
    entry.row = row;
    entry.bank = first ? static_cast<std::uint8_t>(bank_at(number)) : queue.entries[i - apart].bank;
    entry.requester = requester;
    entry.next = i + 1 == size ? none : static_cast<std::int16_t>(i + 1);
    entry.previous = static_cast<std::int16_t>(i - 1);
    entry.next_in_bank = last ? none : static_cast<std::int16_t>(i + apart);
    entry.previous_in_bank = first ? none : static_cast<std::int16_t>(i - apart);
    if (first) {
      queue.bank_head[entry.bank] = queue.first_hit[entry.bank] = i;
      queue.banks |= std::uint64_t{1} << entry.bank;
    }
    if (last) queue.bank_tail[entry.bank] = i;
    arrival += period;
    ++number;
  }
  queue.head = 0;
  queue.tail = static_cast<std::int16_t>(size - 1);
  queue.size = queue.listed = queue.capacity;
  for (std::uint64_t banks = queue.banks; banks != 0; banks &= banks - 1) {
    find_lane(static_cast<std::uint32_t>(std::countr_zero(banks)));
  }
}

}  // namespace spillway::models::dram
