// A controller that prefers row hits, as Ramulator 2's. How it decides: commands go out at most one
// a cycle (with a split command bus: one for columns and one for rows). In a cycle, the first that
// may go out of
//
//  1. the column command of a burst whose row was opened for it (it is no longer in its queue);
//  2. a refresh that is due, or the precharge that it needs. While one of a whole rank waits, 3 is
//     put off, for all ranks;
//  3. the oldest burst, of those that could go on, in the queue of the present direction: a column
//     command if its row is open, an activation if the bank is closed, a precharge if another row
//     is open that no older burst of the queue waits for and no burst of 1.
//
// Time does not run from cycle to cycle: all times at which something could go out are known, and
// the earliest one is next. A bank has at most two candidates in a direction, so that the choice
// is among banks, not among bursts.
#pragma once

#include <algorithm>
#include <array>
#include <limits>
#include <optional>
#include <utility>

#include "models/dram/controllers/channel_controller.hpp"

namespace spillway::models::dram {

namespace detail {

// Candidates are compared by time, then by age. Both fit a word: the time from now on, the order of
// arrival and the bank.
using Key = std::uint64_t;
constexpr int bank_bits = 6, order_bits = 36, time_bits = 64 - order_bits - bank_bits;
static_assert((Cycle{1} << 20) < (Cycle{1} << (time_bits - 1)));
constexpr std::uint64_t most_orders = std::uint64_t{1} << order_bits;
constexpr Key no_key = std::numeric_limits<Key>::max();

struct alignas(64) Entry {
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
  std::uint32_t capacity = 0, size = 0, window = 0, listed = 0;
  std::int16_t head = none, tail = none;
  std::int16_t first_unlisted = none;
  std::uint64_t banks = 0;  // those with a listed burst
  // Of banks whose row opened while the other direction went on: `first_hit` is to be found.
  std::uint64_t unknown_hits = 0;
  std::array<std::int16_t, most_banks> bank_head, bank_tail, first_hit;
  std::array<std::int16_t, most_entries> unused;  // places of `entries`; a stack
  std::array<Entry, most_entries> entries;
};

// A burst of a bank whose row was opened for it.
struct Active {
  Entry entry;
  bool is_write = false;
};

// The first of the candidates of a kind: its time, its age and its bank. Of those that are early
// enough it is the oldest, as long as its time has not passed. `never`: to be found.
struct Next {
  Cycle time = forever;
  Key key = no_key;

  bool before(const Next& other) const {
    return (time < other.time) | ((time == other.time) & (key < other.key));
  }
  void add(Next other) {
    if (other.before(*this)) *this = other;
  }
};

}  // namespace detail

class RowHitsFirst final : public ChannelController {
 public:
  explicit RowHitsFirst(const DramDevice& device);

  std::uint64_t submit(const Request& request) override {
    Queue& queue = queues_[request.is_write];
    Cycle accepted = std::max(next_arrival_, static_cast<Cycle>(request.earliest_cycle));
    if (queue.size == queue.capacity) {
      do {
        step(no_limit);
      } while (queue.size == queue.capacity);
      accepted = std::max(accepted, last_departure_);
    }
    run(accepted);
    next_arrival_ = accepted + 1;
    if (!request.is_write) ++outstanding_[request.requester];
    insert(request, accepted);
    return static_cast<std::uint64_t>(accepted);
  }

  std::uint64_t submit_run(const Request& first, std::uint64_t bursts) override {
    return submit_all(*this, first, bursts);
  }

  std::uint64_t drain() override {
    while (queues_[0].size + queues_[1].size + active_count_ > 0 || second_bank_ != none) {
      step(no_limit);
    }
    return statistics_.finish;
  }

  void reset() override;
  void advance(std::uint64_t cycle) override { run(static_cast<Cycle>(cycle)); }

 private:
  friend ChannelController;

