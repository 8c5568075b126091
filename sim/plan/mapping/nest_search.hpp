// The loops of a nest that move the fewest words through a buffer.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

class DevicePace;
struct Price;
struct SearchTables;

/// Loops, what they cost by the objective, and the words that they need.
struct FoundNest {
  std::vector<Loop> loops;
  std::uint64_t cost = 0;
  std::uint64_t buffer_words = 0;
};

/// Searches one spec for many buffers, and keeps tables that do not depend on them. The spec has to
/// outlive it.
class LoopSearch {
 public:
  explicit LoopSearch(const NestSpec& spec);
  LoopSearch(LoopSearch&& other) noexcept;
  ~LoopSearch();
  /// As find_loops, but only loops that move fewer words than `below`. None are known to move fewer
  /// than `least`.
  std::optional<FoundNest> find(const ResidentPrefixes& resident, std::uint64_t words,
                                std::uint64_t below = std::numeric_limits<std::uint64_t>::max(),
                                std::uint64_t least = 0);
  /// No loops move fewer words in any buffer.
  std::uint64_t least(const ResidentPrefixes& resident) const;
  /// The loops that move fewer words than `below` in the smallest buffer; there have to be some.
  FoundNest smallest(const ResidentPrefixes& resident,
                     std::uint64_t below = std::numeric_limits<std::uint64_t>::max());
  /// The loops of the lowest price on the device; nothing where none cost less than `below`.
  std::optional<FoundNest> cheapest(const ResidentPrefixes& resident, std::uint64_t words,
                                    const DevicePace& pace, const Price& price,
                                    std::uint64_t below);
  /// Of all loops that move no more words through the DRAM port than these, the loops of the fewest
  /// cycles on chip, by an estimate.
  FoundNest quickest(const FoundNest& found, const ResidentPrefixes& resident, std::uint64_t words,
                     const models::ComputeArray& array);
  /// These loops as a nest.
  Nest quickest_nest(const FoundNest& found, const ResidentPrefixes& resident, std::uint64_t words,
                     const models::ComputeArray& array);

 private:
  const NestSpec& spec_;
  std::unique_ptr<SearchTables> tables_;
};

/// The best loops among all orders and tile sizes, in a buffer of `words`; a larger buffer
/// never finds worse ones. Nothing when even the smallest tiles do not fit.
std::optional<FoundNest> find_loops(const NestSpec& spec, const ResidentPrefixes& resident,
                                    std::uint64_t words);

/// The fewest words that any loops need; the spec has to have legal ones.
std::uint64_t smallest_buffer(const NestSpec& spec, const ResidentPrefixes& resident);

}  // namespace spillway::sim
