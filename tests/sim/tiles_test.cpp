// Policies that cut operations into tiles: planned words are the simulated ones, and values are
// those of whole tensors, whatever the buffer.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/reports/report.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::tiles_test {

using sim::Experiment;
using sim::Policy;
using workloads::Words;

namespace {

/// A part of some tensor stays in the buffer from one nest to the next, and the rest does not.
bool keeps_a_part(const sim::Plan& plan) {
  const auto& residencies = plan.schedule().residencies;
  return std::any_of(residencies.begin(), residencies.end(), [&](const sim::Residency& residency) {
    return !is_whole(residency, plan.step());
  });
}

}  // namespace

TEST_CASE("tiled programs move the planned words and compute the values of whole tensors") {
  workloads::SplitMix numbers(20261125);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  int compared = 0, with_parts = 0;
  constexpr int cases = test::cases(80, 16);
  for (int number = 0; number < cases; ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      experiment.policy = policy;
      const std::uint64_t smallest = test::smallest_buffer_words(experiment);
      // Half of the time close to the smallest legal size.
      const std::uint64_t more = numbers.below(2) == 0 ? 64 : 8192;
      experiment.device.buffer = bytes_of(Words(smallest + numbers.below(more)));
      CAPTURE(number);
      CAPTURE(test::description(experiment));
      CAPTURE(to_string(policy));
      CAPTURE(experiment.device.buffer.count());
      const sim::Batch batch = sim::first_batch(experiment);
      sim::Simulation simulation(experiment);
      CAPTURE(analysis::plan_text(experiment, simulation.plan()));
      const sim::Result result = simulation.run_step(batch);
      CAPTURE(analysis::run_text(experiment, simulation.plan(), result));
      REQUIRE(analysis::counts_agree(simulation.plan(), result));
      REQUIRE(result.execution.high_water <= experiment.device.buffer);
      sim::DirectTraining direct(experiment);
      direct.run_step(batch);
      if (test::is_degenerate(direct)) continue;
      ++compared;
      with_parts += keeps_a_part(simulation.plan());
      CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
    }
  }
  CHECK(compared > 2 * cases);
  CHECK(with_parts > cases / 4);
}

namespace {

/// A nest takes sums along the channels of a tile that it finishes a few of them at a time.
bool sums_in_parts(const sim::Nest& nest) {
  if (!nest.spec.epilogue) return false;
  const sim::Axis axis = nest.spec.epilogue->axis;
  std::int64_t tile = nest.spec.extent[sim::index(axis)];
  for (const sim::Loop& loop : nest.loops) {
    if (loop.axis == axis) tile = loop.tile;
  }
  const auto sums = [&](const sim::NestOp& op) {
    const sim::Projections& result = nest.spec.slots[op.outputs.front().slot].dims;
    return op.runs[sim::index(axis)] &&
           std::none_of(result.begin(), result.end(),
                        [&](const sim::Projection& p) { return p.axis == axis; });
  };
  const auto& ops = nest.spec.ops;
  return nest.parts.finished < tile &&
         std::any_of(ops.begin() + static_cast<std::ptrdiff_t>(nest.spec.epilogue->first),
                     ops.begin() + static_cast<std::ptrdiff_t>(nest.spec.epilogue->last), sums);
}

}  // namespace

TEST_CASE("what finishes a tile a few channels after the others adds up over them") {
  // Scores are sums along the channels of a layer's output. All plans take as few channels at a
  // time as they can, which tight buffers alone seldom make them do.
  workloads::SplitMix numbers(20261129);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  int in_parts = 0;
  for (int number = 0; number < test::cases(110, 40); ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    experiment.policy = Policy::best;
    const std::uint64_t smallest = test::smallest_buffer_words(experiment);
    experiment.device.buffer = bytes_of(Words(smallest + numbers.below(4 * smallest)));
    const sim::Plan plan = sim::make_plan(experiment);
    sim::Schedule schedule = plan.schedule();
    for (sim::Nest& nest : schedule.nests) nest.parts = {1, 1};
    if (std::none_of(schedule.nests.begin(), schedule.nests.end(), sums_in_parts)) continue;
    CAPTURE(test::description(experiment));
    CAPTURE(experiment.device.buffer.count());
    const sim::Batch batch = sim::first_batch(experiment);
    sim::DirectTraining direct(experiment);
    direct.run_step(batch);
    if (test::is_degenerate(direct)) continue;
    ++in_parts;
    sim::Simulation simulation(
        experiment,
        sim::Plan(plan.step(), experiment.device, experiment.idealisations, std::move(schedule)));
    const sim::Result result = simulation.run_step(batch);
    CHECK(analysis::counts_agree(simulation.plan(), result));
    CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
  }
  CHECK(in_parts > test::cases(5, 1));
}

TEST_CASE("a buffer below the smallest tiles is refused with the operation and what is enough") {
  workloads::SplitMix numbers(20261128);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  int refused = 0;
  constexpr int cases = test::cases(120, 24);
  for (int number = 0; number < cases; ++number) {
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      experiment.policy = policy;
      const std::uint64_t enough = test::smallest_buffer_words(experiment);
      CAPTURE(test::description(experiment));
      CAPTURE(to_string(policy));
      CAPTURE(enough);
      experiment.device.buffer = bytes_of(Words(enough));
      const sim::Plan plan = sim::make_plan(experiment);
      CHECK(plan.buffer_words() <= Words(enough));
      for (const std::uint64_t words : {enough - 1, enough / 2}) {
        if (words == 0) continue;
        experiment.device.buffer = bytes_of(Words(words));
        try {
          sim::make_plan(experiment);
          FAIL_CHECK("not refused");
        } catch (const workloads::InputError& error) {
          const std::string message = error.what();
          CAPTURE(message);
          ++refused;
          CHECK(message.find(fmt::format("at least {} bytes", enough * 4)) != std::string::npos);
          CHECK(message.find(fmt::format("{} words;", words)) != std::string::npos);
          const auto& names = plan.step().layer_names;
          CHECK(std::any_of(names.begin(), names.end(), [&](const std::string& name) {
            return message.find(name) != std::string::npos;
          }));
        }
      }
    }
  }
  CHECK(refused > 4 * cases);
}

}  // namespace spillway::tiles_test
