// The queues of waiting bursts.
#include "models/dram/controllers/row_hits_first.hpp"

namespace spillway::models::dram {

RowHitsFirst::RowHitsFirst(const DramDevice& device) : ChannelController(device, true) {
  const Controller& controller = device_.controller;
  may_stream_ = stream_banks_ > 0 && controller.page == PagePolicy::open &&
                controller.window >= std::max(controller.read_queue, controller.write_queue) &&
                std::min(controller.read_queue, controller.write_queue) >= 2;
  RowHitsFirst::reset();
}

void RowHitsFirst::reset() {
  reset_channel();
  const Controller& controller = device_.controller;
  column_done_ = false;
  last_departure_ = 0;
  next_order_ = 0;
  writing_ = false;
  active_banks_ = 0;
  active_count_ = 0;
  next_active_ = {};
  column_lanes_ = activate_lanes_ = precharge_lanes_ = 0;
  next_row_.fill({});
  column_key_.fill(0);
  row_key_.fill(0);
  nothing_before_ = 0;
  clocked_bank_ = none;
  for (const bool is_write : {false, true}) {
    Queue& queue = queues_[is_write];
    queue = {};
    queue.capacity = is_write ? controller.write_queue : controller.read_queue;
    queue.window = controller.window;
    queue.bank_head.fill(none);
    queue.bank_tail.fill(none);
    queue.first_hit.fill(none);
    empty(queue);
  }
}

void RowHitsFirst::insert(const Request& request, Cycle arrival) {
  Queue& queue = queues_[request.is_write];
  const std::int16_t index = queue.unused[queue.capacity - 1 - queue.size];
  if (next_order_ == most_orders) [[unlikely]]
    renumber();
  Entry& entry = queue.entries[index];
  entry.arrival = arrival;
  entry.order = next_order_++;
  entry.number = request.address >> burst_shift_;
  entry.row = row_of(request.address);
  entry.bank = static_cast<std::uint8_t>(bank_at(entry.number));
  entry.requester = request.requester;
  entry.next = none;
  entry.previous = queue.tail;
  (queue.tail == none ? queue.head : queue.entries[queue.tail].next) = index;
  queue.tail = index;
  ++queue.size;
  if (queue.listed < queue.window) {
    list(queue, index);
  } else if (queue.first_unlisted == none) {
    queue.first_unlisted = index;
  }
  if (would_turn()) nothing_before_ = 0;
}

void RowHitsFirst::list(Queue& queue, std::int16_t index) {
  Entry& entry = queue.entries[index];
  const std::uint32_t b = entry.bank;
  entry.next_in_bank = none;
  entry.previous_in_bank = queue.bank_tail[b];
  const bool first = queue.bank_tail[b] == none;
  (first ? queue.bank_head[b] : queue.entries[queue.bank_tail[b]].next_in_bank) = index;
  queue.bank_tail[b] = index;
  queue.banks |= std::uint64_t{1} << b;
  ++queue.listed;
  bool changed = first;
  if (queue.first_hit[b] == none && banks_[b].open && banks_[b].row == entry.row &&
      (queue.unknown_hits >> b & 1) == 0) {
    queue.first_hit[b] = index;
    changed = true;
  }
  if (!changed || &queue != &queues_[writing_]) return;
  find_lane(b);
  nothing_before_ = std::min(nothing_before_, earliest(entry));
}

// When the next command of a burst of the present direction could go out.
Cycle RowHitsFirst::earliest(const Entry& entry) const {
  const Bank& bank = banks_[entry.bank];
  if (!bank.open) return activate_time(entry.bank) - 1;
  return bank.row == entry.row ? column_time(entry.bank, writing_) : precharge_time(entry.bank);
}

const Entry& RowHitsFirst::remove(Queue& queue, std::int16_t index) {
  const Entry& entry = queue.entries[index];
  const std::uint32_t b = entry.bank;
  (entry.previous == none ? queue.head : queue.entries[entry.previous].next) = entry.next;
  (entry.next == none ? queue.tail : queue.entries[entry.next].previous) = entry.previous;
  (entry.previous_in_bank == none ? queue.bank_head[b]
                                  : queue.entries[entry.previous_in_bank].next_in_bank) =
      entry.next_in_bank;
  (entry.next_in_bank == none ? queue.bank_tail[b]
                              : queue.entries[entry.next_in_bank].previous_in_bank) =
      entry.previous_in_bank;
  if (queue.bank_head[b] == none) queue.banks &= ~(std::uint64_t{1} << b);
  if (queue.first_hit[b] == index) find_first_hit(queue, b, entry.next_in_bank);
  --queue.size;
  --queue.listed;
  queue.unused[queue.capacity - 1 - queue.size] = index;
  if (queue.first_unlisted != none) [[unlikely]] {
    const std::int16_t entering = queue.first_unlisted;
    queue.first_unlisted = queue.entries[entering].next;
    list(queue, entering);
  }
  return entry;
}

void RowHitsFirst::empty(Queue& queue) {
  for (std::uint64_t banks = std::exchange(queue.banks, 0); banks != 0; banks &= banks - 1) {
    const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
    queue.bank_head[b] = queue.bank_tail[b] = queue.first_hit[b] = none;
    find_lane(b);
  }
  queue.head = queue.tail = queue.first_unlisted = none;
  queue.size = queue.listed = 0;
  for (std::uint32_t i = 0; i < queue.capacity; ++i) {
    queue.unused[i] = static_cast<std::int16_t>(queue.capacity - 1 - i);
  }
}

// The order of arrival has outgrown its bits: begin again with the bursts that still wait.
void RowHitsFirst::renumber() {
  std::vector<std::uint64_t*> orders;
  for (Queue& queue : queues_) {
    for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next) {
      orders.push_back(&queue.entries[i].order);
    }
  }
  std::uint64_t banks = active_banks_;
  if (second_bank_ != none) banks |= std::uint64_t{1} << second_bank_;
  for (; banks != 0; banks &= banks - 1) {
    orders.push_back(&active_[std::countr_zero(banks)].entry.order);
  }
  std::sort(orders.begin(), orders.end(), [](auto* a, auto* b) { return *a < *b; });
  next_order_ = 0;
  for (std::uint64_t* order : orders) *order = next_order_++;
  find_next_active(position_);
  rebuild_lanes();
}

}  // namespace spillway::models::dram
