// What holds from one size of the buffer to another, in steps of single words: a plan is what the
// run moves, a larger buffer never needs more words, and the smallest buffer that a message states
// is the smallest that works.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/reports/report.hpp"
#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::buffer_sizes_test {

using sim::Experiment;
using sim::Policy;
using workloads::Bytes;
using workloads::LayerSpec;
using workloads::Words;

namespace {

constexpr int cases = test::cases(20, 3);

Experiment in_buffer(Experiment experiment, Policy policy, std::uint64_t words) {
  experiment.policy = policy;
  experiment.device.buffer = bytes_of(Words(words));
  return experiment;
}

std::uint64_t smallest(const Experiment& experiment, Policy policy) {
  return test::smallest_buffer_words(in_buffer(experiment, policy, 1));
}

std::uint64_t moved(const Experiment& experiment, Policy policy, std::uint64_t words) {
  return test::moved_words(sim::make_plan(in_buffer(experiment, policy, words)));
}

bool is_accepted(const Experiment& experiment, Policy policy, std::uint64_t words) {
  try {
    sim::make_plan(in_buffer(experiment, policy, words));
    return true;
  } catch (const sim::BufferTooSmall&) {
    return false;
  }
}

/// One conv layer of few outputs, whose tiles leave a remainder, under pooling windows that
/// overlap.
Experiment odd_case(workloads::SplitMix& numbers) {
  const auto up_to = [&](std::uint64_t most) {
    return static_cast<std::int64_t>(1 + numbers.below(most));
  };
  while (true) {
    const std::int64_t kernel = up_to(2), pool = 1 + up_to(2);
    LayerSpec layer = test::conv(1 + 2 * up_to(3), kernel);
    layer.padding_mode = workloads::PaddingMode::valid;
    if (numbers.below(4) != 0) {
      layer = test::pooled(layer, pool, 1, static_cast<std::int64_t>(numbers.below(2)));
    }
    layer.bias = true;
    layer.relu = numbers.below(5) != 0;
    const std::vector<std::string> rules = workloads::learning_rule_names();
    try {
      Experiment experiment = test::experiment(
          workloads::make_network("odd", {up_to(2), 1 + up_to(4), 1 + up_to(4)}, 2, {layer}),
          rules[numbers.below(rules.size())], up_to(7));
      if (numbers.below(2) == 0) experiment.optimizer.momentum = 0;
      experiment.idealisations = sim::Idealisations::none();
      if (numbers.below(2) == 0) experiment.idealisations.add(sim::Item::biases);
      return experiment;
    } catch (const workloads::InputError&) {  // pooling larger than the map
    }
  }
}

void check_planned_is_simulated(const Experiment& experiment) {
  CAPTURE(to_string(experiment.policy));
  CAPTURE(experiment.device.buffer.count());
  CAPTURE(test::description(experiment));
  sim::Simulation simulation(experiment, models::DeviceOptions{true, false});
  const sim::Result result = simulation.run_step({});
  CHECK(analysis::counts_agree(simulation.plan(), result));
}

}  // namespace

TEST_CASE("tiles of an outer and an inner loop along three outputs are planned as they run") {
  // Outputs by 2 and within them by 1: the last outer tile has no inner ones.
  LayerSpec layer = test::pooled(test::conv(3, 2), 3, 1, 1);
  layer.padding_mode = workloads::PaddingMode::valid;
  layer.bias = true;
  for (const bool idealised : {true, false}) {
    Experiment experiment =
        test::experiment(workloads::make_network("r", {1, 3, 3}, 2, {layer}), "lel", 4);
    experiment.optimizer.momentum = 0;
    experiment.idealisations = sim::Idealisations::none();
    if (idealised) experiment.idealisations.add(sim::Item::biases);
    int two_loops = 0;
    for (std::uint64_t words = 14; words < 40; ++words) {
      for (const Policy policy : {Policy::layer, Policy::best}) {
        const Experiment sized = in_buffer(experiment, policy, words);
        check_planned_is_simulated(sized);
        const sim::Plan plan = sim::make_plan(sized);
        for (const sim::Nest& nest : plan.schedule().nests) {
          const auto outputs = std::ranges::count(nest.loops, sim::Axis::output, &sim::Loop::axis);
          two_loops += outputs > 1 ? 1 : 0;
        }
      }
    }
    CHECK(two_loops > 0);
  }
}

