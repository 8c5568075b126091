// Results that stay in blocked layouts are those of plain operands, whatever happens to memory.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include "tests/support/build.hpp"
#include "tests/support/twins.hpp"

namespace spillway::layouts_test {

using namespace workloads;
using test::from_one_to;
using test::Twins;

namespace {

/// Maps of one size may be read in another shape.
std::string maps(std::int64_t batch, const ImageShape& s) {
  return fmt::format("maps {}", batch * s.elements());
}

/// Three conv layers with pooling, one on top of the other.
std::vector<Layer> random_layers(SplitMix& numbers) {
  const std::int64_t channels[] = {3, 8, 16, 16, 20, 32};
  const std::int64_t sizes[] = {4, 6, 8};
  ImageShape shape{channels[numbers.below(6)], sizes[numbers.below(3)], sizes[numbers.below(3)]};
  std::vector<Layer> layers;
  while (layers.size() < 3) {
    LayerSpec spec =
        test::pooled(test::conv(channels[numbers.below(6)], from_one_to(3, numbers)), 2, 1);
    spec.pool->kernel = {1 + from_one_to(2, numbers), 1 + from_one_to(2, numbers)};
    spec.pool->stride = {from_one_to(2, numbers), from_one_to(2, numbers)};
    spec.pool->padding = {numbers.below(2) == 0, numbers.below(2) == 0};
    spec.pool->ceil_mode = numbers.below(2) == 0;
    if (numbers.below(4) == 0) {  // depthwise
      spec.groups = spec.outputs = shape.channels;
    }
    try {
      spec.name = fmt::format("pool {}", numbers.next());
      layers.push_back(infer_layer(spec, shape));
      shape = layers.back().output;
    } catch (const ShapeError&) {  // an impossible draw; take another
    }
  }
  return layers;
}

/// One of the kernels that a conv layer is trained with, as often in place as it may be.
void run_some_kernel(Twins& twins, std::int64_t batch, const Layer& layer, SplitMix& numbers) {
  const ImageShape &y_shape = layer.before_pool, &a_shape = layer.output;
  const ConvGeometry conv{batch, layer.input, y_shape, layer.window, layer.groups};
  const PoolGeometry pool{batch, y_shape, a_shape, *layer.pool_window};
  const NormGeometry norm{batch, y_shape.channels, y_shape.height, y_shape.width};
  const DenseGeometry dense{batch, a_shape.elements(), 16};
  const std::int64_t ys = batch * y_shape.elements(), as = batch * a_shape.elements();
  const std::string x = maps(batch, layer.input), y = maps(batch, y_shape),
                    a = maps(batch, a_shape), scores = maps(batch, {16, 1, 1});
  const auto parameters = static_cast<std::int64_t>(layer.weights().count());
  const std::string weights = fmt::format("weights {}", parameters);
  const std::string bias = fmt::format("bias {}", y_shape.channels);
  const std::string channels = fmt::format("channels {}", y_shape.channels);
  const std::string winners = fmt::format("winners of {} on {}, {}", a, layer.name, y);
  const std::string matrix = fmt::format("matrix {}", a_shape.elements());
  const int place = numbers.below(2) == 0 ? 0 : -1;  // in place, or not
  const int kept = Twins::standing;
  switch (numbers.below(26)) {
    case 0: return twins.run(ConvForward{conv}, {x, weights}, {y});
    case 1: return twins.run(ConvForward{conv}, {x, weights, bias}, {y});
    case 2: return twins.run(ConvInputGradient{conv}, {y, weights}, {x});
    case 3: return twins.run(ConvWeightGradient{conv}, {y, x}, {weights});
    case 4: return twins.run(ConvWeightGradient{conv}, {y, x}, {weights, bias});
    case 5:
      return twins.run(BatchNorm{norm}, {y, channels, channels}, {y, channels, channels},
                       {-1, -1, place == 0 ? 2 : -1});
    case 6: return twins.run(BatchNormInference{norm}, {y, channels, channels}, {y}, {place});
    case 7:
      return twins.run(BatchNormError{norm}, {y, y, channels, channels}, {y, channels}, {place});
    case 8: return twins.run(Relu{ys}, {y}, {y}, {place});
    case 9: return twins.run(ReluError{ys}, {y, y}, {y}, {place});
    case 10: return twins.run(ReluError{as}, {a, a}, {a}, {place});
    case 11: return twins.run(MaxPool{pool}, {y}, {a, winners});
    case 12:
    case 13:
      if (twins.has(winners)) twins.run(MaxPoolError{pool}, {a, winners}, {y});
      return;
    case 14: return twins.run(Dropout{as, 2}, {a, fmt::format("mask {}", as)}, {a}, {place});
    case 15:
      return twins.run(Update{parameters, 0.5, 0.5f}, {weights, weights, weights},
                       {weights, weights}, {0, 2});
    case 16: return twins.run(ClassifierForward{dense}, {a, matrix}, {scores});
    case 17: return twins.run(ClassifierError{dense}, {scores, matrix}, {a});
    case 18: return twins.run(ConvForward{conv, true}, {x, weights, bias}, {y}, {kept});
    case 19: return twins.run(ConvInputGradient{conv, true}, {y, weights}, {x}, {kept});
    case 20:
      return twins.run(ConvWeightGradient{conv, true}, {y, x}, {weights, bias}, {kept, kept});
    case 21: return twins.run(ClassifierError{dense, true}, {scores, matrix}, {a}, {kept});
    case 22: return twins.run(NormStatistics{norm, 3}, {y}, {channels}, {kept});
    case 23: return twins.run(NormApply{norm}, {y, channels, channels}, {y}, {place});
    case 24: return twins.run(NormErrorSums{norm, true}, {y, y, channels}, {channels}, {kept});
    default:
      return twins.run(NormErrorApply{norm, 9}, {y, y, channels, channels, channels}, {y}, {place});
  }
}

}  // namespace

TEST_CASE("lasting results are to the bit those of plain operands however memory is reused") {
  SplitMix numbers(301);
  std::size_t lasted = 0, moved = 0, finite = 0;
  for (int trial = 0; trial < 9; ++trial) {
    CAPTURE(trial);
    Twins twins(numbers);
    for (int network = 0; network < 2; ++network) {  // the second one in memory of the first
      const std::vector<Layer> layers = random_layers(numbers);
      const std::int64_t batch = from_one_to(3, numbers);
      for (int i = 0; i < 100; ++i) {
        run_some_kernel(twins, batch, layers[numbers.below(layers.size())], numbers);
        twins.meddle();
      }
      twins.compare_all();
      REQUIRE(twins.different == 0);
    }
    lasted += twins.lasted;
    moved += twins.moved;
    finite += twins.finite;
  }
  CHECK(lasted > 100);
  CHECK(moved > 100);
  CHECK(finite > 100'000);
}

}  // namespace spillway::layouts_test
