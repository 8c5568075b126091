// A step as a sequence of nests, with what stays in the buffer from one nest to another.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/lifetimes/residency.hpp"
#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

struct Schedule {
  std::vector<Nest> nests;
  std::vector<Residency> residencies;
};

/// The schedule with residencies of so many elements each of their tensors' first dimensions, fewer
/// than there are or as many.
Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts);

/// A residency may be of so many elements: no tile of the nests that use it would be split.
bool is_cut_at(const Schedule& schedule, std::size_t residency, std::int64_t count);

}  // namespace spillway::sim
