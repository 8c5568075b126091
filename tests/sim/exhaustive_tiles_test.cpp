// The planner's tiles of one matrix product against the best of all tiles.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "sim/plan/allocation/memory_map.hpp"
#include "sim/plan/mapping/candidates.hpp"
#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/mapping/packing.hpp"
#include "sim/plan/operations/phases.hpp"
#include "tests/support/build.hpp"
#include "tests/support/tile_search.hpp"
#include "workloads/kernels/operations.hpp"

namespace spillway::exhaustive_tiles_test {

using test::Product;
using test::Tiles;
using workloads::ConvGeometry;
using workloads::LayerSpec;

namespace {

struct Subject {
  std::string name;
  workloads::ImageShape input;  ///< of the layer
  LayerSpec layer;
  std::int64_t batch;
  bool twice = false;  ///< loops of the search
};

LayerSpec conv_layer(std::int64_t maps, std::array<std::int64_t, 2> kernel,
                     std::array<std::int64_t, 2> stride, std::array<std::int64_t, 2> padding,
                     std::int64_t groups = 1) {
  LayerSpec layer = test::conv(maps, 1);
  layer.kernel = kernel;
  layer.stride = stride;
  layer.padding = padding;
  layer.padding_mode = workloads::PaddingMode::explicit_size;
  layer.groups = groups;
  return layer;
}

std::vector<Subject> subjects() {
  return {
      {"fc", {7, 1, 1}, test::fc(6), 5},
      {"fc of one example", {12, 1, 1}, test::fc(9), 1},
      {"fc with few outputs", {9, 1, 1}, test::fc(2), 8},
      {"fc in two levels of loops", {4, 1, 1}, test::fc(4), 4, true},
      {"long fc in two levels of loops", {3, 1, 1}, test::fc(7), 3, true},
      {"conv 3x3", {3, 4, 3}, conv_layer(3, {3, 3}, {1, 1}, {1, 1}), 2},
      {"conv 3x1 on columns", {2, 6, 1}, conv_layer(3, {3, 1}, {1, 1}, {1, 0}), 3},
      // Tiles of five rows reach two places onto padding and need less room than those of four.
      {"conv 5x5 on larger maps", {1, 10, 10}, conv_layer(1, {5, 5}, {1, 1}, {2, 2}), 1},
      {"conv without padding", {2, 5, 3}, conv_layer(3, {3, 2}, {1, 1}, {0, 0}), 2},
      {"conv with stride 2", {2, 5, 4}, conv_layer(4, {3, 3}, {2, 2}, {1, 1}), 2},
      {"conv 1x1 with stride 2", {3, 4, 4}, conv_layer(3, {1, 1}, {2, 2}, {0, 0}), 3},
      {"conv 1x1 in two levels of loops",
       {3, 2, 1},
       conv_layer(3, {1, 1}, {1, 1}, {0, 0}),
       3,
       true},
      {"conv in groups", {4, 4, 2}, conv_layer(4, {3, 3}, {1, 1}, {1, 1}, 2), 3},
      {"conv of every channel alone", {4, 4, 3}, conv_layer(4, {3, 3}, {1, 1}, {1, 1}, 4), 2},
  };
}

/// The layer on top of another, so that it has all three products, and nothing but them.
sim::Experiment experiment_of(const Subject& subject) {
  LayerSpec below = test::conv(subject.input.channels, 1), layer = subject.layer;
  below.bias = layer.bias = false;
  below.relu = layer.relu = false;
  sim::Experiment experiment = test::experiment(
      workloads::make_network("products", subject.input, 3, {below, layer}), "bp", subject.batch);
  experiment.idealisations = sim::Idealisations::none();
  return experiment;
}

ConvGeometry geometry_of(const sim::Experiment& experiment) {
  const workloads::Layer& layer = experiment.network.layers[1];
  return {experiment.batch, layer.input, layer.before_pool, layer.window, layer.groups};
}

bool is(Product product, const workloads::Kernel& kernel) {
  using namespace workloads;
  switch (product) {
    case Product::forward: return kernel.is<ConvForward>() || kernel.is<FcForward>();
    case Product::input_gradient:
      return kernel.is<ConvInputGradient>() || kernel.is<FcInputGradient>();
    case Product::weight_gradient:
      return kernel.is<ConvWeightGradient>() || kernel.is<FcWeightGradient>();
  }
  return false;
}

/// Words that the planner's tiles move in a buffer of so many words, for each product.
class Planner {
 public:
  Planner(const sim::Experiment& experiment, Product product)
      : step_(sim::training_step(experiment)),
        map_(sim::place_tensors(step_, experiment.idealisations, experiment.device)),
        array_(experiment.device.array()),
        builder_(step_, sim::CountedWords(map_)) {
    for (std::size_t i = 0; i < step_.ops.size(); ++i) {
      if (step_.ops[i].layer != 2 || !is(product, step_.ops[i].kernel)) continue;
      sim::NestRequest request;
      request.main = {sim::OpPart(i)};
      choice_ = choice_of(builder_, request);
    }
    REQUIRE(!choice_.empty());
  }

