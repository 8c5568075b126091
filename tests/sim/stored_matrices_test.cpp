// Random matrices that are stored and read in the place of being generated: the same values, and
// words that cross the border.
#include <doctest/doctest.h>

#include "sim/plan/plan.hpp"
#include "sim/run/simulation.hpp"
#include "sim/run/trainee.hpp"
#include "tests/support/random_experiment.hpp"
#include "workloads/support/error.hpp"

namespace spillway::stored_matrices_test {

using models::Port;
using sim::Direction;
using sim::Experiment;
using sim::Policy;
using workloads::RandomMatrices;
using workloads::TensorKind;

namespace {

const std::vector<std::string> rules{"fa", "dfa", "lel", "lel-scfb", "lel-independent"};

Experiment two_layers(const std::string& rule) {
  Experiment experiment = test::experiment(
      workloads::make_network("net", {1, 6, 6}, 3, {test::conv(4, 3), test::fc(5)}), rule, 4);
  experiment.rule_options.loss = workloads::Loss::square_hinge;
  return experiment;
}

sim::Batch batch_of(const Experiment& experiment) { return sim::first_batch(experiment); }

/// The bytes of weights after two steps through the device.
std::vector<std::byte> trained_weights(const Experiment& experiment) {
  sim::Simulation simulation(experiment);
  for (int step = 0; step < 2; ++step) simulation.run_step(batch_of(experiment));
  std::vector<std::byte> bytes;
  for (const workloads::Tensor& tensor : simulation.step().tensors) {
    if (tensor.kind != TensorKind::weights) continue;
    const std::vector<std::byte> of_tensor = simulation.read(tensor.id);
    bytes.insert(bytes.end(), of_tensor.begin(), of_tensor.end());
  }
  return bytes;
}

/// Words of all random matrices of a step.
std::uint64_t matrix_words(const workloads::Step& step) {
  std::uint64_t words = 0;
  for (const workloads::Tensor& tensor : step.tensors) {
    if (tensor.made_from) words += tensor.elements();
  }
  return words;
}

}  // namespace

TEST_CASE("training with stored matrices learns the same, to the bit") {
  for (const std::string& rule : rules) {
    for (const Policy policy : {Policy::paper, Policy::best}) {
      CAPTURE(rule);
      Experiment experiment = two_layers(rule);
      experiment.policy = policy;
      const std::vector<std::byte> generated = trained_weights(experiment);
      experiment.rule_options.random = RandomMatrices::stored;
      CHECK(trained_weights(experiment) == generated);
    }
  }
}

TEST_CASE("under policy paper stored matrices are read once in the stages that use them") {
  Experiment experiment = two_layers("lel");
  const sim::Result generated = sim::Simulation(experiment, {true, false}).run_step({});
  experiment.rule_options.random = RandomMatrices::stored;
  sim::Simulation simulation(experiment, {true, false});
  const sim::Result stored = simulation.run_step({});
  const std::uint64_t matrices = matrix_words(simulation.step());
  CHECK(matrices == 3 * (4 * 36 + 5));  // classes times |A| of an example
  CHECK(stored.execution.generated_words == 0);
  CHECK(generated.execution.generated_words == 2 * matrices);  // for the scores and for the error
  CHECK(stored.execution.dram.read_words ==
        generated.execution.dram.read_words + workloads::Words(matrices));
  CHECK(stored.execution.dram.write_words == generated.execution.dram.write_words);
  CHECK(stored.execution.macs == generated.execution.macs);
  std::uint64_t seen = 0;
  for (const sim::LedgerLine& line : stored.ledger.lines()) {
    if (line.key.tensor != TensorKind::classifier) continue;
    CHECK(line.key.port == Port::dram);
    CHECK(line.key.direction == Direction::read);
    seen += line.words.count();
  }
  CHECK(seen == matrices);
}

TEST_CASE("plans with stored matrices count what the device moves, for random experiments") {
  int run = 0;
  for (const std::string& rule : rules) {
    for (std::uint64_t seed = 1; seed <= 4; ++seed) {
      workloads::SplitMix numbers(40 + seed);
      Experiment experiment = test::random_experiment(numbers, rule);
      experiment.rule_options.random = RandomMatrices::stored;
      for (const Policy policy : {Policy::paper, Policy::layer, Policy::best}) {
        experiment.policy = policy;
        experiment.device.buffer =
            policy == Policy::paper ? workloads::Bytes(4 << 20) : workloads::Bytes(16 << 10);
        CAPTURE(test::description(experiment));
        std::optional<sim::Simulation> simulation;
        try {
          simulation.emplace(experiment, models::DeviceOptions{true, false});
        } catch (const workloads::InputError&) {
          continue;  // too small a buffer
        }
        const sim::Plan plan = sim::make_plan(experiment);
        const sim::Result result = simulation->run_step({});
        for (const Port port : {Port::dram, Port::host}) {
          for (const Direction direction : {Direction::read, Direction::write}) {
            CHECK(plan.ledger().total(port, direction) == result.ledger.total(port, direction));
          }
        }
        ++run;
      }
    }
  }
  CHECK(run > 40);
}

}  // namespace spillway::stored_matrices_test