  // ---- time
  void run(Cycle limit) {
    while (position_ <= limit) {
      if (limit - position_ > many_refreshes_ && is_idle() && skip_refreshes(limit)) {
        nothing_before_ = 0;
        column_done_ = false;
      }
      step(limit);
    }
  }
  bool is_idle() const {
    return queues_[0].size + queues_[1].size + active_count_ == 0 && all_closed() &&
           second_bank_ == none && clocked_bank_ == none && refresh_due_ == 0 && !observer_;
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

  void refill(std::int16_t kept, const Request& request, std::uint64_t bursts, Cycle first,
              Cycle period);
  void fill(Queue& queue, std::uint64_t number, std::uint8_t requester, Cycle arrival,
            Cycle period);

  // ---- candidates
  bool would_turn() const;
  void set_mode();
  void rebuild_lanes() {
    column_lanes_ = activate_lanes_ = precharge_lanes_ = 0;
    next_row_.fill({});
    for (std::uint32_t b = 0; b < bank_count_; ++b) find_lane(b);
  }
  void find_lane(std::uint32_t bank);
  void remove_lane(std::uint64_t& lanes, Next& next, std::uint32_t bank);
  // The best of each kind in a slot of cycle `from` or later.
  Cycle active_column_time(std::uint32_t b) const { return column_time(b, active_[b].is_write); }
  void find_next_active(Cycle from);
  Next best_column(Cycle from) const;
  const Next& best_row(Cycle from);
  void find_next_precharge(Cycle from);
  void find_next_activate(Cycle from);
  static Key key_of(Cycle time, Cycle from, std::uint64_t order_and_bank) {
    // No time of a candidate is farther off than the longest parameter, which fits `time_bits`.
    // A time in the past counts as now; a branch would often be mispredicted.
    const Cycle wait = time - from;
    return static_cast<Key>(wait & ~(wait >> 63)) << (order_bits + bank_bits) | order_and_bank;
  }
  static Next next_of(Key key, Cycle from) {
    if (key == no_key) return {};
    constexpr int wait = order_bits + bank_bits;
    return {from + static_cast<Cycle>(key >> wait), key & ((Key{1} << wait) - 1)};
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
  bool closes_row(std::uint32_t bank);
  void column(const Entry& entry, bool is_write, bool activated, Cycle at);
  void activate(std::uint32_t bank, Cycle at);
  void close(Bank& bank, Cycle at);
  void advance(Cycle at, bool is_column);

  // ---- queues
  void insert(const Request& request, Cycle arrival);
  void list(Queue& queue, std::int16_t index);
  Cycle earliest(const Entry& entry) const;
  // The returned entry stays as it is until the next burst comes.
  const Entry& remove(Queue& queue, std::int16_t index);
  void find_first_hit(Queue& queue, std::uint32_t bank, std::int16_t from) {
    while (from != none && queue.entries[from].row != banks_[bank].row) {
      from = queue.entries[from].next_in_bank;
    }
    queue.first_hit[bank] = from;
  }
  void find_unknown_hits(Queue& queue) {
    for (std::uint64_t banks = std::exchange(queue.unknown_hits, 0); banks != 0;
         banks &= banks - 1) {
      const auto b = static_cast<std::uint32_t>(std::countr_zero(banks));
      find_first_hit(queue, b, queue.bank_head[b]);
    }
  }
  void empty(Queue& queue);
  void renumber();

  bool may_stream_ = false;
  // Decided are all cycles before `position_` and, with a split bus, its column slot if
  // `column_done_`.
  bool column_done_ = false;
  Cycle last_departure_ = 0;
  std::uint64_t next_order_ = 0;
  std::array<Queue, 2> queues_;  // reads, writes
  bool writing_ = false;

  std::array<Active, most_banks> active_;  // by place; `active_banks_` are those in use
  std::uint64_t active_banks_ = 0;
  std::uint32_t active_count_ = 0;
  Next next_active_;  // of their columns

  // The banks with a candidate of each kind in the present direction, and its age.
  std::uint64_t column_lanes_ = 0, activate_lanes_ = 0, precharge_lanes_ = 0;
  std::array<std::uint64_t, most_banks> column_key_, row_key_;
  std::array<Next, 2> next_row_;  // a precharge, an activation
  Cycle nothing_before_ = 0;      // no candidate of any kind is earlier, unless a burst comes

  std::int32_t clocked_bank_ = none;  // its CAS went out in the cycle before
  bool clocked_active_ = false;
};

// Would the direction change if it were decided now?
inline bool RowHitsFirst::would_turn() const {
  const std::uint32_t reads = queues_[0].size, writes = queues_[1].size;
  return writing_ ? writes < device_.controller.write_low && reads != 0
                  : writes > device_.controller.write_high || reads == 0;
}

inline void RowHitsFirst::set_mode() {
  if (!would_turn()) return;
  writing_ = !writing_;
  find_unknown_hits(queues_[writing_]);
  rebuild_lanes();
}

inline void RowHitsFirst::find_lane(std::uint32_t b) {
  const Queue& queue = queues_[writing_];
  const Bank& bank = banks_[b];
  const std::uint64_t bit = std::uint64_t{1} << b;
  column_lanes_ &= ~bit;
  if ((activate_lanes_ & bit) != 0) remove_lane(activate_lanes_, next_row_[1], b);
  if ((precharge_lanes_ & bit) != 0) remove_lane(precharge_lanes_, next_row_[0], b);
  const std::int16_t head = queue.bank_head[b];
  if (head == none || bank.second_pending) return;
  if (refresh_due_ > 0 && !all_bank() && b == refresh_bank()) return;
  if (!bank.open) {
    activate_lanes_ |= bit;
    row_key_[b] = lane_key(queue.entries[head]);
    next_row_[1].add({activate_time(b), row_key_[b]});
    return;
  }
  const std::int16_t hit = queue.first_hit[b];
  if (hit != none) {
    column_lanes_ |= bit;
    column_key_[b] = lane_key(queue.entries[hit]);
  }
  if (hit != head && !bank.active) {
    precharge_lanes_ |= bit;
    row_key_[b] = lane_key(queue.entries[head]);
    next_row_[0].add({precharge_time(b), row_key_[b]});
  }
}

inline void RowHitsFirst::remove_lane(std::uint64_t& lanes, Next& next, std::uint32_t b) {
  lanes &= ~(std::uint64_t{1} << b);
  if (lanes == 0) {
    next = {};
  } else if (bank_of(next.key) == b) {
    next.time = never;
  }
}

inline void RowHitsFirst::advance(Cycle at, bool is_column) {
  nothing_before_ = 0;
  column_done_ = timing_.split_command_bus && is_column;
  position_ = column_done_ ? at : at + 1;
}

}  // namespace spillway::models::dram
