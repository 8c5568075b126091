#include "sim/plan/mapping/mapping_cache.hpp"

namespace spillway::sim {

const FoundNest* MappingCache::in(std::uint64_t words) const {
  const auto above = by_capacity_.lower_bound(words);
  if (above != by_capacity_.end() && above->second.fit(words)) return &*above->second.found;
  if (above == by_capacity_.begin()) return nullptr;
  const Searched& smaller = std::prev(above)->second;
  return smaller.found ? &*smaller.found : nullptr;
}

bool MappingCache::is_known(std::uint64_t words, std::uint64_t below) const {
  const auto above = by_capacity_.lower_bound(words);
  if (above == by_capacity_.end()) return false;
  const std::uint64_t fewest = above->second.fewest();
  const FoundNest* here = in(words);
  return below <= fewest || (here != nullptr && here->cost <= fewest);
}

const FoundNest* MappingCache::add(std::uint64_t words, std::uint64_t below,
                                   std::optional<FoundNest> better) {
  const FoundNest* known = in(words);
  if (!better && known != nullptr) better = *known;
  Searched& here = by_capacity_[words];
  here = {std::move(better), below};
  return here.found ? &*here.found : nullptr;
}

}  // namespace spillway::sim
