#include "models/dram/channel.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <optional>
#include <utility>

// How the controller decides. Commands go out at most one a cycle (with a split command bus: one
// for columns and one for rows). In a cycle, the first that may go out of
//
//  1. the column command of a burst whose row was opened for it (it is no longer in its queue);
//  2. a refresh that is due, or the precharge that it needs;
//  3. the oldest burst, of those that could go on, in the queue of the present direction: a column
//     command if its row is open, an activation if the bank is closed, a precharge if another row
//     is open that no older burst of the queue waits for and no burst of 1.
//
// Time does not run from cycle to cycle: all times at which something could go out are known, and
// the earliest one is next. A bank has at most two candidates in a direction, so that the choice
// is among banks, not among bursts.

namespace spillway::models::dram {

namespace {

using Cycle = std::int64_t;

constexpr Cycle never = -(Cycle{1} << 40);
constexpr Cycle forever = Cycle{1} << 60;
constexpr std::int16_t none = -1;
constexpr std::uint32_t most_banks = 64;
constexpr std::uint32_t most_groups = 16;
constexpr std::uint32_t most_entries = 256;
constexpr std::uint64_t shortest_stream = 16;  // what makes up for the work of finding it

// Candidates are compared by time, then by age. Both fit a word: the time from now on, the order of
// arrival and the bank.
using Key = std::uint64_t;
constexpr int bank_bits = 6, order_bits = 36, time_bits = 64 - order_bits - bank_bits;
static_assert((Cycle{1} << 20) < (Cycle{1} << (time_bits - 1)));
constexpr Key no_key = std::numeric_limits<Key>::max();

struct Entry {
  Cycle arrival = 0;
  std::uint64_t order = 0;
  std::uint64_t number = 0;  // of the burst in the channel
  std::uint32_t row = 0;
  std::uint8_t bank = 0, requester = 0;
  std::int16_t next = none, previous = none;  // in the queue, by age
  std::int16_t next_in_bank = none, previous_in_bank = none;
};

// The bursts of one direction that wait. Those within the window are also listed by bank.
struct Queue {
  std::vector<Entry> entries;
  std::vector<std::int16_t> unused;
  std::uint32_t capacity = 0, size = 0, window = 0, listed = 0;
  std::int16_t head = none, tail = none;
  std::int16_t first_unlisted = none;
  std::uint64_t banks = 0;  // those with a listed burst
  std::array<std::int16_t, most_banks> bank_head, bank_tail, first_hit;
};

struct Bank {
  bool open = false;
  bool active = false;          // a burst waits for its column command alone
  bool second_pending = false;  // between ACT-1 and ACT-2
  bool refreshed = false;       // and not used since
  std::uint32_t row = 0;
  std::uint32_t group = 0;
  Cycle activate = never;  // earliest, as far as this bank knows
  Cycle precharge = never;
  Cycle refresh = never;
  std::array<Cycle, 2> column{never, never};  // read, write
};

// A burst of a bank whose row was opened for it.
struct Active {
  Entry entry;
  bool is_write = false;
};

struct Field {
  int shift = 0;
  std::uint64_t mask = 0;
  std::uint64_t of(std::uint64_t number) const { return (number >> shift) & mask; }
};

}  // namespace

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

class Channel::Implementation {
 public:
  explicit Implementation(const DramDevice& device) : device_(device) {
    find_fields();
    find_stream();
    reset();
  }

  std::uint64_t submit(const Request& request) {
    Queue& queue = queues_[request.is_write];
    Cycle accepted = std::max(next_arrival_, static_cast<Cycle>(request.earliest_cycle));
    run(accepted);
    if (queue.size == queue.capacity) {
      do {
        step(forever);
      } while (queue.size == queue.capacity);
      accepted = std::max(accepted, last_departure_);
      run(accepted);
    }
    next_arrival_ = accepted + 1;
    if (!request.is_write) ++outstanding_[request.requester];
    insert(request, accepted);
    return static_cast<std::uint64_t>(accepted);
  }

  std::uint64_t submit_run(const Request& first, std::uint64_t bursts) {
    Request request = first;
    std::uint64_t accepted = 0;
    while (bursts > 0) {
      if (const std::uint64_t served = stream(request, bursts); served > 0) {
        bursts -= served;
        request.address += served << burst_shift_;
        accepted = static_cast<std::uint64_t>(next_arrival_ - 1);
        continue;
      }
      accepted = submit(request);
      request.address += device_.geometry.burst_bytes;
      --bursts;
    }
    return accepted;
  }

