// Policies that cut operations into tiles: planned words are the simulated ones, and values are
// those of whole tensors, whatever the buffer.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>

#include "analysis/report.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"

namespace spillway {

using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::Tensor;

namespace {

/// Bytes that a refused plan says are enough.
std::uint64_t smallest_buffer(Experiment experiment) {
  experiment.device.buffer = Bytes(4);
  try {
    sim::make_plan(experiment);
  } catch (const workloads::InputError& error) {
    const std::string message = error.what();
    const std::size_t at = message.find("at least ");
    REQUIRE(at != std::string::npos);
    return std::stoull(message.substr(at + 9));
  }
  return 4;
}

std::vector<float> floats(const std::vector<std::byte>& bytes) {
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(float));
  return values;
}

/// The largest difference between two tensors, as a share of the larger one's largest value. (What
/// is smaller than 0.02 is taken for 0.02: errors before batch-norm are small differences of large
/// sums.)
double difference(const std::vector<float>& a, const std::vector<float>& b) {
  double most = 0, scale = 0.02;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!std::isfinite(a[i]) || !std::isfinite(b[i])) return 1e9;
    scale =
        std::max({scale, std::abs(static_cast<double>(a[i])), std::abs(static_cast<double>(b[i]))});
    most = std::max(most, std::abs(static_cast<double>(a[i]) - static_cast<double>(b[i])));
  }
  return most / scale;
}

Experiment random_experiment(workloads::SplitMix& numbers, int number) {
  const std::vector<std::string> rules = workloads::learning_rule_names();
  Experiment experiment = test::experiment(test::random_network(numbers),
                                           rules[static_cast<std::size_t>(number) % rules.size()],
                                           1 + static_cast<std::int64_t>(numbers.below(9)));
  if (workloads::learning_rule(experiment.rule).local) {
    experiment.rule_options.fix = static_cast<int>(numbers.below(3));
  }
  if (numbers.below(3) == 0) experiment.optimizer.momentum = 0;
  experiment.seed = numbers.next();
  if (numbers.below(2) == 0) {
    experiment.idealisations = sim::Idealisations::none();
    for (const sim::Item item : sim::all_items()) {
      if (numbers.below(2) == 0) experiment.idealisations.add(item);
    }
  }
  return experiment;
}

/// Some channel hardly varies over the mini-batch: batch-norm then blows up the last bits, and no
/// order of summation is like another. (After a first step running variances, which were 1, are
/// 0.9 + 0.1 of the batch's.)
bool is_degenerate(sim::DirectTraining& direct) {
  for (const Tensor& tensor : direct.step().tensors) {
    if (tensor.kind != workloads::TensorKind::norm_statistics || !tensor.is_kept()) continue;
    const std::vector<float> running = floats(direct.read(tensor.id));
    for (std::size_t c = running.size() / 2; c < running.size(); ++c) {
      if (running[c] < 0.9 + 0.1 * 1e-3) return true;
    }
  }
  return false;
}

void check_values(sim::Simulation& simulation, sim::DirectTraining& direct) {
  for (const Tensor& tensor : simulation.plan().step().tensors) {
    if (!tensor.is_kept()) continue;
    const auto ours = simulation.read(tensor.id), theirs = direct.read(tensor.id);
    if (tensor.kind == workloads::TensorKind::seeds) {
      CHECK(ours == theirs);
      continue;
    }
    CAPTURE(tensor.name);
    CHECK(difference(floats(ours), floats(theirs)) < 2e-4);
  }
}

}  // namespace

TEST_CASE("tiled programs move the planned words and compute the values of whole tensors") {
  workloads::SplitMix numbers(20261125);
  int compared = 0;
  for (int number = 0; number < 200; ++number) {
    Experiment experiment = random_experiment(numbers, number);
    for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      experiment.policy = policy;
      const std::uint64_t smallest = smallest_buffer(experiment);
      // Half of the time close to the smallest legal size.
      const std::uint64_t more = numbers.below(2) == 0 ? 64 : 8192;
      experiment.device.buffer = Bytes(smallest + 4 * numbers.below(more));
      CAPTURE(number);
      CAPTURE(analysis::network_text(experiment.network));
      CAPTURE(experiment.rule);
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
      if (is_degenerate(direct)) continue;
      ++compared;
      check_values(simulation, direct);
    }
  }
  CHECK(compared > 400);
}

}  // namespace spillway
