#include "sim/plan/mapping/nest_search.hpp"

#include <algorithm>
#include <limits>

#include "sim/plan/mapping/fitted_nest.hpp"
#include "sim/plan/mapping/order_search.hpp"
#include "sim/plan/mapping/search_tables.hpp"

namespace spillway::sim {

LoopSearch::LoopSearch(const NestSpec& spec)
    : spec_(spec), tables_(std::make_unique<SearchTables>(spec)) {}
LoopSearch::LoopSearch(LoopSearch&&) noexcept = default;
LoopSearch::~LoopSearch() = default;

std::uint64_t LoopSearch::least(const ResidentPrefixes& resident) const {
  // Whole tensors, moved once, unless windows leave out a part of them.
  if (tables_->gaps) return 0;
  NestShape shape(spec_);
  shape.set({});
  return nest_cost(spec_, shape, resident);
}

std::optional<FoundNest> LoopSearch::find(const ResidentPrefixes& resident, std::uint64_t words,
                                          std::uint64_t below, std::uint64_t least) {
  least = std::max(least, this->least(resident));
  std::optional<FoundNest> best;
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      if ((best ? best->cost : below) <= least) return best;
      LowestCost(spec_, *tables_, order, resident, words, below).run(best, coarse);
    }
  }
  return best;
}

std::optional<FoundNest> LoopSearch::cheapest(const ResidentPrefixes& resident, std::uint64_t words,
                                              const DevicePace& pace, const Price& price,
                                              std::uint64_t below) {
  std::optional<FoundNest> best;
  for (Order& order : tables_->orders) {
    LowestPrice(spec_, *tables_, order, resident, words, below, pace, price).run(best, true);
  }
  return best;
}

FoundNest LoopSearch::quickest(const FoundNest& found, const ResidentPrefixes& resident,
                               std::uint64_t words, const models::ComputeArray& array) {
  std::optional<FoundNest> best;
  std::uint64_t cycles = std::numeric_limits<std::uint64_t>::max();
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      FewestCycles(spec_, *tables_, order, resident, words, found.cost + 1, array, cycles)
          .run(best, coarse);
    }
  }
  return best ? *best : found;
}

Nest LoopSearch::quickest_nest(const FoundNest& found, const ResidentPrefixes& resident,
                               std::uint64_t words, const models::ComputeArray& array) {
  return make_nest(spec_, quickest(found, resident, words, array), resident, words);
}

FoundNest LoopSearch::smallest(const ResidentPrefixes& resident, std::uint64_t below) {
  std::optional<FoundNest> best;
  std::uint64_t words = std::numeric_limits<std::uint64_t>::max();
  for (const bool coarse : {true, false}) {
    for (Order& order : tables_->orders) {
      SmallestRoom(spec_, *tables_, order, resident, words, below).run(best, coarse);
      if (best && best->buffer_words == 0) return *best;
      if (best) words = best->buffer_words - 1;
    }
  }
  return best.value();
}

std::optional<FoundNest> find_loops(const NestSpec& spec, const ResidentPrefixes& resident,
                                    std::uint64_t words) {
  return LoopSearch(spec).find(resident, words);
}

std::uint64_t smallest_buffer(const NestSpec& spec, const ResidentPrefixes& resident) {
  return LoopSearch(spec).smallest(resident).buffer_words;
}

}  // namespace spillway::sim
