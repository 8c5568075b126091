// The best mappings of the nests that lead from place to place, each searched once.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "models/compute_array.hpp"
#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/mapping/loops_by_room.hpp"
#include "sim/plan/residency/held_set.hpp"

namespace spillway::sim {

/// The best loops of the graph's nests, each searched once.
class KnownLoops {
 public:
  KnownLoops(const FusionGraph& graph, const models::ComputeArray& array);
  /// What is known of an edge's nests where so much stands, by choice.
  using Loops = std::vector<LoopsByRoom>;
  Loops& loops(std::size_t edge, const Pins& pins);
  /// Loops of fewer words than `below`, if there are some and no other choice has as good ones;
  /// else none, or loops of no fewer.
  const FoundNest* find(std::size_t edge, std::size_t choice, const Pins& pins, Loops& known,
                        std::uint64_t words,
                        std::uint64_t below = std::numeric_limits<std::uint64_t>::max());
  /// The found loops, or others that move as few words in less time.
  const FoundNest& quickest(std::size_t edge, std::size_t choice, const Pins& pins,
                            std::uint64_t words);

 private:
  struct Key {
    Pins pins;
    std::uint64_t words = 0;
    bool operator==(const Key&) const = default;
  };
  struct PinsHash {
    std::size_t operator()(const Pins& pins) const { return pins.hash(); }
  };
  struct Hash {
    std::size_t operator()(const Key& key) const {
      return key.pins.hash() * 1'000'003 + static_cast<std::size_t>(key.words);
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
    std::unordered_map<Pins, Loops, PinsHash> found;
  };

  const FoundNest* search(std::size_t edge, std::size_t choice, const Pins& pins,
                          LoopsByRoom& rooms, std::uint64_t words, std::uint64_t below);

  const models::ComputeArray& array_;
  std::vector<OfEdge> edges_;
};

}  // namespace spillway::sim
