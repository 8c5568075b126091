// Layouts of tensors in DRAM, chosen for the tiles of a plan.
#include "sim/plan/allocation/layouts.hpp"

#include <doctest/doctest.h>

#include "models/layout_runs.hpp"
#include "sim/plan/allocation/burst_count.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::dram_layouts_test {

using models::Range;
using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::SplitMix;

namespace {

std::int64_t below(SplitMix& numbers, std::int64_t n) {
  return static_cast<std::int64_t>(numbers.below(static_cast<std::uint64_t>(n)));
}

/// A few ranges of a dimension, some of them all of it.
std::vector<Range> random_ranges(std::int64_t extent, SplitMix& numbers) {
  std::vector<Range> ranges;
  for (std::size_t i = 1 + numbers.below(3); i > 0; --i) {
    Range range{0, extent};
    if (numbers.below(2) == 0) {
      range.begin = below(numbers, extent);
      range.end = range.begin + 1 + below(numbers, extent - range.begin);
    }
    ranges.push_back(range);
  }
  return ranges;
}

/// A tile's runs, and the bursts that they touch, counted one by one.
void count_tile(const models::Tile& tile, const models::TensorPlacement& place, std::uint64_t burst,
                sim::BurstsAndRuns& counts) {
  models::for_each_run(tile, place, [&](const models::Run& run) {
    counts.bursts += (run.offset + run.size.count() - 1) / burst - run.offset / burst + 1;
    ++counts.runs;
  });
}

sim::BurstsAndRuns counts_of_all(const sim::TileRanges& ranges,
                                 const models::TensorPlacement& place, std::uint64_t burst) {
  sim::BurstsAndRuns counts;
  std::array<std::size_t, models::largest_rank> at{};
  while (true) {
    models::Tile tile;
    for (std::size_t d = 0; d < at.size(); ++d) tile.box[d] = ranges[d][at[d]];
    count_tile(tile, place, burst, counts);
    std::size_t d = at.size();
    while (d > 0 && ++at[d - 1] == ranges[d - 1].size()) at[--d] = 0;
    if (d == 0) return counts;
  }
}

Experiment random_case(int number, Policy policy, SplitMix& numbers) {
  const std::vector<std::string> rules = workloads::learning_rule_names();
  Experiment experiment =
      test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
  while (experiment.network.layers.size() > 2) {
    experiment = test::random_experiment(numbers, experiment.rule);
  }
  experiment.policy = policy;
  const std::uint64_t least = test::smallest_buffer_words(experiment);
  experiment.device.buffer = bytes_of(workloads::Words(least + numbers.below(2 + least)));
  return experiment;
}

std::uint64_t bursts_in(const models::Execution& execution) {
  return execution.dram.read_bursts + execution.dram.write_bursts;
}

std::uint64_t bursts_of(const std::vector<sim::BurstsAndRuns>& moved) {
  std::uint64_t sum = 0;
  for (const sim::BurstsAndRuns& each : moved) sum += each.bursts;
  return sum;
}

}  // namespace

TEST_CASE("runs and bursts of many tiles are those of each, whatever the layout") {
  SplitMix numbers(20261206);
  for (int i = 0; i < 4000; ++i) {
    models::TensorPlacement place{"t", {}, Bytes(4)};
    sim::TileRanges ranges;
    ranges.fill({Range{0, 1}});
    for (std::size_t d = 0; d < 1 + numbers.below(models::largest_rank); ++d) {
      place.shape.push_back(1 + below(numbers, 7));
      if (i % 4 != 0) place.layout.block[d] = below(numbers, 9);
      ranges[d] = random_ranges(place.shape[d], numbers);
    }
    const std::uint64_t burst = numbers.below(2) == 0 ? 16 : 64;
    REQUIRE(sim::count_bursts(ranges, place.shape, place.layout, burst / 4) ==
            counts_of_all(ranges, place, burst));
  }
}

TEST_CASE("with layouts a step has the same values and words, and no more bursts") {
  SplitMix numbers(20261207);
  int saved = 0, compared = 0;
  const int cases = test::cases(60, 10);
  for (int i = 0; i < cases; ++i) {
    const Policy policy = i % 2 == 0 ? Policy::layer : Policy::best;
    const Experiment experiment = random_case(i, policy, numbers);
    CAPTURE(i);
    CAPTURE(test::description(experiment));
    const sim::Plan plain_plan = sim::make_plan(experiment);
    for (const auto& place : plain_plan.map()) REQUIRE(place.layout == models::Layout{});
    sim::Simulation plain(experiment, plain_plan);
    sim::Simulation blocked(experiment, sim::make_plan(experiment, 0, {.layouts = true}));
    const sim::Batch batch = sim::first_batch(experiment);
    const sim::Result expected = plain.run_step(batch), found = blocked.run_step(batch);

    for (const auto& tensor : plain.step().tensors) {
      if (tensor.is_kept()) REQUIRE(plain.read(tensor.id) == blocked.read(tensor.id));
    }
    sim::DirectTraining direct(experiment, 0);
    direct.initialise(experiment);
    direct.run_step(batch);
    if (!test::is_degenerate(direct)) {
      ++compared;
      REQUIRE(test::differing_tensors(blocked, direct) == std::vector<std::string>{});
    }

    CHECK(found.execution.dram.read_words == expected.execution.dram.read_words);
    CHECK(found.execution.dram.write_words == expected.execution.dram.write_words);
    CHECK(bursts_in(found.execution) <= bursts_in(expected.execution));
    saved += bursts_in(found.execution) < bursts_in(expected.execution);
    for (const auto& [simulation, result] : {std::pair{&plain, &expected}, {&blocked, &found}}) {
      const sim::Plan& plan = simulation->plan();
      CHECK(bursts_of(dram_bursts(plan.schedule(), plan.step(), plan.map(), experiment.device)) ==
            bursts_in(result->execution));
    }
  }
  CHECK(compared > cases / 2);
  CHECK(saved > cases / 4);
}

TEST_CASE("no tensor moves more bursts in its layout than row-major") {
  SplitMix numbers(20261208);
  for (int i = 0; i < test::cases(60, 6); ++i) {
    const Experiment experiment = random_case(i, Policy::layer, numbers);
    const sim::Plan plan = sim::make_plan(experiment, 0, {.layouts = true});
    const auto bursts = [&](const models::MemoryMap& map) {
      return sim::dram_bursts(plan.schedule(), plan.step(), map, experiment.device);
    };
    models::MemoryMap row_major = plan.map();
    for (models::TensorPlacement& place : row_major) place.layout = {};
    const std::vector<sim::BurstsAndRuns> found = bursts(plan.map()), most = bursts(row_major);
    for (std::size_t id = 0; id < found.size(); ++id) {
      CHECK(found[id].bursts <= most[id].bursts);
    }
  }
}

}  // namespace spillway::dram_layouts_test
