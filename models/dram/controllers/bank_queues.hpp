// A controller with a queue for each bank, as DRAMsim3's. Requests wait in two transaction queues,
// reads and writes. In every cycle one of them, the oldest that finds room, moves on to the queue
// of its bank; from then on reads and writes are equals. In every cycle one command goes out (with
// a split command bus: one for columns and one for rows): the banks take turns, and the next one in
// which anything could go out gives its oldest burst that could go on. That is
//
//  * a column command if the burst's row is open,
//  * an activation if the bank is closed,
//  * a precharge, for the oldest burst of the bank alone, if another row is open that no burst of
//    its queue waits for, or that has served as many bursts as it may while others wait.
//
// Reads move on, until more than `write_high` writes wait, or more than `write_low` while the banks
// have nothing to do: then all those writes move on, and no read does.
//
// A refresh that is due goes before all else: its banks, which are those of one rank, give no other
// commands, are precharged one by one as soon as they can be, and then refreshed.
//
// Time does not run from cycle to cycle but from one command or move to the next.
#pragma once

#include <array>
#include <cstdint>

#include "models/dram/controllers/channel_controller.hpp"

namespace spillway::models::dram {

class BankQueues final : public ChannelController {
 public:
  explicit BankQueues(const DramDevice& device);

  std::uint64_t submit(const Request& request) override;
  std::uint64_t submit_run(const Request& first, std::uint64_t bursts) override;
  std::uint64_t drain() override;
  void advance(std::uint64_t cycle) override { run(static_cast<Cycle>(cycle)); }
  void reset() override;

 private:
  friend ChannelController;

  struct Burst {
    Cycle arrival = 0;
    std::uint64_t number = 0;  // in the channel
    std::uint32_t row = 0;
    std::uint8_t requester = 0;
  };

  // The bursts of a bank, by age. Of the sets, bit i is that of burst i.
  struct BankQueue {
    std::uint32_t size = 0;
    std::uint64_t writes = 0;  // those that write
    std::uint64_t hits = 0;    // those of the open row
    std::uint32_t first = 0;
    std::array<Burst, most_bank_queue> bursts;  // a ring

    static_assert((most_bank_queue & (most_bank_queue - 1)) == 0);
    Burst& at(std::uint32_t place) { return bursts[(first + place) & (most_bank_queue - 1)]; }
    const Burst& at(std::uint32_t place) const {
      return bursts[(first + place) & (most_bank_queue - 1)];
    }
    std::uint64_t all() const { return (std::uint64_t{1} << size) - 1; }
    std::uint64_t hits_of(bool is_write) const { return hits & (is_write ? writes : ~writes); }
    // Mostly it is one of the oldest.
    void remove(std::uint32_t place) {
      for (std::uint32_t i = place; i > 0; --i) at(i) = at(i - 1);
      ++first;
      --size;
      const std::uint64_t older = (std::uint64_t{1} << place) - 1;
      writes = (writes & older) | (writes >> 1 & ~older);
      hits = (hits & older) | (hits >> 1 & ~older);
    }
  };

  // The transactions of one direction: a list for each bank, by age. No two arrive at once.
  struct Transaction {
    Burst burst;
    std::int16_t next = none;
  };
  struct TransactionList {
    std::int16_t head = none, tail = none;
    std::uint16_t size = 0;
    std::uint16_t row_changes = 0;  // transactions of another row than the one before
  };
  struct TransactionQueue {
    std::uint32_t capacity = 0, size = 0;
    std::uint64_t banks = 0;  // those with a transaction
    std::array<TransactionList, most_banks> lists;
    std::array<std::int16_t, most_entries> unused;  // places of `transactions`; a stack
    std::array<Transaction, most_entries> transactions;

    const Burst& oldest(std::uint32_t bank) const { return transactions[lists[bank].head].burst; }
    void push(std::uint32_t bank, const Burst& burst);
    void pop(std::uint32_t bank);
  };

  // Kinds of candidates. The first two are the directions, as indices, too.
  enum Kind : std::uint8_t { read, write, precharging, activation, kinds };
  // When each bank could give a command of one kind, as far as it knows itself, and the first of
  // these times in each group. `forever`: the bank's queue has none to give.
  struct Lanes {
    std::array<Cycle, most_groups> first;
    std::array<Cycle, most_banks> own;
  };

  struct Refresh {
    Cycle time = forever;
    Command command = Command::refresh_all;
    std::uint32_t bank = 0;
  };

