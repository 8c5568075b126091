// Policies that minimise something else than words: nothing else about their plans changes.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/closed_forms/time_bound.hpp"
#include "analysis/reports/report.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::objectives_test {

using sim::Experiment;
using sim::Objective;
using sim::Policy;
using workloads::Words;

namespace {

/// Some slot's tiles take turns in several places.
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
  constexpr int cases = test::cases(45, 8);
  for (int number = 0; number < cases; ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    experiment.policy = Policy::best;
    const std::uint64_t smallest = test::smallest_buffer_words(experiment);
    for (std::size_t k = 0; k < 2; ++k) {
      const auto& objective = sim::objective_names[(static_cast<std::size_t>(number) + k) % 5];
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
      const models::DramCounters& dram = result.execution.dram;
      const double bytes = static_cast<double>((dram.read_bytes + dram.write_bytes).count());
      CHECK(simulation.plan().cost(experiment.device).bytes == doctest::Approx(bytes));
      sim::DirectTraining direct(experiment);
      direct.run_step(batch);
      if (test::is_degenerate(direct)) continue;
      ++compared;
      doubled += has_double_buffers(simulation.plan());
      CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
    }
  }
  CHECK(compared > 3 * cases / 2);
  CHECK(doubled > cases / 3);
}

TEST_CASE("no plan by an objective costs more by it than those of layer and of the fewest words") {
  workloads::SplitMix numbers(20261201);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (int number = 0; number < test::cases(40, 4); ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    experiment.policy = Policy::layer;
    const std::uint64_t smallest = test::smallest_buffer_words(experiment);
    experiment.device.buffer = bytes_of(Words(smallest + numbers.below(8192)));
    const sim::DevicePace pace(experiment.device);
    const sim::Plan layer = sim::make_plan(experiment);
    experiment.policy = Policy::best;
    const sim::Plan fewest = sim::make_plan(experiment);
    const auto& objective = sim::objective_names[1 + static_cast<std::size_t>(number) % 4];
    experiment.objective = objective.value;
    const sim::Plan plan = sim::make_plan(experiment);
    const auto cost = [&](const sim::Plan& of) {
      return plan_cost(of.schedule(), {of.step(), of.map(), experiment.device}, pace,
                       {.layouts = true, .all_in_dram = true})
          .by(objective.value);
    };
    CAPTURE(number);
    CAPTURE(objective.name);
    CHECK(cost(plan) <= cost(layer));
    CHECK(cost(plan) <= cost(fewest));
    // What is idealised counts here, too.
    double asked = 0;
    for (const sim::ScheduledMove& move : moves_of(layer.schedule(), layer.step())) {
      asked += static_cast<double>(move.size.bytes.count());
    }
    const sim::ScheduleTask task{layer.step(), layer.map(), experiment.device};
    const sim::CostOptions all{.layouts = true, .all_in_dram = true};
    CHECK(plan_cost(layer.schedule(), task, pace, all).bytes > 0.999 * asked);
  }
}

TEST_CASE("plans by time are simulated faster than the others, and about as long as estimated") {
  double off = 0;
  int points = 0;
  for (const char* network : {"mnist-mlp", "cifar10-5layer"}) {
    for (const char* rule : {"bp", "lel"}) {
      for (const char* buffer : {"1 MiB", "4 MiB", "16 MiB"}) {
        if (test::sanitized && std::string(buffer) != "4 MiB") continue;
        const auto folder = workloads::shared_folder() / "workloads" / "experiments";
        Experiment experiment =
            sim::read_experiment(folder / fmt::format("{}-bp.yaml", network),
                                 {fmt::format("rule={}", rule),
                                  fmt::format("device.buffer={}", buffer), "idealisations=none"});
        models::DeviceOptions options;
        options.values = options.check_residency = false;
        const auto ms = [&](const sim::Plan& plan) {
          sim::Simulation simulation(experiment, plan, options);
          return static_cast<double>(simulation.run_step({}).execution.time.count()) / 1e9;
        };
        experiment.policy = Policy::layer;
        const double layer = ms(sim::make_plan(experiment));
        experiment.policy = Policy::best;
        const double fewest = ms(sim::make_plan(experiment));
        experiment.objective = Objective::time;
        const sim::Plan plan = sim::make_plan(experiment);
        const double found = ms(plan);
        const double estimated = plan.cost(experiment.device).time_ps / 1e9;
        const double bound =
            analysis::time_bound(plan.step(), plan.map(), experiment.device).ps() / 1e9;
        CAPTURE(fmt::format("{} {} {}", network, rule, buffer));
        CHECK(found < layer);
        CHECK(found <= fewest);
        CHECK(found >= bound);
        CHECK(std::abs(estimated / found - 1) < 0.1);
        off += std::abs(estimated / found - 1);
        ++points;
      }
    }
  }
  MESSAGE("the estimates are off by ", 100 * off / points, " % in the mean");
  CHECK(off / points < 0.05);
}

TEST_CASE("a nest whose error is made on demand loads no tile ahead twice") {
  if (test::sanitized) return;  // minutes
  // What made the error at one place is current at the next one.
  const auto folder = workloads::shared_folder() / "workloads" / "experiments";
  Experiment experiment = sim::read_experiment(
      folder / "cifar10-10layer-lel.yaml",
      {"device.buffer=1 MiB", "idealisations=none", "policy=best", "objective=time", "batch=50"});
  models::DeviceOptions options;
  options.values = false;
  sim::Simulation simulation(experiment, options);
  CHECK(analysis::counts_agree(simulation.plan(), simulation.run_step({})));
}

}  // namespace spillway::objectives_test
