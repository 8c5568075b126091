#include "sim/plan/residency/part_sizes.hpp"

#include <algorithm>

#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/limits.hpp"

namespace spillway::sim {

using workloads::Step;

std::optional<Schedule> placed_in_parts(const Schedule& schedule, const Step& step, Words buffer) {
  std::vector<std::int64_t> counts;
  for (const Residency& residency : schedule.residencies)
    counts.push_back(is_whole(residency, step) ? residency.count : 0);
  Schedule result = with_counts(schedule, counts);
  if (!place(result, step, buffer)) return std::nullopt;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i] != 0) continue;
    const std::int64_t most = schedule.residencies[i].count;
    const std::int64_t less = std::max<std::int64_t>(1, most / limits.sizes_placed);
    for (std::int64_t count = most; count > 0; count -= less) {
      while (count > 0 && !is_cut_at(schedule, i, count)) --count;
      counts[i] = std::max<std::int64_t>(0, count);
      if (counts[i] == 0) break;
      Schedule larger = with_counts(schedule, counts);
      if (place(larger, step, buffer)) {
        result = std::move(larger);
        break;
      }
      counts[i] = 0;
    }
  }
  return result;
}

PartSizes::PartSizes(const Schedule& schedule, const Step& step, const models::ComputeArray& array,
                     Words buffer)
    : schedule_(schedule), step_(step), array_(array), buffer_(buffer) {
  for (const Nest& nest : schedule.nests) searches_.emplace_back(nest.spec);
}

Schedule PartSizes::best() {
  for (std::size_t i = 0; i < schedule_.residencies.size(); ++i) {
    Residency& residency = schedule_.residencies[i];
    if (is_whole(residency, step_)) continue;
    const std::int64_t extent = step_.tensor(residency.tensor).shape[0];
    std::int64_t best = residency.count;
    std::optional<Words> fewest = moved(residency, best);
    for (std::int64_t count = extent - 1; count > 0;
         count -= (extent + limits.sizes_resized - 1) / limits.sizes_resized) {
      const auto words = moved(residency, count);
      if (!words || (fewest && *words >= *fewest)) continue;
      fewest = words;
      best = count;
    }
    if (fewest) take(residency, best);
  }
  return std::move(schedule_);
}

Words PartSizes::words_of_part(const Residency& residency, std::int64_t count) const {
  Residency other = residency;
  other.count = count;
  return words_of(other, step_);
}

ResidentPrefixes PartSizes::resident(const Nest& nest, const Residency& residency,
                                     std::int64_t count) const {
  ResidentPrefixes result = nest.resident;
  const std::size_t slot = nest.spec.slot_of(residency.tensor);
  if (slot < result.size()) result[slot] = count;
  return result;
}

Words PartSizes::room(std::size_t n, const Residency& residency, std::int64_t count) const {
  Words taken = words_of_part(residency, count);
  for (const Residency& other : schedule_.residencies) {
    const bool here = other.first <= n && n <= other.last;
    if (here && &other != &residency) taken += words_of(other, step_);
  }
  return taken < buffer_ ? buffer_ - taken : Words(0);
}

std::optional<Words> PartSizes::moved(const Residency& residency, std::int64_t count) {
  const std::uint64_t times =
      (residency.begin == Residency::Begin::load ? 1 : 0) + (residency.stored ? 1 : 0);
  Words sum = times * words_of_part(residency, count);
  for (std::size_t n = residency.first; n <= residency.last; ++n) {
    const auto nest = found(n, residency, count);
    if (!nest) return std::nullopt;
    sum += Words(nest->cost);
  }
  return sum;
}

void PartSizes::take(Residency& residency, std::int64_t count) {
  for (std::size_t n = residency.first; n <= residency.last; ++n) {
    Nest& nest = schedule_.nests[n];
    nest = searches_[n].quickest_nest(*found(n, residency, count), resident(nest, residency, count),
                                      room(n, residency, count).count(), array_);
  }
  residency.count = count;
}

}  // namespace spillway::sim
