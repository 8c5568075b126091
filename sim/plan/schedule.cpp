#include "sim/plan/schedule.hpp"

namespace spillway::sim {

Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts) {
  Schedule result{schedule.nests, {}};
  for (std::size_t i = 0; i < counts.size(); ++i) {
    Residency residency = schedule.residencies[i];
    residency.count = counts[i];
    for (std::size_t n = residency.first; n <= residency.last; ++n) {
      Nest& nest = result.nests[n];
      const std::size_t slot = nest.spec.slot_of(residency.tensor);
      if (slot < nest.spec.slots.size()) nest.resident[slot] = residency.count;
    }
    if (residency.count != 0) result.residencies.push_back(residency);
  }
  return result;
}

bool is_cut_at(const Schedule& schedule, std::size_t residency, std::int64_t count) {
  const Residency& of = schedule.residencies[residency];
  for (std::size_t n = of.first; n <= of.last; ++n) {
    const Nest& nest = schedule.nests[n];
    const std::size_t slot = nest.spec.slot_of(of.tensor);
    if (slot == nest.spec.slots.size()) continue;
    if (!is_cut_at(count, nest.spec.slots[slot], nest.spec, nest.loops)) return false;
  }
  return true;
}

}  // namespace spillway::sim
