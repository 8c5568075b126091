// Random experiments for policies that cut operations into tiles, and how to make a failing one
// small.
#pragma once

#include <functional>
#include <vector>

#include "sim/plan/plan.hpp"
#include "tests/support/build.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::test {

/// A random network under the rule, with random options and idealisations.
sim::Experiment random_experiment(workloads::SplitMix& numbers, const std::string& rule);

/// Words of the smallest buffer that the experiment's policy works in, as the error of a buffer
/// that is too small says it.
std::uint64_t smallest_buffer_words(sim::Experiment experiment);

/// Words that the plan moves through the DRAM port, and through that and the host port: what policy
/// best minimises.
std::uint64_t dram_words(const sim::Plan& plan);
std::uint64_t moved_words(const sim::Plan& plan);

/// Everything that a random experiment is made of, for people.
std::string description(const sim::Experiment& experiment);

/// All experiments that are simpler than this one by one thing.
std::vector<sim::Experiment> simpler(const sim::Experiment& experiment);

/// The experiment made simpler for as long as it still fails, `tries` times at most.
sim::Experiment shrunk(sim::Experiment experiment,
                       const std::function<bool(const sim::Experiment&)>& fails, int tries = 2000);

}  // namespace spillway::test
