// Residencies of whole tensors, by the step's operations.
#pragma once

#include <vector>

#include "sim/plan/lifetimes/residency.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// Policy `paper`: whole tensors. A tensor that a stage uses stays to the end of the stage, and on
/// through the next stage when that uses it too; at a turn everything leaves but the survivors. A
/// changed tensor with a later use is stored, any other is dropped. Space is given up at the last
/// use. A generated tensor is made anew for every operation that uses it.
std::vector<Residency> paper_residencies(const workloads::Step& step);

/// Whole tensors, each from its first use to its last: nothing crosses the border twice.
std::vector<Residency> lasting_residencies(const workloads::Step& step);

}  // namespace spillway::sim
