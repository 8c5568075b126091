// Networks that are graphs, and local errors by block: what is planned, run and derived must agree.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <set>

#include "analysis/closed_forms/graph_form.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/liveness_oracle.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::graph_counts_test {

using namespace workloads;
using models::Port;
using sim::Direction;

namespace {

/// All numbers of graphs are divided by it.
constexpr int part = test::cases(1, 5);

std::string described(const sim::Experiment& experiment) {
  std::string text = test::description(experiment);
  for (const Layer& layer : experiment.network.layers) {
    text += fmt::format("  {} {} from", layer.name, name_in(layer_kind_names, layer.kind));
    for (const int input : layer.inputs) text += fmt::format(" {}", input);
    text += "\n";
  }
  for (const int end : sim::layers_trained_apart(experiment)) text += fmt::format(" ends {}", end);
  return text;
}

Words dram(const sim::Ledger& ledger, Direction direction) {
  return ledger.total(Port::dram, direction);
}

sim::Result run(const sim::Experiment& experiment, const sim::Plan& plan, bool values) {
  sim::Simulation simulation(experiment, plan, {.values = values});
  return simulation.run_step(values ? sim::first_batch(experiment) : sim::Batch{});
}

}  // namespace

TEST_CASE("of random graphs planned, simulated, walked and derived words agree") {
  SplitMix numbers(181);
  std::set<LayerKind> kinds;
  int with_blocks = 0, joins_of_three = 0;
  for (int i = 0; i < 520 / part; ++i) {
    sim::Experiment experiment = test::random_graph_experiment(numbers, 17);
    for (const Layer& layer : experiment.network.layers) {
      kinds.insert(layer.kind);
      joins_of_three += layer.inputs.size() == 3;
    }
    with_blocks += experiment.rule_options.block_count.has_value();
    CAPTURE(described(experiment));
    const sim::Plan plan = sim::make_plan(experiment);
    const test::OracleCounts oracle = test::liveness_oracle(plan.step(), experiment.idealisations);
    const analysis::Table1Words form =
        analysis::graph_words(experiment.network, experiment.rule, experiment.rule_options,
                              static_cast<std::uint64_t>(experiment.batch));
    const sim::Result result = run(experiment, plan, i % 4 == 0);
    for (const Direction direction : {Direction::read, Direction::write}) {
      const bool read = direction == Direction::read;
      const Words planned = dram(plan.ledger(), direction);
      REQUIRE(planned == dram(result.ledger, direction));
      REQUIRE(planned.count() == (read ? oracle.dram_read : oracle.dram_write));
      REQUIRE(planned == (read ? form.reads : form.writes));
    }
    REQUIRE(plan.step().macs() ==
            analysis::graph_macs(experiment.network, experiment.rule, experiment.rule_options,
                                 static_cast<std::uint64_t>(experiment.batch)));
  }
  CHECK(kinds.size() == layer_kind_names.size());
  CHECK(with_blocks > 100 / part);
  CHECK(joins_of_three > 30 / part);
}

TEST_CASE("of random graphs with everything counted planned, simulated and walked words agree") {
  SplitMix numbers(182);
  for (int i = 0; i < 120 / part; ++i) {
    sim::Experiment experiment = test::random_graph_experiment(numbers, 17);
    experiment.idealisations = sim::Idealisations::none();
    CAPTURE(described(experiment));
    const sim::Plan plan = sim::make_plan(experiment);
    const test::OracleCounts oracle = test::liveness_oracle(plan.step(), experiment.idealisations);
    const sim::Result result = run(experiment, plan, false);
    CHECK(dram(plan.ledger(), Direction::read) == dram(result.ledger, Direction::read));
    CHECK(dram(plan.ledger(), Direction::write) == dram(result.ledger, Direction::write));
    CHECK(dram(plan.ledger(), Direction::read).count() == oracle.dram_read);
    CHECK(dram(plan.ledger(), Direction::write).count() == oracle.dram_write);
  }
}

TEST_CASE("random graphs have the direct run's values through the device, under paper and layer") {
  SplitMix numbers(183);
  const std::vector<std::string> none;
  for (int i = 0; i < 120 / part; ++i) {
    sim::Experiment experiment = test::random_graph_experiment(numbers, 17);
    CAPTURE(described(experiment));
    CHECK(test::differing_after_two_steps(experiment, true) == none);
    experiment.policy = sim::Policy::layer;
    const std::uint64_t least = test::smallest_buffer_words(experiment);
    experiment.device.buffer = Bytes(4 * (least + numbers.below(3 * least)));
    CHECK(test::differing_after_two_steps(experiment, false) == none);
    const sim::Plan plan = sim::make_plan(experiment);
    const sim::Result result = run(experiment, plan, false);
    CHECK(dram(plan.ledger(), Direction::read) == dram(result.ledger, Direction::read));
    CHECK(dram(plan.ledger(), Direction::write) == dram(result.ledger, Direction::write));
  }
}

TEST_CASE("a chain's words by the closed form of graphs are those of its own") {
  SplitMix numbers(184);
  for (int i = 0; i < 100 / part; ++i) {
    const Network network = test::random_network(numbers);
    for (const std::string& rule : learning_rule_names()) {
      RuleOptions options;
      if (learning_rule(rule).local) options.fix = static_cast<int>(numbers.below(3));
      const auto found = analysis::graph_words(network, rule, options, 3);
      const auto wanted = analysis::rule_words(network, rule, 3, options.fix);
      CAPTURE(rule);
      CHECK(found.reads == wanted.reads);
      CHECK(found.writes == wanted.writes);
      CHECK(analysis::graph_macs(network, rule, options, 3) ==
            analysis::rule_macs(network, rule, 3, options.fix));
    }
  }
}

}  // namespace spillway::graph_counts_test
