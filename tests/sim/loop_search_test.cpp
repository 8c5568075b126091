// What is found among the loops that move equally few words: the quickest, the smallest.
#include <doctest/doctest.h>

#include "sim/plan/allocation/memory_map.hpp"
#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/mapping/fitted_nest.hpp"
#include "sim/plan/mapping/mapping_cache.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/operations/phases.hpp"
#include "sim/plan/policies/single_operations.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::loop_search_test {

namespace {

/// Every operation alone, in the loops that a search for words alone comes to first.
sim::Schedule first_found(const sim::ScheduleTask& task) {
  const std::uint64_t words = words_of(task.device.buffer).count();
  sim::Schedule schedule;
  for (const sim::NestChoice& choice : single_operations(task)) {
    const sim::ResidentPrefixes none(choice.front().slots.size());
    std::optional<sim::FoundNest> best;
    std::size_t of = 0;
    for (std::size_t c = 0; c < choice.size(); ++c) {
      const auto found = find_loops(choice[c], none, words);
      if (!found || (best && found->cost >= best->cost)) continue;
      best = found;
      of = c;
    }
    REQUIRE(best);
    schedule.nests.push_back(make_nest(choice[of], *best, none, words));
  }
  REQUIRE(place(schedule, task.step, words_of(task.device.buffer)));
  return schedule;
}

struct Cost {
  std::uint64_t dram_words = 0, host_words = 0;
  double on_chip = 0;  ///< compute and PRNG time, and a cycle for each word of the host's
};

Cost cost_of(const sim::Experiment& experiment, sim::Plan plan) {
  sim::Simulation simulation(experiment, std::move(plan), models::DeviceOptions{true, false});
  const models::Execution execution = simulation.run_step(sim::Batch{}).execution;
  Cost cost;
  cost.dram_words = (execution.dram.read_words + execution.dram.write_words).count();
  cost.host_words = (execution.host.read_words + execution.host.write_words).count();
  cost.on_chip = static_cast<double>((execution.busy.compute + execution.busy.generate).count()) +
                 static_cast<double>(experiment.device.clock_period.count() * cost.host_words);
  return cost;
}

/// Visits the nests of every operation alone, of random experiments of all rules in turn.
template <class Visit>
void for_each_operation(workloads::SplitMix& numbers, int experiments, Visit visit) {
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (int number = 0; number < experiments; ++number) {
    const sim::Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    CAPTURE(test::description(experiment));
    const workloads::Step step = sim::training_step(experiment);
    const models::MemoryMap map =
        sim::place_tensors(step, experiment.idealisations, experiment.device);
    for (const sim::NestChoice& choice : sim::single_operations({step, map, experiment.device})) {
      visit(choice);
    }
  }
}

}  // namespace

TEST_CASE("the example of docs/planner.md: a forward pass whose results do not fit") {
  workloads::LayerSpec layer = test::fc(40);
  layer.bias = false;
  sim::Experiment experiment =
      test::experiment(workloads::make_network("hand", {60, 1, 1}, 4, {layer}), "bp", 20);
  experiment.idealisations = sim::Idealisations::none();
  experiment.policy = sim::Policy::layer;
  const auto forward_in = [&](std::uint64_t words) {
    experiment.device.buffer = bytes_of(workloads::Words(words));
    return sim::make_plan(experiment).schedule().nests.front();
  };
  const auto words_of = [](const sim::Nest& nest) {
    sim::NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    return nest_cost(nest.spec, shape, nest.resident);
  };
  const sim::Nest cut = forward_in(700);
  REQUIRE(cut.loops.size() >= 2);
  std::vector<std::pair<sim::Axis, std::int64_t>> loops;
  for (const sim::Loop& loop : cut.loops) {
    if (loop.tile < cut.spec.extent[index(loop.axis)]) loops.emplace_back(loop.axis, loop.tile);
  }
  CHECK(loops == std::vector<std::pair<sim::Axis, std::int64_t>>{{sim::Axis::output, 20},
                                                                 {sim::Axis::input, 7}});
  CHECK(words_of(cut) == 5600);
  CHECK(words_of(forward_in(1000)) == 4400);
}

