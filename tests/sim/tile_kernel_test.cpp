// The kernel of a tile: its geometry, its padding, and boxes that are refused.
#include "sim/plan/operations/tile_kernel.hpp"

#include <doctest/doctest.h>

#include "tests/support/tile_cuts.hpp"

namespace spillway::tile_test {

using sim::tile_kernel;

TEST_CASE("a tile that is the whole has the whole's kernel") {
  SplitMix numbers(508);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const ConvGeometry g = random_convolution(numbers);
    const ConvOperands o(g, numbers);
    const Tiles in{o.x.whole(), o.weights.whole(), o.bias.whole()}, out{o.y.whole()};
    CHECK(get<ConvForward>(tile_kernel(ConvForward{g}, in, out, false)).shape == g);
    const auto gradient = get<ConvWeightGradient>(
        tile_kernel(ConvWeightGradient{g}, Tiles{out[0], in[0]}, Tiles{in[1], in[2]}, true));
    CHECK(gradient.shape == g);
    CHECK(gradient.accumulate);
    CHECK(gradient.bias_begin == std::array<std::int64_t, 2>{0, 0});
    const PoolGeometry pool = random_pooling(3, numbers);
    const Tile y = models::whole_tensor(0, map_shape(pool.batch, pool.input)),
               a = models::whole_tensor(0, map_shape(pool.batch, pool.output));
    CHECK(get<MaxPool>(tile_kernel(MaxPool{pool}, Tiles{y}, Tiles{a, a}, false)).shape == pool);
    const auto error =
        get<MaxPoolError>(tile_kernel(MaxPoolError{pool}, Tiles{a, a}, Tiles{y}, false));
    CHECK(error.shape == pool);
    CHECK_FALSE(error.clip);
  }
  const auto loss = get<SquareHinge>(tile_kernel(SquareHinge{4, 3, true},
                                                 Tiles{tile({0, 4}, {0, 3}), tile({0, 4})},
                                                 Tiles{tile({0, 4}, {0, 3}), tile({0, 2})}, false));
  CHECK(loss.batch == 4);
  CHECK(loss.total_batch == 0);
}

TEST_CASE("a strip has padding where its windows go beyond it and nowhere else") {
  const ConvGeometry conv{1, {2, 16, 8}, {3, 16, 8}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 1};
  using Pair = std::pair<std::int64_t, std::int64_t>;
  const auto padding = [&](const Range& inputs, const Range& outputs) {
    const Kernel kernel =
        tile_kernel(ConvForward{conv},
                    Tiles{tile({}, {0, 2}, inputs, {0, 8}), tile({0, 3}, {0, 2}, {0, 3}, {0, 3})},
                    Tiles{tile({}, {0, 3}, outputs, {0, 8})}, false);
    const Window& window = get<ConvForward>(kernel).shape.window;
    CHECK(window.padding_begin[1] == 1);
    CHECK(window.padding_end[1] == 1);
    return Pair(window.padding_begin[0], window.padding_end[0]);
  };
  // The halo on the inputs' side: at the top, in the middle, at the bottom.
  CHECK(padding({0, 5}, {0, 4}) == Pair(1, 0));
  CHECK(padding({3, 9}, {4, 8}) == Pair(0, 0));
  CHECK(padding({11, 16}, {12, 16}) == Pair(0, 1));
  // And on the outputs' side.
  CHECK(padding({0, 4}, {0, 5}) == Pair(1, 2));
  CHECK(padding({4, 8}, {3, 9}) == Pair(2, 2));
  CHECK(padding({12, 16}, {11, 16}) == Pair(2, 1));
}

