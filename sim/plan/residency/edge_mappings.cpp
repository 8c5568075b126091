#include "sim/plan/residency/edge_mappings.hpp"

#include <algorithm>

namespace spillway::sim {

EdgeMappings::EdgeMappings(const FusionGraph& graph, const models::ComputeArray& array)
    : array_(array), edges_(graph.edges().size()) {
  for (std::size_t e = 0; e < edges_.size(); ++e) {
    for (const NestSpec& spec : graph.edges()[e].choice) edges_[e].nests.emplace_back(spec);
  }
}

EdgeMappings::Caches& EdgeMappings::caches(std::size_t edge, const ResidentSlots& resident) {
  const auto known = edges_[edge].found.try_emplace(resident).first;
  known->second.resize(edges_[edge].nests.size());
  return known->second;
}

const FoundNest* EdgeMappings::find(std::size_t edge, std::size_t choice,
                                    const ResidentSlots& resident, Caches& known,
                                    std::uint64_t words, std::uint64_t below) {
  // All specs of a choice have the same slots: only better loops than the known ones are of use.
  for (std::size_t other = 0; other < choice; ++other) {
    const FoundNest* found = known[other].in(words);
    if (found != nullptr) below = std::min(below, found->cost);
  }
  return search(edge, choice, resident, known[choice], words, below);
}

const FoundNest& EdgeMappings::quickest(std::size_t edge, std::size_t choice,
                                        const ResidentSlots& resident, std::uint64_t words) {
  Nest& nest = edges_[edge].nests[choice];
  const auto known = nest.quickest.find({resident, words});
  if (known != nest.quickest.end()) return known->second;
  const FoundNest& found = *find(edge, choice, resident, caches(edge, resident), words);
  return nest.quickest
      .emplace(
          Key{resident, words},
          nest.search().quickest(found, resident.prefixes(nest.spec.slots.size()), words, array_))
      .first->second;
}

const FoundNest* EdgeMappings::search(std::size_t edge, std::size_t choice,
                                      const ResidentSlots& resident, MappingCache& cache,
                                      std::uint64_t words, std::uint64_t below) {
  if (cache.is_known(words, below)) return cache.in(words);
  Nest& nest = edges_[edge].nests[choice];
  const ResidentPrefixes prefixes = resident.prefixes(nest.spec.slots.size());
  // With all of a tensor resident in as much room no more words move, but for the rest of it.
  std::uint64_t least = 0;
  ResidentSlots whole;
  for (const ResidentSlot& each : resident)
    whole.insert({each.slot, nest.spec.slots[each.slot].dims[0].extent});
  if (whole != resident) {
    const std::uint64_t rest =
        nest.search().least(prefixes) - nest.search().least(whole.prefixes(nest.spec.slots.size()));
    if (rest >= below) return nullptr;
    MappingCache& with_whole = caches(edge, whole)[choice];
    const FoundNest* found = search(edge, choice, whole, with_whole, words, below - rest);
    if (found == nullptr || found->cost + rest >= below) return nullptr;
    if (with_whole.is_known(words, found->cost)) least = found->cost + rest;
  }
  const FoundNest* known = cache.in(words);
  return cache.add(
      words, below,
      nest.search().find(prefixes, words, known != nullptr ? std::min(below, known->cost) : below,
                         least));
}

}  // namespace spillway::sim