TEST_CASE("of loops that move equally few words those are taken that take the least time on chip") {
  workloads::SplitMix numbers(20261130);
  const std::vector<std::string> rules = workloads::learning_rule_names();
  double first = 0, taken = 0;
  int better = 0;
  for (int number = 0; number < 120; ++number) {
    sim::Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    if (number % 2 == 1) {
      experiment.device.array_rows = 8;
      experiment.device.array_columns = 16;
      experiment.device.dataflow = models::Dataflow::weight_stationary;
    }
    experiment.policy = sim::Policy::layer;
    const std::uint64_t smallest = test::smallest_buffer_words(experiment);
    experiment.device.buffer = bytes_of(workloads::Words(smallest + numbers.below(8 * smallest)));
    CAPTURE(test::description(experiment));
    const sim::Plan plan = sim::make_plan(experiment);
    const models::MemoryMap map =
        sim::place_tensors(plan.step(), experiment.idealisations, experiment.device);
    const Cost ours = cost_of(experiment, plan);
    const Cost other =
        cost_of(experiment, sim::Plan(plan.step(), experiment.device, experiment.idealisations,
                                      first_found({plan.step(), map, experiment.device})));
    CHECK(ours.dram_words == other.dram_words);
    CHECK(ours.on_chip <= other.on_chip * 1.02);
    first += other.on_chip;
    taken += ours.on_chip;
    if (ours.on_chip < other.on_chip) ++better;
  }
  MESSAGE("time on chip, against the first loops found: " << taken / first);
  CHECK(better > 20);
  CHECK(taken < first);
}

TEST_CASE("the smallest loops fit a buffer in which none of a word less move as few words") {
  workloads::SplitMix numbers(20261201);
  int compared = 0;
  for_each_operation(numbers, 60, [&](const sim::NestChoice& choice) {
    for (const sim::NestSpec& spec : choice) {
      if (!spec.pieces.empty()) continue;  // in pieces there may be no legal loops
      CAPTURE(spec.name);
      sim::LoopSearch search(spec);
      const sim::ResidentPrefixes none(spec.slots.size());
      sim::ResidentPrefixes all;
      for (const sim::Slot& slot : spec.slots) all.push_back(slot.dims[0].extent);
      CHECK(search.smallest(all).buffer_words == 0);
      const std::uint64_t least = search.smallest(none).buffer_words;
      if (least == 0) continue;
      CHECK(!search.find(none, least - 1));
      const auto found = search.find(none, least + numbers.below(4 * least));
      REQUIRE(found);
      const sim::FoundNest smallest = search.smallest(none, found->cost + 1);
      CHECK(smallest.cost <= found->cost);
      const auto there = search.find(none, smallest.buffer_words);
      REQUIRE(there);
      CHECK(there->cost <= found->cost);
      CHECK(!search.find(none, smallest.buffer_words - 1, found->cost + 1));
      ++compared;
    }
  });
  CHECK(compared > 1000);
}

TEST_CASE("what a search for words passes over moves no fewer of them") {
  workloads::SplitMix numbers(20261126);
  int symmetric = 0, bounded = 0, smaller = 0;
  for_each_operation(numbers, 150, [&](const sim::NestChoice& choice) {
    for (const sim::NestSpec& spec : choice) {
      CAPTURE(spec.name);
      sim::LoopSearch search(spec);
      const sim::ResidentPrefixes none(spec.slots.size());
      const auto anywhere = search.find(none, std::uint64_t{1} << 40);
      if (!anywhere) continue;  // in pieces there may be no legal loops
      const std::uint64_t least = search.smallest(none).buffer_words;
      const std::uint64_t words = least + numbers.below(2 * least + 1);
      CAPTURE(words);
      const auto found = search.find(none, words);
      REQUIRE(found);
      for (const std::uint64_t more : {1U, 7U, 100U}) {
        const auto again = search.find(none, words, found->cost + more);
        REQUIRE(again);
        CHECK(again->cost == found->cost);
        ++bounded;
      }
      // A search for room takes no account of what fits.
      if (anywhere->cost < found->cost) {
        CHECK(search.smallest(none, found->cost).buffer_words > words);
        ++smaller;
      }
      // Rows cut as columns are and the other way round.
      std::vector<std::int64_t> rows, columns;
      for (const sim::Loop& loop : found->loops) {
        if (loop.axis == sim::Axis::row) rows.push_back(loop.tile);
        if (loop.axis == sim::Axis::column) columns.push_back(loop.tile);
      }
      if (rows.empty() || rows == columns || rows.size() != columns.size()) continue;
      std::vector<sim::Loop> loops = found->loops;
      std::size_t row = 0, column = 0;
      for (sim::Loop& loop : loops) {
        if (loop.axis == sim::Axis::row) loop.tile = columns[row++];
        if (loop.axis == sim::Axis::column) loop.tile = rows[column++];
      }
      sim::NestShape shape(spec);
      shape.set(loops);
      if (!shape.is_legal() || pack(spec, shape, none).words > words) continue;
      CHECK(nest_cost(spec, shape, none) >= found->cost);
      ++symmetric;
    }
  });
  MESSAGE(bounded << " bounds, " << smaller << " rooms, " << symmetric << " symmetric loops");
  CHECK(bounded > 1000);
  CHECK(smaller > 100);
  CHECK(symmetric > 100);
}