TEST_CASE("boxes that do not fit each other are refused") {
  const ConvGeometry conv{4, {6, 8, 8}, {4, 8, 8}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 2};
  const Range b{0, 4}, rows{0, 8}, taps{0, 3};
  const auto forward = [&](const Tile& x, const Tile& weights, const Tile& y) {
    return tile_kernel(ConvForward{conv}, Tiles{x, weights}, Tiles{y}, false);
  };
  const Tile x = tile(b, {3, 6}, rows, rows), y = tile(b, {2, 4}, rows, rows),
             weights = tile({2, 4}, {0, 3}, taps, taps);
  CHECK_NOTHROW(forward(x, weights, y));
  CHECK_NOTHROW(forward(tile(b, {4, 5}, rows, rows), tile({2, 4}, {1, 2}, taps, taps), y));
  // Inputs of another group, parts of two groups, other examples, cut taps.
  CHECK_THROWS_AS(forward(tile(b, {0, 3}, rows, rows), weights, y), ConsistencyError);
  CHECK_THROWS_AS(forward(tile(b, {0, 6}, rows, rows), tile({1, 4}, {0, 3}, taps, taps),
                          tile(b, {1, 4}, rows, rows)),
                  ConsistencyError);
  CHECK_THROWS_AS(forward(tile(b, {0, 5}, rows, rows), tile({0, 4}, {0, 2}, taps, taps),
                          tile(b, {0, 4}, rows, rows)),
                  ConsistencyError);
  CHECK_THROWS_AS(forward(tile({0, 3}, {3, 6}, rows, rows), weights, y), ConsistencyError);
  CHECK_THROWS_AS(forward(x, tile({2, 4}, {0, 3}, taps, {0, 2}), y), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(ConvForward{conv}, Tiles{x}, Tiles{y}, false), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(ConvForward{conv}, Tiles{x, weights, tile({0, 2})}, Tiles{y}, false),
                  ConsistencyError);

  const DenseGeometry fc{4, 24, 5};
  const Tile maps = tile(b, {2, 4}, {0, 2}, {0, 3}), out = tile(b, {0, 5});
  const auto dense = [&](const Range& inputs) {
    return tile_kernel(FcForward{fc}, Tiles{maps, tile({0, 5}, inputs)}, Tiles{out}, false);
  };
  CHECK_NOTHROW(dense({12, 24}));
  CHECK_THROWS_AS(dense({0, 12}), ConsistencyError);
  CHECK_THROWS_AS(dense({12, 23}), ConsistencyError);

  const PoolGeometry pool{4, {2, 6, 6}, {2, 3, 3}, {{2, 2}, {2, 2}, {0, 0}, {0, 0}}};
  const Tile pooled = tile(b, {0, 2}, {1, 2}, {0, 3});
  const auto max_pool = [&](const Range& inputs) {
    return tile_kernel(MaxPool{pool}, Tiles{tile(b, {0, 2}, inputs, {0, 6})}, Tiles{pooled, pooled},
                       false);
  };
  CHECK_NOTHROW(max_pool({2, 4}));
  CHECK_NOTHROW(max_pool({1, 6}));
  CHECK_THROWS_AS(max_pool({2, 3}), ConsistencyError);
  CHECK_THROWS_AS(max_pool({3, 6}), ConsistencyError);

  const Tile some = tile({0, 3});
  const NormStatistics statistics{{2, 3, 1, 1}};
  CHECK_THROWS_AS(tile_kernel(statistics, Tiles{tile({0, 2}, some.box[0])},
                              Tiles{tile({0, 2}, some.box[0])}, true),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(Relu{9}, Tiles{some}, Tiles{some}, true), ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(Update{9, 1, 0}, Tiles{some, tile({3, 6})}, Tiles{some}, false),
                  ConsistencyError);
  const SquaredError of_values{4, 12, false, 0, false, TargetKind::values};
  const Tile metrics = tile({0, 2}), half = tile({0, 4}, {0, 3}, {0, 2}, {0, 1});
  CHECK_NOTHROW(tile_kernel(of_values, Tiles{half, half}, Tiles{metrics}, false));
  CHECK_THROWS_AS(tile_kernel(of_values, Tiles{half, tile({0, 4}, {0, 6})}, Tiles{metrics}, false),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(of_values, Tiles{tile({0, 4}, {0, 12}), half}, Tiles{metrics}, false),
                  ConsistencyError);
  CHECK_THROWS_AS(tile_kernel(SquareHinge{4, 3, false}, Tiles{tile({0, 2}, {0, 2}), tile({0, 2})},
                              Tiles{tile({0, 2})}, true),
                  ConsistencyError);
}

}  // namespace spillway::tile_test
