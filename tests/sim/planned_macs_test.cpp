// MACs of a plan: those of the step, and those that it does again.
#include "sim/plan/reports/planned_macs.hpp"

#include <doctest/doctest.h>

#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::planned_macs_test {

using sim::Experiment;
using sim::PlannedMacs;
using sim::Policy;
using workloads::Bytes;
using workloads::Macs;
using workloads::Words;

namespace {

sim::Plan plan_in(Experiment experiment, Policy policy, std::uint64_t words) {
  experiment.policy = policy;
  experiment.device.buffer = bytes_of(Words(words));
  return make_plan(experiment);
}

/// Maps that are large beside weights: worth making again.
Experiment large_maps() {
  workloads::LayerSpec first = test::conv(3, 3), second = test::conv(4, 3);
  for (workloads::LayerSpec* spec : {&first, &second}) {
    spec->padding_mode = workloads::PaddingMode::same;
  }
  Experiment experiment = test::experiment(
      workloads::make_network("large maps", {2, 8, 8}, 3, {first, second, test::fc(5)}), "bp", 8);
  experiment.optimizer.momentum = 0;
  return experiment;
}

}  // namespace

TEST_CASE("planned MACs are the device's with work done again and without") {
  workloads::SplitMix numbers(20261125);
  int recomputed = 0, plans = 0;
  constexpr int steps = test::cases(4, 2);
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (int network = 0; network < 2; ++network) {
      Experiment experiment = test::random_experiment(numbers, rule);
      for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
        experiment.policy = policy;
        std::uint64_t words = test::smallest_buffer_words(experiment);
        for (int step = 0; step < steps; ++step, words += 1 + words / 2) {
          experiment.device.buffer = bytes_of(Words(words));
          CAPTURE(test::description(experiment));
          CAPTURE(to_string(policy));
          CAPTURE(words);
          sim::Simulation simulation(experiment, {true, false});
          const models::Execution execution = simulation.run_step({}).execution;
          const PlannedMacs planned = planned_macs(simulation.plan());
          CHECK(planned.macs == execution.macs);
          CHECK(planned.macs_padded == execution.macs_padded);
          CHECK(planned.readout == execution.macs_apart);
          // Outputs that no pooling window takes may be left out.
          const workloads::Step& own = simulation.plan().step();
          CHECK(execution.macs <= own.macs() + planned.recomputed);
          CHECK(execution.macs_apart == own.readout_macs() + planned.readout_recomputed);
          if (planned.recomputed > Macs(0)) ++recomputed;
          ++plans;
        }
      }
    }
  }
  CHECK(recomputed > steps);
  CHECK(plans - recomputed > 10 * steps);
}

TEST_CASE("whole tensors are worked on once") {
  const sim::Plan plan = make_plan(large_maps());
  const PlannedMacs planned = planned_macs(plan);
  CHECK(planned.macs == plan.step().macs());
  CHECK(planned.macs_padded == plan.step().macs_padded());
  CHECK(planned.readout == plan.step().readout_macs());
  CHECK(planned.recomputed == Macs(0));
  CHECK(planned.readout_recomputed == Macs(0));
}

TEST_CASE("activations that are not stored cost their forward products again") {
  const Experiment experiment = large_maps();
  const workloads::Network& network = experiment.network;
  const auto forward = [&](std::size_t layers) {
    Macs sum;
    for (std::size_t i = 0; i < layers; ++i) sum += 8 * network.layers[i].macs_exact();
    return sum;
  };
  int found = 0;
  for (std::uint64_t words = 600; words < 4000; words += test::sanitized ? 1600 : 500) {
    CAPTURE(words);
    const sim::Plan best = plan_in(experiment, Policy::best, words);
    const sim::Plan recomputed = plan_in(experiment, Policy::best_with_recomputation, words);
    CHECK(planned_macs(best).recomputed == Macs(0));
    CHECK(planned_macs(best).macs == best.step().macs());
    const Macs extra = planned_macs(recomputed).recomputed;
    CHECK(planned_macs(recomputed).macs == recomputed.step().macs() + extra);
    if (test::moved_words(recomputed) == test::moved_words(best)) continue;
    CHECK((extra == forward(1) || extra == forward(2)));
    ++found;
  }
  CHECK(found >= test::cases(2, 0));
}

}  // namespace spillway::planned_macs_test
