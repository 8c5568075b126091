#include "sim/plan/residency/known_loops.hpp"

#include <algorithm>

namespace spillway::sim {

KnownLoops::KnownLoops(const FusionGraph& graph, const models::ComputeArray& array)
    : array_(array), edges_(graph.edges().size()) {
  for (std::size_t e = 0; e < edges_.size(); ++e) {
    for (const NestSpec& spec : graph.edges()[e].choice) edges_[e].nests.emplace_back(spec);
  }
}

KnownLoops::Loops& KnownLoops::loops(std::size_t edge, const Pins& pins) {
  const auto known = edges_[edge].found.try_emplace(pins).first;
  known->second.resize(edges_[edge].nests.size());
  return known->second;
}

const FoundNest* KnownLoops::find(std::size_t edge, std::size_t choice, const Pins& pins,
                                  Loops& known, std::uint64_t words, std::uint64_t below) {
  // All specs of a choice have the same slots: only better loops than those known are of use.
  for (std::size_t other = 0; other < choice; ++other) {
    const FoundNest* found = known[other].in(words);
    if (found != nullptr) below = std::min(below, found->dram_words);
  }
  return search(edge, choice, pins, known[choice], words, below);
}

const FoundNest& KnownLoops::quickest(std::size_t edge, std::size_t choice, const Pins& pins,
                                      std::uint64_t words) {
  Nest& nest = edges_[edge].nests[choice];
  const auto known = nest.quickest.find({pins, words});
  if (known != nest.quickest.end()) return known->second;
  const FoundNest& found = *find(edge, choice, pins, loops(edge, pins), words);
  return nest.quickest
      .emplace(Key{pins, words},
               nest.search().quickest(found, pins.standing(nest.spec.slots.size()), words, array_))
      .first->second;
}

const FoundNest* KnownLoops::search(std::size_t edge, std::size_t choice, const Pins& pins,
                                    LoopsByRoom& rooms, std::uint64_t words, std::uint64_t below) {
  if (rooms.is_known(words, below)) return rooms.in(words);
  Nest& nest = edges_[edge].nests[choice];
  const Standing standing = pins.standing(nest.spec.slots.size());
  // With all of a tensor standing in as much room no more words move, but for the rest of it.
  std::uint64_t least = 0;
  Pins whole;
  for (const Pin& pin : pins) whole.insert({pin.slot, nest.spec.slots[pin.slot].dims[0].extent});
  if (whole != pins) {
    const std::uint64_t rest =
        nest.search().least(standing) - nest.search().least(whole.standing(nest.spec.slots.size()));
    if (rest >= below) return nullptr;
    LoopsByRoom& with_whole = loops(edge, whole)[choice];
    const FoundNest* found = search(edge, choice, whole, with_whole, words, below - rest);
    if (found == nullptr || found->dram_words + rest >= below) return nullptr;
    if (with_whole.is_known(words, found->dram_words)) least = found->dram_words + rest;
  }
  const FoundNest* known = rooms.in(words);
  return rooms.add(
      words, below,
      nest.search().find(standing, words,
                         known != nullptr ? std::min(below, known->dram_words) : below, least));
}

}  // namespace spillway::sim
