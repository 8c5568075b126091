// Whether two ways of training end with the same values, but for the order of sums.
#pragma once

#include <string>
#include <vector>

#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"

namespace spillway::test {

/// Some channel hardly varies over the mini-batch: batch-norm then blows up the last bits, and no
/// order of summation is like another. Of a first step.
bool is_degenerate(sim::DirectTraining& direct);

/// Kept tensors that differ by more than the order of sums explains; seeds by any bit.
std::vector<std::string> differing_tensors(sim::Simulation& simulation,
                                           sim::DirectTraining& direct);

}  // namespace spillway::test
