// What rules compute on networks that are graphs, and by block.
#include <doctest/doctest.h>

#include "tests/support/gradient_trial.hpp"
#include "tests/support/random_graph.hpp"
#include "workloads/blocks.hpp"
#include "workloads/rules/rule.hpp"

namespace spillway::graph_rules_test {

using namespace workloads;
using test::Agreement;
using test::OneThread;
using test::Trial;

TEST_CASE("gradients on random graphs are those of the losses, of each block its own") {
  const OneThread one_thread;
  for (const char* name : {"bp", "lel", "lel-tlc"}) {
    const LearningRule& rule = learning_rule(name);
    SplitMix numbers(201);
    Agreement agreement;
    for (std::uint64_t i = 0; i < 60; ++i) {
      const Network network = test::random_graph(numbers);
      RuleOptions options;
      if (rule.local && i % 2 == 0) {
        options.block_count = 1 + static_cast<int>(numbers.below(natural_blocks(network).size()));
      }
      Trial trial(network, rule.name, 100 + i, options);
      const std::vector<std::string>& names = trial.step().layer_names;
      const bool none = network.readout == Readout::none;
      for (const Block& block : blocks_of(network, rule.name, options)) {
        const std::string loss =
            rule.local || none ? names[static_cast<std::size_t>(block.last)] : "readout";
        for (int layer = block.first; layer <= block.last; ++layer) {
          for (const std::string& parameter : trial.parameters(layer)) {
            agreement.add(trial, parameter, loss, 4);
          }
        }
      }
    }
    CAPTURE(rule.name);
    CHECK(agreement.telling > 300);
    CHECK(agreement.share() >= 0.97);
  }
}

TEST_CASE("one block is BP under a readout that does not learn") {
  SplitMix numbers(202);
  int compared = 0;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Network network = test::random_graph(numbers);
    if (network.readout != Readout::none) continue;  // then the readouts are the same layer
    RuleOptions one;
    one.block_count = 1;
    Trial bp(network, "bp", i), lel(network, "lel", i, one);
    bp.run();
    lel.run();
    for (int layer = 1; layer <= static_cast<int>(network.layers.size()); ++layer) {
      CHECK(bp.gradients(layer) == lel.gradients(layer));
      ++compared;
    }
  }
  CHECK(compared > 50);
}

TEST_CASE("no error goes below a block's first layer that learns") {
  RuleOptions options;
  options.fix = 2;
  options.block_count = 1;
  const Network network = test::residual_network();
  const Step step = learning_rule("lel").training_step(network, {4, {}, options, 0});
  // Batch-norm learns even where the weights before it do not.
  CHECK(step.find("stem.errors"));
  CHECK(!step.find("stem.weights.gradient"));
  Network plain = network;
  for (Layer& layer : plain.layers) layer.batch_norm = false;
  const Step fixed = learning_rule("lel").training_step(plain, {4, {}, options, 0});
  CHECK(!fixed.find("stem.errors"));
  CHECK(!fixed.find("c1.errors"));
  CHECK(fixed.find("c2.errors"));
}

}  // namespace spillway::graph_rules_test