  // ---- streams
  // Banks that take turns, each giving one hit a round.
  struct Round {
    bool is_write = false;
    std::uint64_t of_run = 0;                    // banks of the requests that come in
    std::uint32_t count = 0;                     // banks
    std::uint32_t moving = 0;                    // of those with transactions that move on
    std::array<std::uint8_t, most_banks> banks;  // in the order of their turns
    std::array<std::uint8_t, most_banks> moves;  // places in the round of those with transactions
    Cycle first = 0, period = 0;                 // of the commands
    Cycle command(std::uint64_t round, std::uint32_t place) const {
      return first + static_cast<Cycle>(round * count + place) * period;
    }
  };
  std::uint64_t stream(const Request& request, std::uint64_t bursts);
  std::uint64_t run_banks(std::uint64_t number) const;
  bool all_hit(const Round& round, std::uint32_t row) const;
  bool find_round(Round& round) const;
  std::uint64_t rounds_alike(const Round& round, const Request& request,
                             std::uint64_t bursts) const;
  void serve_rounds(const Round& round, std::uint64_t rounds, const Request& request);

  // ---- time
  void run(Cycle limit);
  void step(Cycle limit);
  bool decide(Cycle limit);
  bool is_idle() const {
    return waiting_ == 0 && all_closed() && !may_move_ && second_bank_ == none &&
           clocked_bank_ == none && refresh_due_ == 0 && !observer_;
  }

  // ---- candidates
  void find_lanes(std::uint32_t bank);
  void find_all_lanes() {
    for (std::uint32_t b = 0; b < bank_count_; ++b) find_lanes(b);
  }
  void find_column_lane(std::uint32_t bank, bool is_write);
  void find_precharge_lane(std::uint32_t bank);
  void set_lane(Kind kind, std::uint32_t bank, Cycle own);
  template <Kind kind>
  Cycle shared_time(std::uint32_t group) const;
  template <Kind kind>
  Cycle first_of_kind(Cycle from) const;
  template <Kind kind>
  std::uint64_t ready_of_kind(Cycle at) const;
  Cycle first_of_bank(std::uint32_t bank) const;
  Refresh refresh_candidate(Cycle from) const;
  std::uint32_t next_in_turn(std::uint64_t banks) const;

  // ---- transactions
  void insert(const Request& request, Cycle arrival);
  void move();
  bool begins_writing() const;

  // ---- commands
  void issue(std::uint32_t bank, Cycle at);
  void column(std::uint32_t bank, std::uint32_t place, Cycle at);
  void column_with_clock(std::uint32_t bank, std::uint32_t place, Cycle at);
  void activate(std::uint32_t bank, Cycle at);
  void precharge(std::uint32_t bank, Cycle at);
  void close(std::uint32_t bank, Cycle at);
  void issue_second(Cycle at);
  void issue_refresh(const Refresh& refresh, Cycle at);
  void issued(Cycle at, bool is_column);

  bool may_stream_ = false;
  std::array<TransactionQueue, 2> transactions_;  // reads, writes
  std::uint32_t writes_to_move_ = 0;              // of those that are being written
  bool may_move_ = false;  // anything happened that a transaction could have waited for
  bool nothing_follows_ = false;
  // Transactions have moved, if they could, in all cycles before.
  Cycle move_cycle_ = 0;
  Cycle last_move_ = never;

  std::array<BankQueue, most_banks> queues_;
  std::uint32_t waiting_ = 0;                      // bursts in all of them
  std::uint64_t busy_banks_ = 0, full_banks_ = 0;  // with bursts, with no room
  std::uint32_t turn_ = 0;                         // the bank of the last command

  std::array<Lanes, kinds> lanes_;
  std::array<Cycle, kinds> first_{};  // of each kind's candidates, at the last decision
  std::uint32_t patience_ = 0;        // requests until rounds are looked for again
  Cycle nothing_before_ = 0;          // no candidate of any kind is earlier

  // With a split bus: the commands of cycle `position_`.
  bool column_done_ = false, row_done_ = false;
  std::int32_t clocked_bank_ = none;  // its CAS went out in the cycle before
  std::uint32_t clocked_place_ = 0;
};

inline void BankQueues::TransactionQueue::push(std::uint32_t bank, const Burst& burst) {
  TransactionList& list = lists[bank];
  const std::int16_t index = unused[capacity - 1 - size++];
  transactions[index] = {burst, none};
  if (list.size++ == 0) {
    list.head = index;
    banks |= std::uint64_t{1} << bank;
  } else {
    Transaction& last = transactions[list.tail];
    if (last.burst.row != burst.row) ++list.row_changes;
    last.next = index;
  }
  list.tail = index;
}

// The oldest of a bank, which has one.
inline void BankQueues::TransactionQueue::pop(std::uint32_t bank) {
  TransactionList& list = lists[bank];
  const std::int16_t index = list.head;
  const Transaction& first = transactions[index];
  list.head = first.next;
  if (--list.size == 0) {
    banks &= ~(std::uint64_t{1} << bank);
  } else if (transactions[list.head].burst.row != first.burst.row) {
    --list.row_changes;
  }
  unused[capacity - 1 - --size] = index;
}

}  // namespace spillway::models::dram
