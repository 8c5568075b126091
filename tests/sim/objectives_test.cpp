// Policies that minimise something else than words: nothing else about their plans changes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/reports/report.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::objectives_test {

using sim::Experiment;
using sim::Objective;
using sim::Policy;
using workloads::Words;

namespace {

/// Some slot's tiles take turns in two places.
bool has_double_buffers(const sim::Plan& plan) {
  return std::ranges::any_of(plan.schedule().nests, [](const sim::Nest& nest) {
    sim::NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    for (std::size_t s = 0; s < nest.spec.slots.size(); ++s) {
      if (shape.alternates(s)) return true;
    }
    return false;
  });
}

}  // namespace

TEST_CASE("by any objective a program moves the planned words and computes the same values") {
  workloads::SplitMix numbers(20261130);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  int compared = 0, doubled = 0;
  constexpr int cases = test::cases(120, 24);
  for (int number = 0; number < cases; ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    experiment.policy = Policy::best;
    const std::uint64_t smallest = test::smallest_buffer_words(experiment);
    for (const auto& objective : sim::objective_names) {
      experiment.objective = objective.value;
      const std::uint64_t more = numbers.below(2) == 0 ? 64 : 8192;
      experiment.device.buffer = bytes_of(Words(smallest + numbers.below(more)));
      CAPTURE(number);
      CAPTURE(test::description(experiment));
      CAPTURE(objective.name);
      CAPTURE(experiment.device.buffer.count());
      const sim::Batch batch = sim::first_batch(experiment);
      sim::Simulation simulation(experiment);
      CAPTURE(analysis::plan_text(experiment, simulation.plan()));
      const sim::Result result = simulation.run_step(batch);
      REQUIRE(analysis::counts_agree(simulation.plan(), result));
      REQUIRE(result.execution.high_water <= experiment.device.buffer);
      sim::DirectTraining direct(experiment);
      direct.run_step(batch);
      if (test::is_degenerate(direct)) continue;
      ++compared;
      doubled += has_double_buffers(simulation.plan());
      CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
    }
  }
  CHECK(compared > 4 * cases);
  CHECK(doubled > cases);
}

}  // namespace spillway::objectives_test
