// Which words count where the search of a plan minimises words. Everything that compares plans by
// them, or leaves some out because they cannot be better, asks here.
#pragma once

#include "models/tile.hpp"

namespace spillway::sim {

/// Words that cross the DRAM port, as policy `layer` counts them, or the host port as well, as
/// policy `best` does: for that an idealisation says where words are counted, and makes no store
/// that costs nothing. Another cost in whole units, the less the better, may take their place, of
/// which the search takes for granted:
/// - a plan's cost is the sum of what its nests cost, each by itself, and of what loading and
///   storing its residencies costs (`cost_of`);
/// - a nest's cost is no less than the sum of its slots' costs, and a slot's grows with the words
///   that the slot moves (`nest_cost`); slots of tensors that are not counted cost nothing;
/// - more room in the buffer never makes the best nest cost more.
class CountedWords {
 public:
  explicit CountedWords(const models::MemoryMap& map, bool host = false) : map_(map), host_(host) {}

  /// Moving the tensor costs something.
  bool counts(workloads::TensorId id) const {
    return host_ || map_.at(id).port == models::Port::dram;
  }

 private:
  const models::MemoryMap& map_;
  bool host_;
};

}  // namespace spillway::sim
