// The search of one order of a nest's loops.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <optional>
#include <vector>

#include "models/compute_array.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/mapping/nest_work.hpp"
#include "sim/plan/mapping/search_tables.hpp"

namespace spillway::sim {

/// One order of loops, searched depth first from large tiles to small ones. A smaller tile never
/// moves fewer words, unless windows leave gaps, and single places never take more room: so a
/// branch ends where the largest tiles that still fit move as much as the best loops known, and
/// where its smallest do not fit.
class OrderSearch {
 public:
  virtual ~OrderSearch() = default;
  OrderSearch(const OrderSearch&) = delete;
  OrderSearch& operator=(const OrderSearch&) = delete;

  /// Puts the best loops in the place of `best`, if they are better. With `coarse` only tiles of
  /// which each is about half of the next larger one.
  void run(std::optional<FoundNest>& best, bool coarse);

 protected:
  /// Loops in `words` of the buffer that cost less than `below`.
  OrderSearch(const NestSpec& spec, SearchTables& tables, Order& order,
              const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below);

  // What the loops are searched for.

  /// Loops have to cost less than this.
  virtual std::uint64_t bound(const std::optional<FoundNest>& /*best*/) const { return below_; }
  /// It is for lower costs: a lower bound on them ends branches.
  virtual bool is_for_cost() const { return false; }
  /// The room decreases while the search goes on.
  virtual bool is_for_room() const { return false; }
  /// The chosen tiles cost too much, and so do all smaller ones, whatever tiles the undecided
  /// levels take.
  virtual bool costs_too_much() {
    return bound() != std::numeric_limits<std::uint64_t>::max() && moved() >= bound();
  }
  /// What the loops in `shape_` cost.
  virtual std::uint64_t cost() const { return nest_cost(spec_, shape_, resident_); }
  /// Not better by anything but the cost, whatever tiles the undecided levels take.
  virtual bool is_no_better() { return false; }
  /// Loops are found that are better.
  virtual void take(const FoundNest& /*found*/) {}

  /// Clock cycles of the chosen tiles on chip, one thing after another, or no more than those of
  /// any tiles of the loops that are not decided yet: products on the array, recomputed values,
  /// words through the host port and out of the PRNG, and one for each turn of the innermost loop.
  std::uint64_t cycles(const models::ComputeArray& array);

  /// DRAM words of the chosen tiles, or no more than any tiles of the loops that are not decided
  /// yet move. (Of elements smaller than a word no more than there are.)
  std::uint64_t moved();

  std::uint64_t bound() const { return bound(*best_); }

  const NestSpec& spec_;
  const ResidentPrefixes& resident_;
  NestShape& shape_;
  std::vector<Loop> loops_;
  std::uint64_t words_, below_;

 private:
  using ByLevel =
      std::array<std::size_t, 2 * axis_count + 1>;  // and one for dimensions without a loop

  /// Of the level's sizes a later one may need more room.
  bool grows(std::size_t level) const { return (grows_ >> level & 1) != 0; }

  const std::vector<std::int64_t>& sizes(std::size_t level) const {
    return order_.levels[level].sizes;
  }

  void decide(std::size_t level, std::size_t size);
  void undecide(std::size_t level, std::size_t first);
  void set_smallest(std::size_t level, std::size_t size);
  void set_tile(std::size_t level);
  void set_trips(std::size_t level);

  const std::vector<SlotPattern>& patterns();

  /// Elements of all of a slot's tiles, or no more than of any tiles of the loops that are not
  /// decided yet; where a loop is named, along its dimensions of those that differ from the one
  /// before.
  std::int64_t elements(const SlotTiles& tiles, std::size_t fresh_along) const;
  std::uint64_t words(const SlotTiles& tiles, std::int64_t elements) const {
    return static_cast<std::uint64_t>((elements * tiles.element + 3) / 4);
  }
  /// Words of all of its tiles that move, with the loop that changes them most often.
  std::uint64_t covered(const SlotTiles& tiles, std::optional<std::size_t> innermost) const;
  /// Words of its largest tile, or no more than in any tiles that are not decided yet.
  std::uint64_t largest_tile(const SlotTiles& tiles) const;

  std::uint64_t turns(std::uint32_t loops) const;

  /// The largest product of an operation in one turn of these loops.
  models::Gemm product_of_tiles(const NestOp& op, std::uint32_t loops) const;

  /// Words that any packing of the chosen tiles needs.
  std::uint64_t needed();

  /// Decides the levels from this step on.
  void descend(std::size_t step);