  std::uint64_t drain() {
    while (queues_[0].size + queues_[1].size + active_count_ > 0 || second_bank_ != none) {
      step(forever);
    }
    return statistics_.finish;
  }

  void reset();

  void advance(std::uint64_t cycle) { run(static_cast<Cycle>(cycle)); }
  std::uint64_t outstanding_reads(std::uint8_t requester) const { return outstanding_[requester]; }
  std::uint64_t reads_done(std::uint8_t requester) const {
    return static_cast<std::uint64_t>(reads_done_[requester]);
  }

  Statistics statistics(std::uint64_t cycle) const {
    Statistics result = statistics_;
    result.finish = std::max(result.finish, cycle);
    const auto finish = static_cast<Cycle>(result.finish);
    if (open_banks_ == 0 && finish > closed_since_) result.all_closed += finish - closed_since_;
    const auto until = static_cast<Cycle>(cycle);
    if (until > bus_free_) result.idle += until - bus_free_;
    return result;
  }

  const DramDevice& device() const { return device_; }
  Observer observer;

 private:
  void find_fields();
  void find_stream();

  // ---- time
  void run(Cycle limit) {
    while (position_ <= limit) step(limit);
  }
  void step(Cycle limit);
  bool step_single(Cycle limit);
  std::optional<bool> step_hits(Cycle limit);
  bool step_split(Cycle limit);

  // ---- streams
  std::uint64_t stream(const Request& request, std::uint64_t bursts);
  std::uint64_t in_step(const Queue& queue, std::uint64_t number, Cycle first, Cycle period,
                        std::uint64_t most) const;
  void advance_stream(const Request& request, std::uint64_t bursts, Cycle first, Cycle period);

  // ---- candidates
  bool would_turn() const;
  void set_mode();
  void rebuild_lanes() {
    for (std::uint32_t b = 0; b < banks_.size(); ++b) find_lane(b);
  }
  void find_lane(std::uint32_t bank);
  // The best of each kind in a slot of cycle `from` or later.
  Cycle active_column_time(std::uint32_t bank) const;
  std::uint32_t oldest_active(Cycle at) const;
  void find_active_time();
  Key best_column(Cycle from) const;
  Key best_row(Cycle from, Cycle bound);
  Key best_precharge(Cycle from) const;
  Key best_activate(Cycle from) const;
  static Key key_of(Cycle time, Cycle from, std::uint64_t order_and_bank) {
    // No time of a candidate is farther off than the longest parameter, which fits `time_bits`.
    const Cycle wait = std::max<Cycle>(time - from, 0);
    return static_cast<Key>(wait) << (order_bits + bank_bits) | order_and_bank;
  }
  static Cycle time_of(Key key, Cycle from) {
    return key == no_key ? forever : from + static_cast<Cycle>(key >> (order_bits + bank_bits));
  }
  static std::uint32_t bank_of(Key key) { return key & (most_banks - 1); }
  static std::uint64_t lane_key(const Entry& entry) {
    return entry.order << bank_bits | entry.bank;
  }
  std::pair<Cycle, Command> refresh_candidate() const;

  // ---- commands
  void issue_active(Cycle at);
  void issue_column(std::uint32_t bank, Cycle at);
  void issue_row(std::uint32_t bank, Cycle at);
  void issue_second(Cycle at);
  void issue_clocked(Cycle at);
  void serve_active(std::uint32_t bank, Cycle at);
  void serve_column(std::uint32_t bank, Cycle at);
  void issue_refresh(Command command, Cycle at);
  // Whether a column command has to wait a cycle: for the CAS that starts the data clock, or for an
  // ACT-2 that has to go first.
  bool waits_for_clock(std::uint32_t bank, bool active, Cycle at);
  void column(const Entry& entry, bool is_write, bool activated, Cycle at);
  void note_column(std::uint32_t bank, bool is_write, Cycle at);
  void activate(std::uint32_t bank, Cycle at);
  void close(Bank& bank, Cycle at);
  void advance(Cycle at, bool is_column);
  void account(const Entry& entry, bool is_write, bool activated, Cycle data_start);
  void tell(Cycle at, Command command, std::uint32_t bank = 0, std::uint64_t row = 0,
            std::uint32_t column_number = 0, bool closes = false) const {
    if (observer) {
      observer({static_cast<std::uint64_t>(at), command, bank, row, column_number, closes});
    }
  }

