// Average pooling, against its definition, and in parts.
#include <doctest/doctest.h>

#include "tests/support/build.hpp"
#include "tests/support/kernels.hpp"
#include "workloads/kernels/average_pooling.hpp"

namespace spillway::average_pool_test {

using namespace workloads;
using test::OperandBytes;
using test::Values;

namespace {

/// The places of one window on the map, and the number that their sum is divided by.
struct Covered {
  std::vector<std::int64_t> places;
  double count = 0;
};
Covered covered(const PoolGeometry& g, std::int64_t oy, std::int64_t ox, bool count_padding) {
  Covered result;
  for (std::int64_t ky = 0; ky < g.window.kernel[0]; ++ky) {
    for (std::int64_t kx = 0; kx < g.window.kernel[1]; ++kx) {
      const std::int64_t y = oy * g.window.stride[0] + ky - g.window.padding_begin[0],
                         x = ox * g.window.stride[1] + kx - g.window.padding_begin[1];
      const bool inside = y >= 0 && y < g.input.height && x >= 0 && x < g.input.width;
      if (inside) result.places.push_back(y * g.input.width + x);
      result.count += inside || count_padding ? 1 : 0;
    }
  }
  return result;
}

Values random_maps(std::int64_t batch, const ImageShape& map, SplitMix& numbers) {
  return test::random_values(static_cast<std::size_t>(batch * map.elements()), numbers);
}

template <class Visit>
void for_each_window(const PoolGeometry& g, Visit visit) {
  std::int64_t window = 0;
  for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
    for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
      for (std::int64_t ox = 0; ox < g.output.width; ++ox) visit(map, oy, ox, window++);
    }
  }
}

}  // namespace

TEST_CASE("average pooling is the mean of each window, and its error the share of each place") {
  SplitMix numbers(20261129);
  for (int number = 0; number < 60; ++number) {
    const PoolGeometry g = test::random_pooling(1 + number % 3, numbers);
    const bool count_padding = number % 2 == 0;
    const std::int64_t inputs = g.input.height * g.input.width;
    const Values y = random_maps(g.batch, g.input, numbers);
    const Values da = random_maps(g.batch, g.output, numbers);
    test::Expected a(da.size()), dy(y.size());
    for_each_window(
        g, [&](std::int64_t map, std::int64_t oy, std::int64_t ox, std::int64_t window) {
          const Covered part = covered(g, oy, ox, count_padding);
          double sum = 0;
          for (const std::int64_t at : part.places) {
            const auto place = static_cast<std::size_t>(map * inputs + at);
            sum += y[place];
            dy.value[place] += da[static_cast<std::size_t>(window)] / part.count;
            dy.bound[place] += 4 * test::rounding * 16;
          }
          a.set(static_cast<std::size_t>(window), sum / part.count, 32 * test::rounding);
        });
    CAPTURE(number);
    a.require_close(test::as<float>(
        test::run_kernel(AveragePool::whole(g, count_padding), {test::operand(y)})[0]));
    dy.require_close(test::as<float>(
        test::run_kernel(AveragePoolError::whole(g, count_padding), {test::operand(da)})[0]));
  }
}

TEST_CASE("a layer may end in average pooling, of windows or of the whole map") {
  const auto network = [](const std::string& pool) {
    return read_network(
        Config::from_text("name: n\ninput: [2, 6, 8]\nclasses: 3\nlayers:\n  - {type: "
                          "conv, out: 4, kernel: 1, " +
                              pool + "}\n",
                          "net.yaml"),
        "n");
  };
  const Layer windows = network("avg_pool: {kernel: 3, stride: 2, padding: 1}").layers[0];
  CHECK(windows.output == ImageShape{4, 3, 4});
  CHECK(!windows.pool->count_padding);
  CHECK(network("avg_pool: {kernel: 2, count_include_pad: true}").layers[0].pool->count_padding);
  const Layer whole = network("global_avg_pool: true").layers[0];
  CHECK(whole.output == ImageShape{4, 1, 1});
  CHECK(whole.pool->kind == PoolKind::average);
  CHECK(network("global_avg_pool: false").layers[0].output == ImageShape{4, 6, 8});
  for (const char* both : {"avg_pool: {kernel: 2}, max_pool: {kernel: 2}",
                           "max_pool: {kernel: 2}, global_avg_pool: true"}) {
    CHECK_THROWS_WITH_AS(network(both), doctest::Contains("kind of pooling"), InputError);
  }
  CHECK_THROWS_WITH_AS(network("avg_pool: {kernel: 2, ceil: true}"), doctest::Contains("ceil"),
                       InputError);
}

TEST_CASE("what is averaged is kept for the way back, as its mask cannot be told from the mean") {
  for (const PoolKind kind : {PoolKind::max, PoolKind::average}) {
    LayerSpec spec = test::pooled(test::conv(3, 1), 2, 2);
    spec.pool->kind = kind;
    const Network network = make_network("n", {1, 4, 4}, 2, {spec, test::fc(4)});
    CHECK(network.layers[0].needs_map_before_pool() == (kind == PoolKind::average));
    const Words kept(kind == PoolKind::average ? 3 * 16 : 0);
    CHECK(network.maps_before_pool_kept() == kept);
    const Step step = learning_rule("bp").training_step(network, {2, {0.1, 0}, {}, 0});
    bool masked_before = false;
    for (const Op& op : step.ops) {
      if (op.kernel.is<ReluError>() && op.layer == 1) {
        masked_before = step.tensor(op.inputs[1]).name == "conv1.activations_before_pool";
      }
    }
    CHECK(masked_before == (kind == PoolKind::average));
  }
}

}  // namespace spillway::average_pool_test
