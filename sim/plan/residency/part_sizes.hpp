// How much of a tensor stays, once it is decided which tensors stay in part and where.
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

/// Of what stays in part in a schedule, as much as moves the fewest words in the buffer,
/// where all else stays as it does; nests that this leaves other room get the best loops for it.
class PartSizes {
 public:
  PartSizes(const Schedule& schedule, const workloads::Step& step,
            const models::ComputeArray& array, Words buffer);

  /// Not placed yet.
  Schedule best();

 private:
  Words words_of_part(const Residency& residency, std::int64_t count) const;
  Standing standing(const Nest& nest, const Residency& residency, std::int64_t count) const;
  /// What residencies leave to a nest; none where they leave nothing.
  Words room(std::size_t n, const Residency& residency, std::int64_t count) const;
  std::optional<FoundNest> found(std::size_t n, const Residency& residency, std::int64_t count) {
    return searches_[n].find(standing(schedule_.nests[n], residency, count),
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
