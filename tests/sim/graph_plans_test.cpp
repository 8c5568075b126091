// Policies that cut operations into tiles, on networks that are graphs and on larger blocks.
#include <doctest/doctest.h>

#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/hand_schedules.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::graph_plans_test {

using namespace workloads;
using sim::Policy;

namespace {

/// Random graphs, whose time is in proportion.
constexpr int graphs = test::cases(32, 6);

/// Everything is counted in one case of two.
sim::Experiment random_graph(SplitMix& numbers) {
  sim::Experiment experiment = test::random_graph_experiment(numbers, 9);
  if (numbers.below(2) == 0) experiment.idealisations = sim::Idealisations::none();
  return experiment;
}

std::uint64_t words_of(sim::Experiment experiment, Policy policy, std::uint64_t buffer) {
  experiment.policy = policy;
  experiment.device.buffer = Bytes(4 * buffer);
  return test::moved_words(sim::make_plan(experiment));
}

}  // namespace

TEST_CASE("on random graphs best moves no more than layer, nor more in a larger buffer") {
  SplitMix numbers(221);
  int better = 0;
  for (int i = 0; i < graphs; ++i) {
    sim::Experiment experiment = random_graph(numbers);
    CAPTURE(test::description(experiment));
    experiment.policy = Policy::layer;
    const std::uint64_t least = test::smallest_buffer_words(experiment);
    std::uint64_t before = ~std::uint64_t{0};
    for (const std::uint64_t buffer : {least, least + least / 3, 2 * least + 7, 9 * least}) {
      const std::uint64_t layer = words_of(experiment, Policy::layer, buffer);
      const std::uint64_t best = words_of(experiment, Policy::best, buffer);
      CHECK(best <= layer);
      CHECK(best <= before);
      CHECK(best >= test::compulsory_words(experiment));
      better += best < layer;
      before = best;
    }
    CHECK(words_of(experiment, Policy::best_with_recomputation, 2 * least) <=
          words_of(experiment, Policy::best, 2 * least));
  }
  CHECK(2 * better > 5 * graphs);
}

TEST_CASE("on random graphs best has the direct run's values, and moves what it plans") {
  SplitMix numbers(222);
  for (int i = 0; i < graphs; ++i) {
    sim::Experiment experiment = random_graph(numbers);
    CAPTURE(test::description(experiment));
    experiment.policy = Policy::best;
    const std::uint64_t least = test::smallest_buffer_words(experiment);
    experiment.device.buffer = Bytes(4 * (least + numbers.below(4 * least)));
    CHECK(test::differing_after_two_steps(experiment, false) == std::vector<std::string>{});
    const sim::Plan plan = sim::make_plan(experiment);
    const sim::Result result =
        sim::Simulation(experiment, plan, {.values = false}).run_step(sim::Batch{});
    for (const sim::Direction direction : {sim::Direction::read, sim::Direction::write}) {
      CHECK(plan.ledger().total(models::Port::dram, direction) ==
            result.ledger.total(models::Port::dram, direction));
    }
  }
}

}  // namespace spillway::graph_plans_test
