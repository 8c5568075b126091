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

/// Losses and parameters that two steps through the device leave otherwise than two of direct
/// training do: by any bit, or by more than 0.001 of a value of 1 and more.
std::vector<std::string> differing_after_two_steps(const sim::Experiment& experiment, bool by_bits);

}  // namespace spillway::test