TEST_CASE("networks of odd sizes: planned is simulated from the smallest buffer on, word by word") {
  workloads::SplitMix numbers(20261128);
  for (int number = 0; number < cases / 2; ++number) {
    const Experiment experiment = odd_case(numbers);
    for (const Policy policy : {Policy::layer, Policy::best, Policy::best_with_recomputation}) {
      const std::uint64_t least = smallest(experiment, policy);
      for (const std::uint64_t more : {std::uint64_t{0}, std::uint64_t{1}, std::uint64_t{2},
                                       3 + numbers.below(7), 10 + numbers.below(30)}) {
        check_planned_is_simulated(in_buffer(experiment, policy, least + more));
      }
    }
  }
}

TEST_CASE("a larger buffer never needs more words, in steps from single words on") {
  const std::vector<std::string> rules = workloads::learning_rule_names();
  int plans = 0;
  for (int number = 0; number < cases; ++number) {
    workloads::SplitMix numbers(777'000 + static_cast<std::uint64_t>(number));
    Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    while (experiment.network.layers.size() > 2) {
      experiment =
          test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    }
    const Policy policy = number % 4 == 0 ? Policy::best_with_recomputation : Policy::best;
    std::uint64_t words = smallest(experiment, policy), before = ~std::uint64_t{0};
    CAPTURE(number);
    CAPTURE(test::description(experiment));
    for (int i = 0; i < 24; ++i, ++plans) {
      CAPTURE(words);
      const std::uint64_t now = moved(experiment, policy, words);
      CHECK(now <= before);
      before = now;
      words += i < 10 ? 1 : std::max<std::uint64_t>(1, words / 12);
    }
  }
  CHECK(plans == 24 * cases);
}

TEST_CASE("between powers of two a larger buffer needs no more words: conv layers of 16 and 24") {
  const workloads::Network network =
      workloads::make_network("rises", {3, 16, 16}, 10,
                              {test::pooled(test::conv(16, 3), 2, 2), test::conv(24, 3),
                               test::pooled(test::conv(24, 3), 2, 2), test::fc(64)});
  for (const char* rule : {"bp", "lel"}) {
    Experiment experiment = test::experiment(network, rule, 64);
    experiment.optimizer.momentum = 0;
    std::uint64_t before = ~std::uint64_t{0};
    for (const std::uint64_t kibibytes : {128, 152, 153, 160}) {
      CAPTURE(rule);
      CAPTURE(kibibytes);
      const std::uint64_t now = moved(experiment, Policy::best, kibibytes * 256);
      CHECK(now <= before);
      before = now;
    }
  }
}

TEST_CASE(
    "in deep networks, whose search follows a few ways only, a larger buffer needs no more words") {
  // Sizes of the grid, a word less and more, and others.
  const std::vector<std::uint64_t> sizes =
      test::sanitized ? std::vector<std::uint64_t>{384, 512}
                      : std::vector<std::uint64_t>{383, 384, 385, 511, 512, 1024};
  const std::vector<LayerSpec> convolutions(21, test::conv(4, 3));
  const workloads::Network network = workloads::make_network("deep", {2, 6, 6}, 5, convolutions);
  for (const auto& [rule, policy] :
       {std::pair{"bp", Policy::best}, std::pair{"bp", Policy::best_with_recomputation},
        std::pair{"lel", Policy::best}}) {
    Experiment experiment = test::experiment(network, rule, 4);
    experiment.optimizer.momentum = 0;
    std::uint64_t before = ~std::uint64_t{0}, first = 0;
    for (const std::uint64_t words : sizes) {
      CAPTURE(rule);
      CAPTURE(words);
      const std::uint64_t now = moved(experiment, policy, words);
      CHECK(now <= before);
      before = now;
      if (first == 0) first = now;
    }
    CHECK(before < first);
  }
}

TEST_CASE("the smallest buffer that policy paper states is the smallest that it works in") {
  const std::vector<std::string> rules = workloads::learning_rule_names();
  for (int number = 0; number < 4 * cases; ++number) {
    workloads::SplitMix numbers(4'000 + static_cast<std::uint64_t>(number));
    const Experiment experiment =
        test::random_experiment(numbers, rules[static_cast<std::size_t>(number) % rules.size()]);
    CAPTURE(number);
    CAPTURE(test::description(experiment));
    const std::uint64_t least = smallest(experiment, Policy::paper);
    CHECK(is_accepted(experiment, Policy::paper, least));
    for (const std::uint64_t less : {std::uint64_t{1}, std::uint64_t{2}, 1 + least / 100,
                                     1 + least / 30, 1 + least / 10, 1 + numbers.below(least)}) {
      if (less < least) CHECK_FALSE(is_accepted(experiment, Policy::paper, least - less));
    }
    CHECK(is_accepted(experiment, Policy::paper, least + 1 + numbers.below(least)));
  }
}

}  // namespace spillway::buffer_sizes_test