  // ---- queues
  void insert(const Request& request, Cycle arrival);
  void list(Queue& queue, std::int16_t index);
  Entry remove(Queue& queue, std::int16_t index);
  void find_first_hit(Queue& queue, std::uint32_t bank, std::int16_t from) {
    while (from != none && queue.entries[from].row != banks_[bank].row) {
      from = queue.entries[from].next_in_bank;
    }
    queue.first_hit[bank] = from;
  }
  void empty(Queue& queue);
  void renumber();
  std::uint32_t bank_at(std::uint64_t number) const {
    const std::uint64_t address = number << burst_shift_;
    return static_cast<std::uint32_t>(group_field_.of(address) * device_.geometry.banks_per_group +
                                      bank_field_.of(address));
  }

  const DramDevice device_;
  const Timing& timing_ = device_.timing;
  Field group_field_, bank_field_, column_field_, row_field_;
  int burst_shift_ = 0;
  // Bursts in the order of addresses go round `stream_banks_` banks and stay in the same rows for
  // an aligned `stream_block_` of them.
  bool may_stream_ = false;
  std::uint32_t stream_banks_ = 1;
  std::uint64_t stream_block_ = 1;

  // Decided are all cycles before `position_` and, with a split bus, its column slot if
  // `column_done_`.
  Cycle position_ = 1;
  bool column_done_ = false;
  Cycle next_arrival_ = 0;
  Cycle last_departure_ = 0;
  std::uint64_t next_order_ = 0;
  std::array<Queue, 2> queues_;  // reads, writes
  bool writing_ = false;

  std::vector<Bank> banks_;
  std::array<Active, most_banks> active_;  // by place; `active_banks_` are those in use
  std::uint64_t active_banks_ = 0;
  std::uint32_t active_count_ = 0;
  Cycle active_time_ = forever;  // the earliest of their columns

  // The banks with a candidate of each kind in the present direction, and its age.
  std::uint64_t column_lanes_ = 0, activate_lanes_ = 0, precharge_lanes_ = 0;
  std::array<std::uint64_t, most_banks> column_key_, row_key_;
  // No precharge and no activation of these is earlier.
  Cycle precharge_bound_ = never, activate_bound_ = never;
  Cycle nothing_before_ = 0;  // no candidate of any kind is earlier, unless a burst comes

  // What the channel and the groups allow.
  std::array<Cycle, 2> column_all_;
  std::array<std::array<Cycle, most_groups>, 2> column_group_;
  Cycle activate_all_ = never;
  std::array<Cycle, most_groups> activate_group_;
  std::array<Cycle, 4> last_activates_;  // a ring
  std::uint32_t activate_place_ = 0;
  Cycle precharge_all_ = never;
  Cycle row_bus_free_ = never;
  Cycle data_clock_until_ = 0;
  std::int32_t clocked_bank_ = none;  // its CAS went out in the cycle before
  bool clocked_active_ = false;
  std::int32_t second_bank_ = none;
  Cycle second_deadline_ = 0;

  Cycle next_refresh_ = forever;
  std::uint32_t refresh_interval_ = 0;
  std::uint32_t refresh_due_ = 0;
  std::uint32_t refresh_bank_ = 0;

  std::array<std::uint64_t, most_requesters> outstanding_{};
  std::array<Cycle, most_requesters> reads_done_{};

  Cycle bus_free_ = 0;
  bool last_was_write_ = false;
  bool refreshed_since_data_ = false;
  std::uint32_t open_banks_ = 0;
  Cycle closed_since_ = 0;
  Statistics statistics_;