  /// Of the level of a step, or of all from there on, the first sizes that fit where the others
  /// have their smallest. No size before `first` does.
  void find_fits(std::size_t step, const ByLevel& first);
  std::size_t first_fit(std::size_t level, std::size_t begin);
  /// Raises the lower bound on words: undecided levels, from a step on, take the first size that
  /// may fit. False where none changes.
  bool tighten_bound(std::size_t step);

  /// Words that an operation's operands need together, whatever is transient, or no more where
  /// tiles are not decided yet.
  std::uint64_t needed_at_least() const;

  bool is_sensible(std::size_t level) const;

  /// Tiles of a level do not split a slot's resident prefix, or later levels decide that.
  bool is_cut_at_part(std::size_t level, std::size_t s) const;

  void consider();

  const std::vector<std::vector<std::size_t>>& together_;
  Order& order_;
  std::size_t count_;
  std::optional<std::size_t> symmetric_;
  // Levels of which a later size may move fewer words, or need more room.
  std::uint32_t falls_, grows_;
  // Sizes that are decided; else the first that may fit and the last.
  ByLevel largest_{}, smallest_{};
  ByLevel fits_{};
  std::array<bool, 2 * axis_count + 1> decided_{};
  std::array<std::int64_t, 2 * axis_count> tile_{};  // of the largest
  std::array<std::uint64_t, 2 * axis_count> trips_{};
  std::uint32_t running_ = 0;  // levels
  std::vector<const SlotTiles*> slots_, streamed_;
  std::vector<std::uint64_t> room_;   // words of the largest tile, at least, by slot
  std::vector<std::size_t> in_part_;  // slots of which a prefix is resident
  bool gaps_ = false, coarse_ = false;
  std::optional<FoundNest>* best_ = nullptr;
};

/// The loops of the lowest cost.
class LowestCost : public OrderSearch {
 public:
  LowestCost(const NestSpec& spec, SearchTables& tables, Order& order,
             const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below)
      : OrderSearch(spec, tables, order, resident, words, below) {}

 private:
  std::uint64_t bound(const std::optional<FoundNest>& best) const override {
    return best ? best->cost : below_;
  }
  bool is_for_cost() const override { return true; }
};

/// The loops of the lowest price on the device, in whole units of it.
class LowestPrice : public LowestCost {
 public:
  LowestPrice(const NestSpec& spec, SearchTables& tables, Order& order,
              const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below,
              const DevicePace& pace, const Price& price)
      : LowestCost(spec, tables, order, resident, words, below), pace_(pace), price_(price) {}

 private:
  bool costs_too_much() override { return least(0) >= static_cast<double>(OrderSearch::bound()); }
  bool is_no_better() override {
    const double cycles = static_cast<double>(this->cycles(pace_.array()));
    return least(pace_.cycles(cycles)) >= static_cast<double>(OrderSearch::bound());
  }
  std::uint64_t cost() const override {
    return static_cast<std::uint64_t>(price_.of(
        nest_work(spec_, shape_, loops_, {0, 1}, resident_, pace_, {price_.contiguous, nullptr})));
  }
  /// A lower bound, of what is computed for so long.
  double least(double compute) {
    const double bytes = static_cast<double>(moved()) * workloads::bytes_per_word;
    const double least =
        price_.per_ps * std::max(pace_.bus(bytes), compute) + price_.per_byte * bytes;
    return least * worthwhile;
  }

  /// Tiles that may only be better by less are passed over.
  static constexpr double worthwhile = 1.005;

  const DevicePace& pace_;
  const Price& price_;
};

/// Of the loops that cost less than `below` those of the fewest cycles on chip, if they take fewer
/// than `fewest`, which is theirs afterwards.
class FewestCycles : public OrderSearch {
 public:
  FewestCycles(const NestSpec& spec, SearchTables& tables, Order& order,
               const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below,
               const models::ComputeArray& array, std::uint64_t& fewest)
      : OrderSearch(spec, tables, order, resident, words, below), array_(array), fewest_(fewest) {}

 private:
  bool is_no_better() override { return cycles(array_) >= fewest_; }
  void take(const FoundNest&) override { fewest_ = cycles(array_); }

  const models::ComputeArray& array_;
  std::uint64_t& fewest_;
};

/// Of the loops that cost less than `below` those that need the smallest buffer.
class SmallestRoom : public OrderSearch {
 public:
  SmallestRoom(const NestSpec& spec, SearchTables& tables, Order& order,
               const ResidentPrefixes& resident, std::uint64_t words, std::uint64_t below)
      : OrderSearch(spec, tables, order, resident, words, below) {}

 private:
  bool is_for_room() const override { return true; }
  void take(const FoundNest& found) override {
    if (found.buffer_words == 0) below_ = 0;  // there are none in less
    words_ = found.buffer_words - 1;
  }
};

}  // namespace spillway::sim
