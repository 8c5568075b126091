// A residual block planned beside a schedule that is written down by hand, and a whole residual
// network in buffers of several sizes.
#include <doctest/doctest.h>

#include "analysis/figures/planned_points.hpp"
#include "sim/plan/plan.hpp"
#include "tests/support/build.hpp"
#include "tests/support/hand_schedules.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::residual_block_test {

using namespace workloads;
using namespace workloads::literals;
using sim::Policy;

namespace {

constexpr std::uint64_t examples = 6, maps = 4, pixels = 8 * 8, classes = 3;

/// Its main path is two convolutions of 3 x 3, its shortcut the image.
sim::Experiment residual_block() {
  LayerSpec first = test::conv(maps, 3), second = test::conv(maps, 3), sum;
  first.padding_mode = second.padding_mode = PaddingMode::same;
  first.name = "first";
  second.name = "second";
  second.relu = false;
  sum.name = "sum";
  sum.kind = LayerKind::add;
  sum.bias = false;
  sum.from = {"second", "input"};
  sim::Experiment experiment = analysis::plain_experiment(
      make_network("block", {maps, 8, 8}, classes, {first, second, sum}), examples);
  experiment.rule = "bp";
  return experiment;
}

std::uint64_t words_of(sim::Experiment experiment, Policy policy, Bytes buffer) {
  experiment.policy = policy;
  experiment.device.buffer = buffer;
  return test::moved_words(sim::make_plan(experiment));
}

/// One loop of the schedule by hand: words that it reads and writes, and that it has on chip.
struct Loop {
  std::uint64_t read, written, on_chip;
};

/// A loop over the examples for each convolution, product of the readout, and gradient, with the
/// weights or their gradients on chip and the operations on elements in the loop of what they work
/// on. All else lies in memory between two loops.
std::vector<Loop> hand_schedule() {
  constexpr std::uint64_t map = maps * pixels, all = examples * map;  // of images, too
  constexpr std::uint64_t weights = maps * maps * 3 * 3, conv = weights + maps;
  constexpr std::uint64_t matrix = classes * map, readout = matrix + classes;
  constexpr std::uint64_t scores = examples * classes, labels = examples, metrics = 2;
  return {
      {conv + all, all, conv + 2 * map},                 // first convolution, ReLU
      {conv + 2 * all, all, conv + 3 * map},             // second one, sum with the image, ReLU
      {readout + all, scores, readout + map + classes},  // scores
      {scores + labels, scores + metrics, 2 * scores + labels + metrics},  // loss
      {all + scores, readout, readout + map + classes},                    // readout's gradients
      {matrix + scores + all, all, matrix + classes + 2 * map},  // error of the sum, its ReLU
      {2 * all, conv, conv + 2 * map},                           // second convolution's gradients
      {weights + 2 * all, all, weights + 3 * map},               // first one's error, its ReLU
      {2 * all, conv, conv + 2 * map},                           // first convolution's gradients
      {2 * conv, conv, 2 * conv},                                // updates
      {2 * conv, conv, 2 * conv},
      {2 * readout, readout, 2 * readout},
  };
}

}  // namespace

TEST_CASE("best moves no more for a residual block than a schedule by hand") {
  std::uint64_t words = 0, buffer = 0;
  for (const Loop& loop : hand_schedule()) {
    words += loop.read + loop.written;
    buffer = std::max(buffer, loop.on_chip);
  }
  CHECK(words == 30'921);
  CHECK(buffer == 1542);  // both of the readout's, in its update
  const sim::Experiment experiment = residual_block();
  const std::uint64_t best = words_of(experiment, Policy::best, Bytes(4 * buffer));
  CHECK(best <= words);
  CHECK(best <= words_of(experiment, Policy::layer, Bytes(4 * buffer)));
  CHECK(best >= test::compulsory_words(experiment));
}

TEST_CASE("for resnet8 best moves no more than layer, nor more in a larger buffer" *
          test::slow_if_sanitized) {
  sim::Experiment experiment = analysis::plain_experiment(
      read_network(shared_folder() / "workloads" / "networks" / "resnet8.yaml"), 8);
  for (const char* rule : {"bp", "lel"}) {
    CAPTURE(rule);
    experiment.rule = rule;
    std::uint64_t before = ~std::uint64_t{0};
    for (const Bytes buffer : {32_KiB, 2_MiB}) {
      const std::uint64_t best = words_of(experiment, Policy::best, buffer);
      CHECK(best <= words_of(experiment, Policy::layer, buffer));
      CHECK(best < before);
      CHECK(best >= test::compulsory_words(experiment));
      before = best;
    }
  }
}

}  // namespace spillway::residual_block_test
