#include "models/dram/channel.hpp"

#include "models/dram/channel_implementation.hpp"

namespace spillway::models::dram {

Statistics& Statistics::operator+=(const Statistics& other) {
  reads += other.reads;
  writes += other.writes;
  activates += other.activates;
  precharges += other.precharges;
  refreshes += other.refreshes;
  bank_refreshes += other.bank_refreshes;
  read_latency_sum += other.read_latency_sum;
  finish = std::max(finish, other.finish);
  all_closed += other.all_closed;
  busy += other.busy;
  idle += other.idle;
  lost_refresh += other.lost_refresh;
  lost_turnaround += other.lost_turnaround;
  lost_row += other.lost_row;
  lost_spacing += other.lost_spacing;
  return *this;
}

void Channel::Implementation::find_fields() {
  const Geometry& geometry = device_.geometry;
  burst_shift_ = std::countr_zero(geometry.burst_bytes);
  int shift = burst_shift_;
  for (const Digit digit : device_.mapping) {
    const std::uint64_t size = digit == Digit::bank_group ? geometry.bank_groups
                               : digit == Digit::bank     ? geometry.banks_per_group
                               : digit == Digit::column   ? geometry.bursts_per_row
                                                          : geometry.rows_per_bank;
    Field& field = digit == Digit::bank_group ? group_field_
                   : digit == Digit::bank     ? bank_field_
                   : digit == Digit::column   ? column_field_
                                              : row_field_;
    field = {shift, size - 1};
    shift += std::countr_zero(size);
  }
}

void Channel::Implementation::find_stream() {
  const Geometry& geometry = device_.geometry;
  const Controller& controller = device_.controller;
  // The digits that have bits, from the lowest: columns of one bank, or of a bank of each group.
  std::vector<Digit> digits;
  for (const Digit digit : device_.mapping) {
    if (digit != Digit::bank_group || geometry.bank_groups > 1) digits.push_back(digit);
  }
  const bool rotates = digits[0] == Digit::bank_group && digits[1] == Digit::column;
  stream_banks_ = rotates ? geometry.bank_groups : 1;
  stream_block_ = std::uint64_t{stream_banks_} * geometry.bursts_per_row;
  may_stream_ = (rotates || digits[0] == Digit::column) && controller.page == PagePolicy::open &&
                controller.window >= std::max(controller.read_queue, controller.write_queue) &&
                std::min(controller.read_queue, controller.write_queue) >= 2 &&
                // A group is ready again by the time that its turn comes.
                (!rotates || stream_banks_ * timing_.column_other >= timing_.column_same);
}

void Channel::Implementation::reset() {
  const Controller& controller = device_.controller;
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
  position_ = 1;
  column_done_ = false;
  next_arrival_ = last_departure_ = 0;
  next_order_ = 0;
  writing_ = false;
  bank_count_ = device_.geometry.banks();
  banks_.fill(Bank{});
  for (std::uint32_t b = 0; b < bank_count_; ++b) {
    banks_[b].group = b / device_.geometry.banks_per_group;
  }
  active_banks_ = 0;
  active_count_ = 0;
  next_active_ = {};
  column_lanes_ = activate_lanes_ = precharge_lanes_ = 0;
  next_row_.fill({});
  column_key_.fill(0);
  row_key_.fill(0);
  nothing_before_ = 0;
  column_all_.fill(never);
  for (auto& group : column_group_) group.fill(never);
  activate_all_ = precharge_all_ = row_bus_free_ = never;
  activate_group_.fill(never);
  last_activates_.fill(never);
  activate_place_ = 0;
  second_bank_ = clocked_bank_ = none;
  data_clock_until_ = 0;
  refresh_due_ = refresh_bank_ = 0;
  refresh_interval_ = controller.refresh == RefreshMode::per_bank ? timing_.refresh_bank_interval
                                                                  : timing_.refresh_interval;
  const bool refreshes = controller.refresh != RefreshMode::none;
  next_refresh_ = refreshes ? Cycle{refresh_interval_} : forever;
  many_refreshes_ = refreshes ? Cycle{bank_count_ + 2} * refresh_interval_ : forever;
  bus_free_ = 0;
  last_was_write_ = refreshed_since_data_ = false;
  open_banks_ = 0;
  closed_since_ = 0;
  statistics_ = {};
  outstanding_.fill(0);
  reads_done_.fill(0);
  served_in_runs_ = 0;
}

void Channel::Implementation::insert(const Request& request, Cycle arrival) {
  Queue& queue = queues_[request.is_write];
  const std::int16_t index = queue.unused[queue.capacity - 1 - queue.size];
  if (next_order_ == most_orders) renumber();
  Entry& entry = queue.entries[index];
  entry.arrival = arrival;
  entry.order = next_order_++;
  entry.number = request.address >> burst_shift_;
  entry.row = static_cast<std::uint32_t>(row_field_.of(request.address));
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

void Channel::Implementation::list(Queue& queue, std::int16_t index) {
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
Cycle Channel::Implementation::earliest(const Entry& entry) const {
  const Bank& bank = banks_[entry.bank];
  if (!bank.open) {
    return activate_time(entry.bank) - 1;
  }
  if (bank.row != entry.row) return std::max(bank.precharge, precharge_all_);
  return std::max(
      {bank.column[writing_], column_all_[writing_], column_group_[writing_][bank.group]});
}

const Entry& Channel::Implementation::remove(Queue& queue, std::int16_t index) {
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
  if (queue.first_unlisted != none) {
    const std::int16_t entering = queue.first_unlisted;
    queue.first_unlisted = queue.entries[entering].next;
    list(queue, entering);
  }
  return entry;
}

void Channel::Implementation::empty(Queue& queue) {
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

// The order of arrival has outgrown its bits: begin again with what is still there.
void Channel::Implementation::renumber() {
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

Channel::Channel(const DramDevice& device)
    : implementation_(std::make_unique<Implementation>(device)) {}
Channel::~Channel() = default;
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;

void Channel::observe(Observer observer) { implementation_->observer = std::move(observer); }
std::uint64_t Channel::submit(const Request& request) { return implementation_->submit(request); }
std::uint64_t Channel::submit_run(const Request& first, std::uint64_t bursts) {
  return implementation_->submit_run(first, bursts);
}
std::uint64_t Channel::drain() { return implementation_->drain(); }
void Channel::reset() { implementation_->reset(); }
void Channel::advance(std::uint64_t cycle) { implementation_->advance(cycle); }
std::uint64_t Channel::outstanding_reads(std::uint8_t requester) const {
  return implementation_->outstanding_reads(requester);
}
std::uint64_t Channel::reads_done(std::uint8_t requester) const {
  return implementation_->reads_done(requester);
}
std::uint64_t Channel::served_in_runs() const { return implementation_->served_in_runs(); }
Statistics Channel::statistics() const { return implementation_->statistics(0); }
Statistics Channel::statistics(std::uint64_t cycle) const {
  return implementation_->statistics(cycle);
}
const DramDevice& Channel::device() const { return implementation_->device(); }

}  // namespace spillway::models::dram