TEST_CASE("rows are not cut as columns are where elements are smaller than a word") {
  const test::TemporaryFolder folder;
  folder.write("net.yaml",
               "name: small\ninput: [1, 20, 20]\nclasses: 2\nlayers:\n"
               "  - {type: conv, out: 1, kernel: 1, bias: false, max_pool: {kernel: 2}}\n");
  const sim::Experiment experiment = sim::read_experiment(
      folder.write("e.yaml",
                   "network: {base: net.yaml}\nrule: bp\ndevice: paper\nbatch: 1\ndata: random\n"
                   "idealisations: []\n"));
  const workloads::Step step = sim::training_step(experiment);
  const models::MemoryMap map =
      sim::place_tensors(step, experiment.idealisations, experiment.device);
  int pools = 0;
  for (const sim::NestChoice& choice : sim::single_operations({step, map, experiment.device})) {
    if (choice.front().name != "conv1 max-pool") continue;
    ++pools;
    // 400 words come and 100 leave. With whole rows, 2 of them at a time, the 100 bytes that say
    // which ones won take 25 words; with whole columns it would be 30.
    const auto found =
        find_loops(choice.front(), sim::ResidentPrefixes(choice.front().slots.size()), 320);
    REQUIRE(found);
    CHECK(found->cost == 525);
  }
  CHECK(pools == 1);
}

TEST_CASE("loops known from other rooms are those that a search finds") {
  workloads::SplitMix numbers(20261130);
  int known_before = 0, searched = 0;
  for_each_operation(numbers, 20, [&](const sim::NestChoice& choice) {
    const sim::NestSpec& spec = choice.front();
    CAPTURE(spec.name);
    sim::LoopSearch search(spec);
    const sim::ResidentPrefixes none(spec.slots.size());
    const std::uint64_t most = 8 * search.smallest(none).buffer_words + 20;
    sim::MappingCache rooms;
    std::vector<std::uint64_t> costs{search.least(none) + 1};
    for (int query = 0; query < 60; ++query) {
      const std::uint64_t words = numbers.below(most);
      // Bounds about the costs that there are, or none.
      const std::uint64_t below = numbers.below(4) == 0
                                      ? std::numeric_limits<std::uint64_t>::max()
                                      : costs[numbers.below(costs.size())] + numbers.below(3);
      const sim::FoundNest* known = rooms.in(words);
      if (rooms.is_known(words, below)) {
        ++known_before;
      } else {
        ++searched;
        const std::uint64_t limit = known != nullptr ? std::min(below, known->cost) : below;
        known = rooms.add(words, below, search.find(none, words, limit));
      }
      const auto right = search.find(none, words, below);
      CHECK((known != nullptr && known->cost < below) == right.has_value());
      if (known != nullptr) CHECK(known->buffer_words <= words);
      if (!right) continue;
      CHECK(known->cost == right->cost);
      costs.push_back(right->cost);
    }
  });
  CHECK(known_before > 1000);
  CHECK(searched > 1000);
}

}  // namespace spillway::loop_search_test
