// The best mappings of the nests that lead from place to place, each searched once.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "models/compute_array.hpp"
#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/mapping/mapping_cache.hpp"
#include "sim/plan/residency/resident_set.hpp"

namespace spillway::sim {

/// The best loops of the graph's nests, each searched once.
class EdgeMappings {
 public:
  EdgeMappings(const FusionGraph& graph, const models::ComputeArray& array);
  /// Known mappings of an edge's nests with these residents, by choice.
  using Caches = std::vector<MappingCache>;
  Caches& caches(std::size_t edge, const ResidentSlots& resident);
  /// Loops of fewer words than `below`, if there are some and no other choice has as good ones;
  /// else none, or loops of no fewer.
  const FoundNest* find(std::size_t edge, std::size_t choice, const ResidentSlots& resident,
                        Caches& known, std::uint64_t words,
                        std::uint64_t below = std::numeric_limits<std::uint64_t>::max());
  /// The found loops, or others that move as few words in less time.
  const FoundNest& quickest(std::size_t edge, std::size_t choice, const ResidentSlots& resident,
                            std::uint64_t words);

 private:
  struct Key {
    ResidentSlots resident;
    std::uint64_t words = 0;
    bool operator==(const Key&) const = default;
  };
  struct SlotsHash {
    std::size_t operator()(const ResidentSlots& resident) const { return resident.hash(); }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return key.resident.hash() * 1'000'003 + static_cast<std::size_t>(key.words);
    }
  };
  struct Nest {
    explicit Nest(const NestSpec& of) : spec(of) {}
    LoopSearch& search() {
      if (!tables) tables.emplace(spec);
      return *tables;
    }
    const NestSpec& spec;
    std::optional<LoopSearch> tables;
    std::unordered_map<Key, FoundNest, Hash> quickest;
  };
  struct OfEdge {
    std::vector<Nest> nests;  // by choice
    std::unordered_map<ResidentSlots, Caches, SlotsHash> found;
  };

  const FoundNest* search(std::size_t edge, std::size_t choice, const ResidentSlots& resident,
                          MappingCache& cache, std::uint64_t words, std::uint64_t below);

  const models::ComputeArray& array_;
  std::vector<OfEdge> edges_;
};

}  // namespace spillway::sim
