// Plans are what the device does, for every network, rule, policy and buffer; and a program is made
// as it is consumed.
#include <doctest/doctest.h>
#include <malloc.h>

#include "analysis/reports/report.hpp"
#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/same_values.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/shared_files.hpp"

#ifdef __SANITIZE_ADDRESS__
// Not every compiler package has the header that declares it.
extern "C" std::size_t __sanitizer_get_current_allocated_bytes();  // NOLINT
#endif

namespace spillway::plan_counts_test {

using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::Words;

namespace {

const std::vector<Policy> all_policies{Policy::paper, Policy::layer, Policy::best,
                                       Policy::best_with_recomputation};

const std::vector<std::string> shipped_networks{"mnist-mlp", "mnist-mlp-256", "cifar10-5layer",
                                                "cifar10-5layer-scaled", "cifar10-10layer"};

workloads::Network shipped_network(const std::string& name) {
  return workloads::read_network(workloads::shared_folder() / "workloads" / "networks" /
                                 (name + ".yaml"));
}

/// The network with maps and neurons divided.
workloads::Network scaled_down(const workloads::Network& network, std::int64_t divisor) {
  std::vector<workloads::LayerSpec> layers(network.layers.begin(), network.layers.end());
  for (workloads::LayerSpec& layer : layers) {
    layer.outputs = std::max<std::int64_t>(2, layer.outputs / divisor);
  }
  return workloads::make_network(network.name, network.input, network.classes, layers);
}

/// Bytes that the process has allocated and not freed.
std::size_t allocated_bytes() {
#ifdef __SANITIZE_ADDRESS__
  return __sanitizer_get_current_allocated_bytes();
#else
  return mallinfo2().uordblks;
#endif
}

/// Plans and simulates without values; returns whether the plan fits.
bool simulates_as_planned(const Experiment& experiment) {
  std::optional<sim::Simulation> simulation;
  try {
    simulation.emplace(experiment, models::DeviceOptions{true, false});
  } catch (const workloads::InputError&) {
    return false;
  }
  CAPTURE(experiment.network.name);
  CAPTURE(experiment.rule);
  CAPTURE(to_string(experiment.policy));
  CAPTURE(experiment.device.buffer.count());
  const sim::Result result = simulation->run_step({});
  CHECK(analysis::counts_agree(simulation->plan(), result));
  CHECK(result.execution.high_water <= experiment.device.buffer);
  std::uint64_t read = 0, written = 0;
  for (const sim::LedgerLine& line : simulation->plan().ledger().lines()) {
    if (line.key.port != models::Port::dram) continue;
    (line.key.direction == sim::Direction::read ? read : written) += line.words.count();
  }
  CHECK(Words(read) == result.execution.dram.read_words);
  CHECK(Words(written) == result.execution.dram.write_words);
  return true;
}

}  // namespace

TEST_CASE("scaled-down networks of the paper: planned is simulated at every buffer size") {
  int fitting = 0;
  for (const std::string name : {"mnist-mlp", "cifar10-5layer", "cifar10-10layer"}) {
    const workloads::Network network = scaled_down(shipped_network(name), 16);
    for (const std::string& rule : workloads::learning_rule_names()) {
      // Ten layers take longer to plan; the other rules have operations in common with these.
      if (name == "cifar10-10layer" && rule != "bp" && rule != "lel") continue;
      for (const Policy policy : all_policies) {
        Experiment experiment = test::experiment(network, rule, 6);
        experiment.policy = policy;
        for (const std::uint64_t kibibytes : {8u, 64u, 512u}) {
          if (test::sanitized && (kibibytes != 64 || (rule != "bp" && rule != "lel"))) continue;
          experiment.device.buffer = Bytes(kibibytes * 1024);
          fitting += simulates_as_planned(experiment);
        }
      }
    }
  }
  CHECK(fitting > test::cases(150, 8));
}

TEST_CASE("where stays leave gaps, tiles are still as large as the gaps allow") {
  // In this buffer stays and nests fit only once all nests are made as small as they can be.
  Experiment experiment = test::experiment(shipped_network("cifar10-10layer"), "dfa", 100);
  experiment.policy = Policy::best;
  experiment.device.buffer = Bytes(32 << 20);
  const sim::Plan plan = sim::make_plan(experiment);
  for (const sim::Nest& nest : plan.schedule().nests) {
    sim::NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    std::uint64_t runs = 1;
    for (std::size_t i = 0; i < nest.loops.size(); ++i) runs *= shape.trips(i);
    CAPTURE(nest.spec.name);
    CHECK(runs <= 1000);
  }
}

TEST_CASE("where weights do not fit, nearly every word of the buffer saves one of theirs") {
  using namespace test;
  // The forward pass and the update both read them, and a part that stays is read once.
  Experiment experiment =
      test::experiment(workloads::make_network("wide", {90, 1, 1}, 4, {fc(120)}), "bp", 4);
  experiment.policy = Policy::best;
  const auto words_in = [&](std::uint64_t words) {
    experiment.device.buffer = bytes_of(Words(words));
    return moved_words(sim::make_plan(experiment));
  };
  constexpr std::uint64_t weights = 90 * 120, little = weights / 5;
  const std::uint64_t most = words_in(little);
  for (std::uint64_t words = 2 * little; words <= weights; words += weights / 10) {
    CAPTURE(words);
    const std::uint64_t saved = most - words_in(words);
    // Scores and their errors, 4 x 4 each, are stored and loaded: a word of theirs saves two.
    CHECK(saved <= words - little + 2 * 16);
    CHECK(10 * saved >= 8 * (words - little));
  }
}

// Takes long; run it with --no-skip.
TEST_CASE("networks as shipped: planned is simulated from 16 KiB to 64 MiB" * doctest::skip()) {
  int fitting = 0;
  for (const std::string& name : shipped_networks) {
    for (const std::string& rule : workloads::learning_rule_names()) {
      for (const Policy policy : all_policies) {
        Experiment experiment = test::experiment(shipped_network(name), rule, 100);
        experiment.policy = policy;
        for (std::uint64_t bytes = 16 << 10; bytes <= 64 << 20; bytes *= 2) {
          experiment.device.buffer = Bytes(bytes);
          fitting += simulates_as_planned(experiment);
        }
      }
    }
  }
  CHECK(fitting > 1000);
}

TEST_CASE("small networks: planned is simulated with values from the smallest buffer on") {
  workloads::SplitMix numbers(20261127);
  constexpr int sizes = test::cases(10, 4);
  int runs = 0;
  for (const std::string& rule : workloads::learning_rule_names()) {
    for (int network = 0; network < 2; ++network) {
      Experiment experiment = test::random_experiment(numbers, rule);
      sim::DirectTraining direct(experiment);
      const sim::Batch batch = sim::first_batch(experiment);
      direct.run_step(batch);
      for (const Policy policy : {Policy::layer, Policy::best}) {
        experiment.policy = policy;
        std::uint64_t words = test::smallest_buffer_words(experiment);
        for (int step = 0; step < sizes; ++step, words += 1 + words / 6) {
          experiment.device.buffer = bytes_of(Words(words));
          CAPTURE(test::description(experiment));
          CAPTURE(to_string(policy));
          CAPTURE(words);
          sim::Simulation simulation(experiment);
          const sim::Result result = simulation.run_step(batch);
          CHECK(analysis::counts_agree(simulation.plan(), result));
          CHECK(result.execution.high_water <= experiment.device.buffer);
          if (!test::is_degenerate(direct)) {
            CHECK(test::differing_tensors(simulation, direct) == std::vector<std::string>{});
          }
          ++runs;
        }
      }
    }
  }
  CHECK(runs > 20 * sizes);
}

TEST_CASE("memory does not grow with the number of instructions of a program") {
  // Hardly any buffer: millions of tiles.
  using namespace test;
  Experiment experiment =
      test::experiment(workloads::make_network("long", {40, 1, 1}, 4, {fc(60), fc(60)}), "bp", 60);
  experiment.idealisations = sim::Idealisations::none();
  for (const Policy policy : {Policy::layer, Policy::best}) {
    experiment.policy = policy;
    experiment.device.buffer = bytes_of(Words(test::smallest_buffer_words(experiment)));
    const sim::Plan plan = sim::make_plan(experiment);
    models::Program program = plan.program();
    std::size_t instructions = 0, early = 0, most = 0;
    for (; program(); ++instructions) {
      if (instructions % 10'000 != 0) continue;
      const std::size_t taken = allocated_bytes();
      if (instructions == 10'000) early = taken;
      most = std::max(most, taken);
    }
    CAPTURE(to_string(policy));
    CHECK(instructions > 1'000'000);
    CHECK(early > 0);
    CHECK(most < early + 64 * 1024);
  }
}

}  // namespace spillway::plan_counts_test
