// Counts and times do not depend on whether values are computed.
#include <doctest/doctest.h>

#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/device_programs.hpp"

namespace spillway::values_off_test {

using sim::Experiment;
using sim::Result;
using sim::Simulation;
using workloads::SplitMix;

namespace {

void check_same_without_values(const Experiment& experiment) {
  CAPTURE(experiment.name);
  Simulation with(experiment);
  const Result expected = with.run_step(sim::first_batch(experiment));
  Simulation without(experiment, {.check_residency = true, .values = false});
  const Result found = without.run_step({});
  test::check_equal(expected.execution, found.execution);
  REQUIRE(found.ledger.lines().size() == expected.ledger.lines().size());
  for (std::size_t i = 0; i < found.ledger.lines().size(); ++i) {
    CHECK(found.ledger.lines()[i].words == expected.ledger.lines()[i].words);
  }
  CHECK_FALSE(expected.decisions.empty());
  CHECK(found.decisions.empty());
}

}  // namespace

TEST_CASE("without values counts and times are the same for shipped experiments") {
  for (const char* name :
       {"mnist-mlp-bp", "mnist-mlp-lel-scfb-do", "cifar10-5layer-lel-tlc", "cifar10-10layer-fa"}) {
    check_same_without_values(test::shipped(name, {"batch=2", "data=random"}));
  }
}

TEST_CASE("without values counts and times are the same for random networks") {
  SplitMix numbers(17);
  for (int i = 0; i < 30; ++i) {
    const std::vector<std::string> rules = workloads::learning_rule_names();
    Experiment experiment =
        test::experiment(test::random_network(numbers), rules[numbers.below(rules.size())], 3);
    if (numbers.below(2) == 0) experiment.idealisations = sim::Idealisations::none();
    check_same_without_values(experiment);
  }
}

TEST_CASE("without values a program runs on a buffer that this machine could not hold") {
  Experiment experiment = test::shipped("mnist-mlp-lel", {"batch=2", "data=random"});
  experiment.device.buffer = workloads::Bytes(std::uint64_t{1} << 50);
  Simulation simulation(experiment, {.check_residency = true, .values = false});
  CHECK(simulation.run_step({}).execution.instructions > 0);
}

}  // namespace spillway::values_off_test