  std::optional<std::uint64_t> words(std::uint64_t buffer) const {
    const std::optional<sim::Nest> nest = choose(choice_, buffer, array_);
    if (!nest) return std::nullopt;
    sim::NestShape shape(nest->spec);
    shape.set(nest->loops, nest->parts);
    CHECK(pack(nest->spec, shape, nest->resident).words <= buffer);
    return nest_cost(nest->spec, shape, nest->resident);
  }

 private:
  workloads::Step step_;
  models::MemoryMap map_;
  models::ComputeArray array_;
  sim::NestBuilder builder_;
  sim::NestChoice choice_;
};

std::string to_string(Product product) {
  return product == Product::forward          ? "forward"
         : product == Product::input_gradient ? "input gradient"
                                              : "weight gradient";
}

/// Returns how often it compared.
int compare(Tiles tiles) {
  int compared = 0;
  for (const Subject& subject : subjects()) {
    const sim::Experiment experiment = experiment_of(subject);
    for (const Product product :
         {Product::forward, Product::input_gradient, Product::weight_gradient}) {
      const std::vector<std::uint64_t> fewest =
          test::fewest_words(geometry_of(experiment), product, tiles, subject.twice);
      const Planner planner(experiment, product);
      double worst = 0;
      std::string where;
      for (std::size_t words = 1; words < fewest.size(); ++words) {
        const std::optional<std::uint64_t> ours = planner.words(words);
        CAPTURE(words);
        CHECK(ours.has_value() == (fewest[words] != test::no_tiles));
        if (!ours || fewest[words] == test::no_tiles) continue;
        ++compared;
        const double ratio = static_cast<double>(*ours) / static_cast<double>(fewest[words]);
        if (ratio <= worst) continue;
        worst = ratio;
        where = fmt::format("{} {} in {} words on chip: {} moved, at best {}", subject.name,
                            to_string(product), words, *ours, fewest[words]);
      }
      CAPTURE(where);
      CHECK(worst <= 1.02);
    }
  }
  return compared;
}

}  // namespace

TEST_CASE("no tiles of a matrix product move 2 % fewer words than the planner's") {
  CHECK(compare(Tiles::innermost) > 1000);
}

TEST_CASE("nor do tiles that stay while inner loops go on") {
  CHECK(compare(Tiles::any_level) > 1000);
}

TEST_CASE("the search over all tiles finds what is known of small products") {
  // 2 x 2 times 2 x 2: with all on chip every operand moves once.
  const ConvGeometry square{2, {2, 1, 1}, {2, 1, 1}, {}, 1};
  const std::vector<std::uint64_t> fewest =
      test::fewest_words(square, Product::forward, Tiles::any_level);
  REQUIRE(fewest.size() == 13);
  CHECK(fewest[2] == test::no_tiles);
  CHECK(fewest[12] == 12);
  // Three words: each of 8 products takes an x and a weight, but one stands from one to the next
  // wherever the loops turn without moving it; sums stay on chip.
  CHECK(fewest[3] <= 8 + 8 + 4);
  CHECK(fewest[3] >= 8 + 4 + 4);
  // x in whole (4), a column of weights' outputs (2) and one sum: nothing moves twice.
  CHECK(fewest[7] == 12);
}

}  // namespace spillway::exhaustive_tiles_test
