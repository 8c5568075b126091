// The timing log: every engine's time belongs to a layer and a phase, and to the right one.
#include "sim/run/timing.hpp"

#include <doctest/doctest.h>

#include <map>
#include <set>

#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/support/error.hpp"

namespace spillway::timing_test {

using models::EngineTimes;
using sim::Experiment;
using sim::LayerTime;
using sim::Policy;
using workloads::Bytes;
using workloads::Phase;
using workloads::Picoseconds;

namespace {

/// Lines add up to the engines' times, lie within the step and leave nothing over.
void check_complete(const sim::Result& result, std::size_t layers) {
  for (const auto engine :
       {&EngineTimes::load, &EngineTimes::store, &EngineTimes::compute, &EngineTimes::generate}) {
    Picoseconds sum;
    for (const LayerTime& line : result.timing) sum += line.times.busy.*engine;
    CHECK(sum == result.execution.busy.*engine);
  }
  // And to what each was stalled on. What is left of the step an engine is idle, which is measured
  // by itself.
  const models::Execution& execution = result.execution;
  for (const models::EngineKind engine : models::all_engines) {
    CAPTURE(engine_name(engine));
    models::Stalls sum;
    for (const LayerTime& line : result.timing) sum += line.times.stalled.of(engine);
    CHECK(sum.by_cause == execution.stalled.of(engine).by_cause);
    CHECK(execution.busy.of(engine) + sum.total() + execution.idle.of(engine) == execution.time);
  }
  std::set<std::pair<int, Phase>> seen;
  for (const LayerTime& line : result.timing) {
    CAPTURE(line.name);
    CHECK(line.layer >= 1);  // 0 is what belongs to no operation
    CHECK(line.layer <= static_cast<int>(layers) + 1);
    CHECK(seen.insert({line.layer, line.phase}).second);
    CHECK(line.times.any);
    CHECK(line.times.first <= line.times.last);
    CHECK(line.times.last <= result.execution.time);
  }
}

/// What the instructions of a program that count for one line load and store.
struct Moved {
  std::set<std::string> loaded, stored, made;
};

std::map<std::string, Moved> moved_by_line(const Experiment& experiment) {
  const sim::Plan plan = sim::make_plan(experiment);
  const sim::TimingLog log(plan.step());
  const std::vector<LayerTime> lines = log.lines({});
  std::map<std::string, Moved> moved;
  const models::Program program = log.labelled(plan.program());
  while (const auto instruction = program()) {
    const auto line = [&](models::WorkLabel label) -> Moved& {
      const LayerTime& of = lines.at(label - 1);
      return moved[of.name + " " + to_string(of.phase)];
    };
    const auto name = [&](const models::BufferedTile& tile) {
      return plan.map().at(tile.tile.tensor).name;
    };
    if (const auto* load = std::get_if<models::Load>(&*instruction)) {
      line(load->work).loaded.insert(name(load->tile));
    } else if (const auto* store = std::get_if<models::Store>(&*instruction)) {
      line(store->work).stored.insert(name(store->tile));
    } else if (const auto* made = std::get_if<models::Generate>(&*instruction)) {
      line(made->work).made.insert(name(made->tile));
    }
  }
  return moved;
}

using Names = std::set<std::string>;

}  // namespace

TEST_CASE("the timing log's lines add up to each engine's time for every rule and policy") {
  int run = 0;
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (std::uint64_t seed = 1; seed <= 3; ++seed) {
      workloads::SplitMix numbers(seed);
      Experiment experiment = test::random_experiment(numbers, rule);
      for (const Policy policy :
           {Policy::paper, Policy::layer, Policy::best, Policy::best_with_recomputation}) {
        experiment.policy = policy;
        experiment.device.buffer = policy == Policy::paper ? Bytes(4 << 20) : Bytes(16 << 10);
        CAPTURE(test::description(experiment));
        std::optional<sim::Simulation> simulation;
        try {
          simulation.emplace(experiment, models::DeviceOptions{true, false});
        } catch (const workloads::InputError&) {
          continue;  // too small a buffer
        }
        check_complete(simulation->run_step({}), experiment.network.layers.size());
        ++run;
      }
    }
  }
  CHECK(run > 60);
}

TEST_CASE("a second step's times begin anew") {
  const Experiment experiment =
      test::experiment(workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5)}), "lel", 4);
  sim::Simulation simulation(experiment, models::DeviceOptions{true, false});
  for (int step = 0; step < 2; ++step) {
    const sim::Result result = simulation.run_step({});
    check_complete(result, 1);
    CHECK(result.timing.front().phase == Phase::forward);
    CHECK(result.timing.front().times.first == Picoseconds(0));
  }
}

TEST_CASE("a load counts for the operation it is made for and a store for the one that wrote") {
  Experiment experiment = test::experiment(
      workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5), test::fc(4)}), "bp", 4);
  experiment.policy = Policy::layer;
  auto moved = moved_by_line(experiment);
  // fc1's activations are what fc2 reads: the tensor is of layer 1, the time of layer 2.
  CHECK(moved["fc2 forward"].loaded ==
        Names{"fc1.activations", "fc2.weights", "fc2.biases", "fc2.activations"});
  CHECK(moved["fc2 forward"].stored == Names{"fc2.activations"});
  CHECK(moved["fc2 backward"].stored.contains("fc1.errors"));
  CHECK(moved["fc2 backward"].stored.contains("fc2.weights.gradient"));
  CHECK(moved["fc1 update"].stored ==
        Names{"fc1.weights", "fc1.biases", "fc1.weights.momentum", "fc1.biases.momentum"});
  CHECK(moved["readout loss"].loaded.contains("input.labels"));
  // Two layers forward, backward and update; the readout goes forward in its loss.
  CHECK(moved.size() == 2 * 3 + 3);
}

TEST_CASE("random values count for the operation that they are made for") {
  Experiment experiment =
      test::experiment(workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5)}), "lel", 4);
  auto moved = moved_by_line(experiment);
  CHECK(moved["fc1 loss"].made == Names{"fc1.classifier"});
  CHECK(moved["fc1 backward"].made == Names{"fc1.classifier"});
  CHECK(moved["fc1 forward"].made.empty());
}

}  // namespace spillway::timing_test
