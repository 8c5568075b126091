// Sizes of residencies in part, once it is decided which tensors are resident in part, and when.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "models/compute_array.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// The schedule with as much of its residencies in part as can be placed, and placed.
std::optional<Schedule> placed_in_parts(const Schedule& schedule, const workloads::Step& step,
                                        Words buffer);

/// Sizes of a schedule's residencies in part by which it moves the fewest words in the buffer, all
/// else unchanged; nests that are left other room get the best loops for it.
class PartSizes {
 public:
  PartSizes(const Schedule& schedule, const workloads::Step& step,
            const models::ComputeArray& array, Words buffer);

  /// Not placed yet.
  Schedule best();

 private:
  Words words_of_part(const Residency& residency, std::int64_t count) const;
  ResidentPrefixes resident(const Nest& nest, const Residency& residency, std::int64_t count) const;
  /// Words that residencies leave to a nest; none where they leave nothing.
  Words room(std::size_t n, const Residency& residency, std::int64_t count) const;
  std::optional<FoundNest> found(std::size_t n, const Residency& residency, std::int64_t count) {
    return searches_[n].find(resident(schedule_.nests[n], residency, count),
                             room(n, residency, count).count());
  }
  /// Words of the residency and of the nests that it lasts for.
  std::optional<Words> moved(const Residency& residency, std::int64_t count);
  void take(Residency& residency, std::int64_t count);

  Schedule schedule_;
  const workloads::Step& step_;
  const models::ComputeArray& array_;
  Words buffer_;
  std::vector<LoopSearch> searches_;
};

}  // namespace spillway::sim
