// A step as a sequence of nests, or of operations on whole tensors, with the tensors that are
// resident from one to another.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/lifetimes/residency.hpp"
#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

struct Schedule {
  /// Empty where each of the step's operations runs by itself, in the step's order, on whole
  /// tensors: then each operand has a residency, but generated ones without one are streamed.
  std::vector<Nest> nests;
  /// By nest, or by operation.
  std::vector<Residency> residencies;

  bool by_operations() const { return nests.empty(); }
};

/// The schedule with `counts[i]` elements of the tensor's first dimension in residency i, at most
/// as many as before.
Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts);

/// A residency may be of `count` elements: it would split no tile of the nests that use it.
bool is_cut_at(const Schedule& schedule, std::size_t residency, std::int64_t count);

}  // namespace spillway::sim
