// A vector unit is an engine of its own: what it takes over, that values and counts stay, and that
// more of it never hurts.
#include <doctest/doctest.h>

#include "analysis/reports/report.hpp"
#include "models/kernel_cost.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/error.hpp"

namespace spillway::vector_unit_test {

using models::EngineKind;
using models::Picoseconds;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;

namespace {

/// A random experiment in a buffer that it fits.
Experiment fitting(std::uint64_t number) {
  workloads::SplitMix numbers(52'000 + number);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  Experiment experiment = test::random_experiment(numbers, rules[number % rules.size()]);
  experiment.policy = number % 2 == 0 ? Policy::layer : Policy::best;
  const std::uint64_t least = test::smallest_buffer_words(experiment);
  experiment.device.buffer = bytes_of(workloads::Words(least + numbers.below(4096)));
  return experiment;
}

models::Execution executed(const Experiment& experiment, const sim::Plan& plan) {
  return sim::Simulation(experiment, plan, {.values = false}).run_step({}).execution;
}

models::VectorUnit lanes(const Experiment& experiment, std::uint64_t count) {
  return {count, experiment.device.clock_period};
}

}  // namespace

TEST_CASE("what is no product runs on the vector unit for as long as its lanes take") {
  for (std::uint64_t number = 0; number < 12; ++number) {
    Experiment experiment = fitting(number);
    experiment.device.vector_unit = models::VectorUnit{3, Picoseconds(1700)};
    experiment.device.buffer_port = Bytes(1 << 30);  // a clock at most
    CAPTURE(test::description(experiment));
    const sim::Plan plan = sim::make_plan(experiment);
    const models::ComputeArray array = experiment.device.array();
    Picoseconds products, others;
    const models::Program program = plan.program();
    while (const auto instruction = program()) {
      const auto* compute = std::get_if<models::Compute>(&*instruction);
      if (compute == nullptr) continue;
      const models::KernelCost cost = models::kernel_cost(compute->kernel);
      const Picoseconds elements = Picoseconds(1700) * ((cost.elements + 2) / 3);
      if (!cost.gemm) {
        others += elements;
      } else {
        products += experiment.device.clock_period * product_cycles(cost, array).count() + elements;
      }
    }
    const models::Execution execution = executed(experiment, plan);
    CHECK(execution.busy.of(EngineKind::vector) == others);
    CHECK(execution.busy.of(EngineKind::compute) == products);
    CHECK(others > Picoseconds(0));
    for (const EngineKind engine : models::all_engines) {
      CHECK(execution.busy.of(engine) + execution.stalled.of(engine).total() +
                execution.idle.of(engine) ==
            execution.time);
    }
  }
}

TEST_CASE("with a vector unit values and counts are those without") {
  int compared = 0;
  for (std::uint64_t number = 0; number < test::cases(30, 6); ++number) {
    Experiment experiment = fitting(number);
    experiment.device.vector_unit = lanes(experiment, 1 + number % 5);
    CAPTURE(test::description(experiment));
    const sim::Batch batch = sim::first_batch(experiment);
    sim::Simulation simulation(experiment);
    CHECK(analysis::counts_agree(simulation.plan(), simulation.run_step(batch)));
    sim::DirectTraining direct(experiment);
    direct.run_step(batch);
    if (test::is_degenerate(direct)) continue;
    ++compared;
    CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
  }
  CHECK(compared > test::cases(15, 3));
}

TEST_CASE("lanes, clocks and ports that are more or faster slow no program by more than 1 %") {
  for (std::uint64_t number = 0; number < test::cases(40, 6); ++number) {
    Experiment experiment = fitting(number);
    CAPTURE(test::description(experiment));
    const sim::Plan plan = sim::make_plan(experiment);
    const auto time = [&] { return static_cast<double>(executed(experiment, plan).time.count()); };
    // As many lanes as the array has, in an engine of their own.
    const double within = time();
    experiment.device.vector_unit = lanes(experiment, experiment.device.array_columns);
    const double apart = time();
    CHECK(apart <= 1.01 * within);
    experiment.device.vector_unit->lanes *= 4;
    const double more = time();
    CHECK(more <= 1.01 * apart);
    experiment.device.vector_unit->clock_period = Picoseconds(250);
    const double faster = time();
    CHECK(faster <= 1.01 * more);
    experiment.device.buffer_port *= 4;
    CHECK(time() <= 1.01 * faster);
  }
}

}  // namespace spillway::vector_unit_test