  std::uint64_t group_banks(std::uint32_t group) const {
    const std::uint32_t size = device_.geometry.banks_per_group;
    const std::uint64_t first =
        size == most_banks ? ~std::uint64_t{0} : (std::uint64_t{1} << size) - 1;
    return first << (group * size);
  }
  bool all_bank() const { return device_.controller.refresh == RefreshMode::all_bank; }
};

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
    queue.entries.resize(queue.capacity);
    for (std::uint32_t i = queue.capacity; i > 0; --i) {
      queue.unused.push_back(static_cast<std::int16_t>(i - 1));
    }
    queue.bank_head.fill(none);
    queue.bank_tail.fill(none);
    queue.first_hit.fill(none);
  }
  position_ = 1;
  column_done_ = false;
  next_arrival_ = last_departure_ = 0;
  next_order_ = 0;
  writing_ = false;
  banks_.assign(device_.geometry.banks(), Bank{});
  for (std::uint32_t b = 0; b < banks_.size(); ++b) {
    banks_[b].group = b / device_.geometry.banks_per_group;
  }
  active_banks_ = 0;
  active_count_ = 0;
  active_time_ = forever;
  column_lanes_ = activate_lanes_ = precharge_lanes_ = 0;
  precharge_bound_ = activate_bound_ = never;
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
  next_refresh_ = controller.refresh == RefreshMode::none ? forever : Cycle{refresh_interval_};
  bus_free_ = 0;
  last_was_write_ = refreshed_since_data_ = false;
  open_banks_ = 0;
  closed_since_ = 0;
  statistics_ = {};
  outstanding_.fill(0);
  reads_done_.fill(0);
}

// ---- queues

void Channel::Implementation::insert(const Request& request, Cycle arrival) {
  Queue& queue = queues_[request.is_write];
  const std::int16_t index = queue.unused.back();
  queue.unused.pop_back();
  if (next_order_ >> order_bits != 0) renumber();
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
  if (queue.first_hit[b] == none && banks_[b].open && banks_[b].row == entry.row) {
    queue.first_hit[b] = index;
    changed = true;
  }
  if (!changed || &queue != &queues_[writing_]) return;
  find_lane(b);
  // What the bank allows; what the channel does may be later.
  const Bank& bank = banks_[b];
  nothing_before_ = std::min(nothing_before_, !bank.open ? bank.activate - timing_.activate_cycles
                                              : entry.row == bank.row ? bank.column[writing_]
                                                                      : bank.precharge);
}

Entry Channel::Implementation::remove(Queue& queue, std::int16_t index) {
  const Entry entry = queue.entries[index];
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
  queue.unused.push_back(index);
  --queue.size;
  --queue.listed;
  if (queue.first_unlisted != none) {
    const std::int16_t entering = queue.first_unlisted;
    queue.first_unlisted = queue.entries[entering].next;
    list(queue, entering);
  }
  return entry;
}

void Channel::Implementation::empty(Queue& queue) {
  for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next) {
    const std::uint32_t b = queue.entries[i].bank;
    queue.bank_head[b] = queue.bank_tail[b] = queue.first_hit[b] = none;
    queue.unused.push_back(i);
  }
  queue.head = queue.tail = queue.first_unlisted = none;
  queue.size = queue.listed = 0;
  for (std::uint64_t banks = queue.banks; banks != 0; banks &= banks - 1) {
    find_lane(static_cast<std::uint32_t>(std::countr_zero(banks)));
  }
  queue.banks = 0;
}

// The order of arrival has outgrown its bits: begin again with what is still there.
void Channel::Implementation::renumber() {
  std::vector<std::uint64_t*> orders;
  for (Queue& queue : queues_) {
    for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next) {
      orders.push_back(&queue.entries[i].order);
    }
  }
  for (std::uint64_t banks = active_banks_; banks != 0; banks &= banks - 1) {
    orders.push_back(&active_[std::countr_zero(banks)].entry.order);
  }
  std::sort(orders.begin(), orders.end(), [](auto* a, auto* b) { return *a < *b; });
  next_order_ = 0;
  for (std::uint64_t* order : orders) *order = next_order_++;
  rebuild_lanes();
}

// ---- streams

