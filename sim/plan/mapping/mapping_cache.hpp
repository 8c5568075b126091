// The best loops of a nest that are known, by the capacity of the buffer they were searched in. In
// a smaller one they are the best, too, as long as they fit.
#pragma once

#include <cstdint>
#include <map>
#include <optional>

#include "sim/plan/mapping/nest_search.hpp"

namespace spillway::sim {

class MappingCache {
 public:
  /// Loops that fit, if some are known: those found in the next larger capacity or the next
  /// smaller.
  const FoundNest* in(std::uint64_t words) const;
  /// Those are the best, or there are none at all of fewer words than `below`.
  bool is_known(std::uint64_t words, std::uint64_t below) const;
  /// Adds the result of a search for loops of fewer words than `below` and than all known ones.
  const FoundNest* add(std::uint64_t words, std::uint64_t below, std::optional<FoundNest> better);

 private:
  struct Searched {
    std::optional<FoundNest> found;
    std::uint64_t below = 0;  ///< loops of as many words and more were not searched for
    bool fit(std::uint64_t words) const { return found && found->buffer_words <= words; }
    /// There are none of fewer words.
    std::uint64_t fewest() const { return found && found->cost < below ? found->cost : below; }
  };
  std::map<std::uint64_t, Searched> by_capacity_;
};

}  // namespace spillway::sim