// A queue full of row hits that goes out in order while a run of more row hits comes in: serve as
// many of the next `bursts` at once as go on exactly so; returns how many.
//
// The oldest goes out, the next of the run takes its place in that cycle, and so on, one every
// `period`, for as long as nothing else could go out before the oldest.
std::uint64_t Channel::Implementation::stream(const Request& request, std::uint64_t bursts) {
  const Queue& queue = queues_[request.is_write];
  if (!may_stream_ || observer || bursts < shortest_stream || queue.size != queue.capacity ||
      writing_ != request.is_write || active_count_ != 0 || refresh_due_ != 0 || would_turn() ||
      (activate_lanes_ | precharge_lanes_) != 0 || second_bank_ != none || clocked_bank_ != none ||
      column_done_) {
    return 0;
  }
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t block = number & ~(stream_block_ - 1);
  const auto row = static_cast<std::uint32_t>(row_field_.of(request.address));
  std::uint64_t banks = queue.banks;
  for (std::uint32_t i = 0; i < stream_banks_; ++i) {
    const std::uint32_t b = bank_at(block + i);
    if (!banks_[b].open || banks_[b].row != row) return 0;
    banks |= std::uint64_t{1} << b;
  }
  // Within one group all wait for the group; otherwise they go round the groups at the bus's pace.
  const std::uint32_t group = banks_[bank_at(number)].group;
  const bool one_group = (banks & ~group_banks(group)) == 0;
  if (!one_group && stream_banks_ == 1) return 0;
  const Cycle period = one_group ? timing_.column_same : timing_.column_other;
  const Cycle first = std::max(
      {position_, column_all_[writing_], one_group ? column_group_[writing_][group] : never});
  if (next_arrival_ > first || static_cast<Cycle>(request.earliest_cycle) > first ||
      (timing_.data_clock_postamble > 0 && first >= data_clock_until_)) {
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
std::uint64_t Channel::Implementation::in_step(const Queue& queue, std::uint64_t number,
                                               Cycle first, Cycle period,
                                               std::uint64_t most) const {
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

void Channel::Implementation::advance_stream(const Request& request, std::uint64_t bursts,
                                             Cycle first, Cycle period) {
  Queue& queue = queues_[writing_];
  const Cycle last = first + static_cast<Cycle>(bursts - 1) * period;
  const Cycle latency = writing_ ? timing_.write_latency : timing_.read_latency;
  // The first one ends a gap of whatever reason; each of the others one of spacing, if any.
  if (first + latency > bus_free_) {
    account(queue.entries[queue.head], writing_, false, first + latency);
  }
  statistics_.lost_spacing += (bursts - 1) * static_cast<std::uint64_t>(period - timing_.burst);
  statistics_.busy += bursts * timing_.burst;
  bus_free_ = last + latency + timing_.burst;
  last_was_write_ = writing_;
  (writing_ ? statistics_.writes : statistics_.reads) += bursts;
  const Cycle done = writing_ ? last : bus_free_;
  statistics_.finish = std::max(statistics_.finish, static_cast<std::uint64_t>(done));
  if (timing_.data_clock_postamble > 0) {
    data_clock_until_ = std::max(data_clock_until_, bus_free_ + timing_.data_clock_postamble);
  }
  // The queue goes out in order, as far as it does.
  const std::uint64_t number = request.address >> burst_shift_;
  const std::uint64_t size = queue.size, old = std::min(bursts, size);
  std::array<Request, most_entries> left;
  std::array<Cycle, most_entries> arrivals;
  std::uint64_t place = 0, stay = 0;
  Cycle waited = 0;
  for (std::int16_t i = queue.head; i != none; i = queue.entries[i].next, ++place) {
    const Entry& entry = queue.entries[i];
    if (place < old) {
      const Cycle at = first + static_cast<Cycle>(place) * period;
      waited += at - entry.arrival;
      note_column(entry.bank, writing_, at);
      if (!writing_) {
        --outstanding_[entry.requester];
        reads_done_[entry.requester] =
            std::max(reads_done_[entry.requester], at + latency + timing_.burst);
      }
    } else {
      left[stay] = {entry.number << burst_shift_, writing_, 0, entry.requester};
      arrivals[stay++] = entry.arrival;
    }
  }
  // And then the run itself, whose bursts stay for `size` periods each. The last one of each bank
  // counts.
  const std::uint64_t fresh = bursts - old;
  for (std::uint64_t i = fresh - std::min<std::uint64_t>(fresh, stream_banks_); i < fresh; ++i) {
    note_column(bank_at(number + i), writing_, first + static_cast<Cycle>(size + i) * period);
  }
  waited += static_cast<Cycle>(fresh * size) * period;
  if (!writing_) {
    waited += static_cast<Cycle>(bursts) * (latency + timing_.burst);
    statistics_.read_latency_sum += static_cast<std::uint64_t>(waited);
    outstanding_[request.requester] += bursts - fresh;
    if (fresh > 0) reads_done_[request.requester] = done;
  }
  empty(queue);
  for (std::uint64_t i = 0; i < stay; ++i) insert(left[i], arrivals[i]);
  for (std::uint64_t i = bursts - (size - stay); i < bursts; ++i) {
    insert({(number + i) << burst_shift_, writing_, 0, request.requester},
           first + static_cast<Cycle>(i) * period);
  }
  last_departure_ = last;
  next_arrival_ = last + 1;
  position_ = last + 1;
  nothing_before_ = 0;
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

// ---- candidates

// Would the direction change if it were decided now?
bool Channel::Implementation::would_turn() const {
  const std::uint32_t reads = queues_[0].size, writes = queues_[1].size;
  return writing_ ? writes < device_.controller.write_low && reads != 0
                  : writes > device_.controller.write_high || reads == 0;
}

void Channel::Implementation::set_mode() {
  if (!would_turn()) return;
  writing_ = !writing_;
  rebuild_lanes();
}

void Channel::Implementation::find_lane(std::uint32_t b) {
  const Queue& queue = queues_[writing_];
  const Bank& bank = banks_[b];
  const std::uint64_t bit = std::uint64_t{1} << b;
  column_lanes_ &= ~bit;
  activate_lanes_ &= ~bit;
  precharge_lanes_ &= ~bit;
  const std::int16_t head = queue.bank_head[b];
  if (head == none || bank.second_pending) return;
  if (refresh_due_ > 0 && !all_bank() && b == refresh_bank_) return;
  if (!bank.open) {
    activate_lanes_ |= bit;
    activate_bound_ =
        std::min(activate_bound_, bank.activate - (Cycle{timing_.activate_cycles} - 1));
    row_key_[b] = lane_key(queue.entries[head]);
    return;
  }
  const std::int16_t hit = queue.first_hit[b];
  if (hit != none) {
    column_lanes_ |= bit;
    column_key_[b] = lane_key(queue.entries[hit]);
  }
  if (hit != head && !bank.active) {
    precharge_lanes_ |= bit;
    precharge_bound_ = std::min(precharge_bound_, bank.precharge);
    row_key_[b] = lane_key(queue.entries[head]);
  }
}

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

// ---- time

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

// ---- commands

void Channel::Implementation::advance(Cycle at, bool is_column) {
  nothing_before_ = 0;
  column_done_ = timing_.split_command_bus && is_column;
  position_ = column_done_ ? at : at + 1;
}

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
  const std::uint32_t b = oldest_active(at);
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

void Channel::Implementation::column(const Entry& entry, bool is_write, bool activated, Cycle at) {
  Bank& bank = banks_[entry.bank];
  const bool closes = device_.controller.page == PagePolicy::closed && !bank.active &&
                      queues_[0].first_hit[entry.bank] == none &&
                      queues_[1].first_hit[entry.bank] == none;
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
  find_active_time();
  advance(at, true);
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
    find_lane(b);
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
  for (Queue& each : queues_) find_first_hit(each, b, each.bank_head[b]);
  if (timing_.activate_second > 0) {
    second_bank_ = static_cast<std::int32_t>(b);
    second_deadline_ = at + timing_.activate_second;
    bank.second_pending = true;
  } else {
    bank.active = true;
    active_banks_ |= std::uint64_t{1} << b;
    ++active_count_;
    active_time_ = std::min(active_time_, active_column_time(b));
  }
  find_lane(b);
  advance(at, false);
}

void Channel::Implementation::issue_second(Cycle at) {
  const auto b = static_cast<std::uint32_t>(second_bank_);
  tell(at, Command::activate_second, b, banks_[b].row);
  banks_[b].second_pending = false;
  banks_[b].active = true;
  active_banks_ |= std::uint64_t{1} << b;
  ++active_count_;
  active_time_ = std::min(active_time_, active_column_time(b));
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
    for (Bank& bank : banks_) {
      if (bank.open) close(bank, at);
      bank.refresh = std::max(bank.refresh, at + timing_.precharge_all);
    }
  } else if (command == Command::refresh_all) {
    ++statistics_.refreshes;
    --refresh_due_;
    activate_all_ = std::max(activate_all_, at + timing_.refresh);
    for (Bank& bank : banks_) bank.refresh = std::max(bank.refresh, at + timing_.refresh);
    refreshed_since_data_ = true;
  } else {
    ++statistics_.bank_refreshes;
    --refresh_due_;
    Bank& bank = banks_[refresh_bank_];
    bank.activate = std::max(bank.activate, at + timing_.refresh_bank);
    // The banks are refreshed one after the other.
    for (Bank& each : banks_) each.refresh = std::max(each.refresh, at + timing_.refresh_bank);
    activate_all_ = std::max(activate_all_, at + timing_.refresh_bank_to_activate);
    bank.refreshed = true;
    refresh_bank_ = (refresh_bank_ + 1) % static_cast<std::uint32_t>(banks_.size());
  }
  rebuild_lanes();
  advance(at, false);
}

// ---- the interface

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
Statistics Channel::statistics() const { return implementation_->statistics(0); }
Statistics Channel::statistics(std::uint64_t cycle) const {
  return implementation_->statistics(cycle);
}
const DramDevice& Channel::device() const { return implementation_->device(); }

Memory::Memory(const DramDevice& device) : device_(device) {
  for (std::uint32_t c = 0; c < device.channels; ++c) channels_.emplace_back(device);
  channel_bits_ = std::countr_zero(device.channels);
  interleave_bits_ = std::countr_zero(device.interleave_bytes);
}

std::uint64_t Memory::submit(const Request& request) {
  if (channels_.size() == 1) return channels_.front().submit(request);
  Request own = request;
  own.address = own_address(request.address);
  own.earliest_cycle = std::max(next_cycle_, request.earliest_cycle);
  next_cycle_ = channels_[channel_of(request.address)].submit(own);
  return next_cycle_;
}

std::uint64_t Memory::submit_run(const Request& first, std::uint64_t bursts) {
  if (channels_.size() == 1) return channels_.front().submit_run(first, bursts);
  Request request = first;
  std::uint64_t accepted = 0;
  for (; bursts > 0; --bursts, request.address += device_.geometry.burst_bytes) {
    accepted = submit(request);
  }
  return accepted;
}

std::uint64_t Memory::transfer(const Request& first, std::uint64_t bursts) {
  if (channels_.size() == 1) return channels_.front().submit_run(first, bursts);
  // The blocks of a run that are a channel's follow each other in the channel.
  const std::uint64_t burst = device_.geometry.burst_bytes;
  const std::uint64_t begin = first.address / burst * burst, end = begin + bursts * burst;
  std::uint64_t accepted = 0;
  std::uint64_t address = begin;
  for (std::size_t i = 0; i < channels_.size() && address < end; ++i) {
    const std::uint64_t c = channel_of(address);
    std::uint64_t share = 0;  // bursts of this channel
    const std::uint64_t round = device_.interleave_bytes << channel_bits_;
    std::uint64_t block_end = (address | (device_.interleave_bytes - 1)) + 1;
    for (std::uint64_t at = address; at < end;) {
      share += (std::min(block_end, end) - at) / burst;
      at = block_end - device_.interleave_bytes + round;
      block_end += round;
    }
    Request own = first;
    own.address = own_address(address);
    accepted = std::max(accepted, channels_[c].submit_run(own, share));
    address = (address | (device_.interleave_bytes - 1)) + 1;
  }
  return accepted;
}

std::uint64_t Memory::drain() {
  std::uint64_t finish = 0;
  for (Channel& channel : channels_) finish = std::max(finish, channel.drain());
  return finish;
}

void Memory::advance(std::uint64_t cycle) {
  for (Channel& channel : channels_) channel.advance(cycle);
}

std::uint64_t Memory::outstanding_reads(std::uint8_t requester) const {
  std::uint64_t most = 0;
  for (const Channel& channel : channels_) {
    most = std::max(most, channel.outstanding_reads(requester));
  }
  return most;
}

std::uint64_t Memory::reads_done(std::uint8_t requester) const {
  std::uint64_t last = 0;
  for (const Channel& channel : channels_) last = std::max(last, channel.reads_done(requester));
  return last;
}

Statistics Memory::statistics(std::uint64_t cycle) const {
  if (channels_.size() == 1) return channels_.front().statistics(cycle);
  for (const Channel& channel : channels_) cycle = std::max(cycle, channel.statistics().finish);
  Statistics sum;
  for (const Channel& channel : channels_) sum += channel.statistics(cycle);
  return sum;
}

void Memory::reset() {
  for (Channel& channel : channels_) channel.reset();
  next_cycle_ = 0;
}

}  // namespace spillway::models::dram
