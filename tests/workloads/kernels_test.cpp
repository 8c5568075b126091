// Kernels against plain loops in double.
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "tests/support/build.hpp"
#include "workloads/executor.hpp"
#include "workloads/kernels/operands.hpp"
#include "workloads/kernels/runner.hpp"

namespace spillway {

using namespace workloads;

namespace {

using Values = std::vector<float>;

Values random_values(std::size_t size, SplitMix& numbers) {
  Values values(size);
  for (float& value : values) value = static_cast<float>(2 * numbers.uniform() - 1);
  return values;
}

/// Run a kernel on operands that begin `offset` bytes past a cache line; outputs start as NaN.
std::vector<Values> run(const Kernel& kernel, const std::vector<Values>& inputs,
                        std::size_t offset = 0) {
  static KernelRunner runner;
  std::vector<AlignedBytes> memory;
  std::vector<const std::byte*> in;
  std::vector<std::byte*> out;
  const OperandSizes sizes = operand_sizes(kernel);
  for (const Values& values : inputs) {
    memory.emplace_back(values.size() * 4 + offset);
    std::memcpy(memory.back().span().data() + offset, values.data(), values.size() * 4);
    in.push_back(memory.back().span().data() + offset);
  }
  for (const Bytes size : sizes.outputs) {
    memory.emplace_back(size.count() + offset);
    std::memset(memory.back().span().data(), 0xff, size.count() + offset);
    out.push_back(memory.back().span().data() + offset);
  }
  runner.run(kernel, in, out);
  std::vector<Values> results;
  for (std::size_t i = 0; i < out.size(); ++i) {
    results.emplace_back((sizes.outputs[i].count() + 3) / 4);
    std::memcpy(results.back().data(), out[i], sizes.outputs[i].count());
  }
  return results;
}

/// Sums in double, and of absolute values, which bound the rounding error.
struct Reference {
  std::vector<double> sum, magnitude;
  explicit Reference(std::size_t size) : sum(size), magnitude(size) {}
  void add(std::int64_t at, double product) {
    sum[static_cast<std::size_t>(at)] += product;
    magnitude[static_cast<std::size_t>(at)] += std::abs(product);
  }
  void require_close(const Values& found) const {
    REQUIRE(found.size() == sum.size());
    for (std::size_t i = 0; i < found.size(); ++i) {
      REQUIRE(std::abs(found[i] - sum[i]) <= 1e-5 * (1 + magnitude[i]));
    }
  }
};

/// Visit every product of a convolution: indices into x, w and y.
void for_each_tap(const ConvGeometry& g,
                  const std::function<void(std::int64_t, std::int64_t, std::int64_t)>& visit) {
  const std::int64_t ci = g.input.channels / g.groups, co = g.output.channels / g.groups;
  for (std::int64_t b = 0; b < g.batch; ++b) {
    for (std::int64_t o = 0; o < g.output.channels; ++o) {
      for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
        for (std::int64_t ox = 0; ox < g.output.width; ++ox) {
          for (std::int64_t c = 0; c < ci; ++c) {
            for (std::int64_t ky = 0; ky < g.window.kernel[0]; ++ky) {
              for (std::int64_t kx = 0; kx < g.window.kernel[1]; ++kx) {
                const std::int64_t y = oy * g.window.stride[0] + ky - g.window.padding_begin[0];
                const std::int64_t x = ox * g.window.stride[1] + kx - g.window.padding_begin[1];
                if (y < 0 || y >= g.input.height || x < 0 || x >= g.input.width) continue;
                const std::int64_t channel = o / co * ci + c;
                visit(((b * g.input.channels + channel) * g.input.height + y) * g.input.width + x,
                      ((o * ci + c) * g.window.kernel[0] + ky) * g.window.kernel[1] + kx,
                      ((b * g.output.channels + o) * g.output.height + oy) * g.output.width + ox);
              }
            }
          }
        }
      }
    }
  }
}

void check_convolution(const ConvGeometry& g, SplitMix& numbers) {
  const OperandSizes sizes = operand_sizes(ConvForward{g});
  const auto make = [&](Bytes size) { return random_values(size.count() / 4, numbers); };
  const Values x = make(sizes.inputs[0]), w = make(sizes.inputs[1]), bias = make(sizes.inputs[2]),
               dy = make(sizes.outputs[0]);
  const std::int64_t map = g.output.height * g.output.width;
  const auto at = [](const Values& v, std::int64_t i) {
    return static_cast<double>(v[static_cast<std::size_t>(i)]);
  };
  Reference y(dy.size()), dx(x.size()), dw(w.size()), db(bias.size());
  for_each_tap(g, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    y.add(yi, at(x, xi) * at(w, wi));
    dx.add(xi, at(dy, yi) * at(w, wi));
    dw.add(wi, at(dy, yi) * at(x, xi));
  });
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(dy.size()); ++i) {
    y.add(i, at(bias, i / map % g.output.channels));
    db.add(i / map % g.output.channels, at(dy, i));
  }
  y.require_close(run(ConvForward{g}, {x, w, bias})[0]);
  dx.require_close(run(ConvInputGradient{g}, {dy, w})[0]);
  const std::vector<Values> gradients = run(ConvWeightGradient{g}, {dy, x});
  dw.require_close(gradients[0]);
  db.require_close(gradients[1]);
  REQUIRE(run(ConvForward{g}, {x, w, bias}, 4) == run(ConvForward{g}, {x, w, bias}));
  REQUIRE(run(ConvWeightGradient{g}, {dy, x}, 12) == gradients);
}

void check_pooling(const PoolGeometry& g, SplitMix& numbers) {
  Values y = random_values(static_cast<std::size_t>(g.batch * g.input.elements()), numbers);
  for (float& value : y) value = std::round(value * 3) / 3;  // many ties
  const std::vector<Values> pooled = run(MaxPool{g}, {y});
  const Values da = random_values(pooled[0].size(), numbers);
  const Values dy = run(MaxPoolError{g}, {da, pooled[1]})[0];
  const auto* winners = reinterpret_cast<const std::uint8_t*>(pooled[1].data());
  std::vector<double> expected(y.size());
  std::int64_t at = 0;
  for (std::int64_t m = 0; m < g.batch * g.output.channels; ++m) {
    for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
      for (std::int64_t ox = 0; ox < g.output.width; ++ox, ++at) {
        float best = -std::numeric_limits<float>::infinity();
        std::int64_t winner = -1, place = -1;
        for (std::int64_t k = 0; k < g.window.kernel[0] * g.window.kernel[1]; ++k) {
          const std::int64_t row =
              oy * g.window.stride[0] - g.window.padding_begin[0] + k / g.window.kernel[1];
          const std::int64_t column =
              ox * g.window.stride[1] - g.window.padding_begin[1] + k % g.window.kernel[1];
          if (row < 0 || row >= g.input.height || column < 0 || column >= g.input.width) continue;
          const std::int64_t i = (m * g.input.height + row) * g.input.width + column;
          if (y[static_cast<std::size_t>(i)] > best) {
            best = y[static_cast<std::size_t>(i)];
            winner = k;
            place = i;
          }
        }
        const auto o = static_cast<std::size_t>(at);
        REQUIRE(pooled[0][o] == best);
        REQUIRE(winners[o] == winner);
        expected[static_cast<std::size_t>(place)] += da[o];
      }
    }
  }
  for (std::size_t i = 0; i < dy.size(); ++i) REQUIRE(std::abs(dy[i] - expected[i]) <= 1e-5);
}

}  // namespace

TEST_CASE("convolution and pooling equal plain loops on random layers") {
  SplitMix numbers(11);
  int convolutions = 0, pools = 0;
  while (convolutions < 200 || pools < 100) {
    for (const Layer& layer : test::random_network(numbers).layers) {
      if (layer.kind != LayerKind::conv) continue;
      const auto batch = 1 + static_cast<std::int64_t>(numbers.below(4));
      CAPTURE(convolutions);
      check_convolution({batch, layer.input, layer.before_pool, layer.window, layer.groups},
                        numbers);
      ++convolutions;
      if (!layer.pool_window) continue;
      check_pooling({batch, layer.before_pool, layer.output, *layer.pool_window}, numbers);
      ++pools;
    }
  }
}

TEST_CASE("dense kernels equal plain loops") {
  SplitMix numbers(12);
  for (int i = 0; i < 60; ++i) {
    const DenseGeometry g{1 + static_cast<std::int64_t>(numbers.below(9)),
                          1 + static_cast<std::int64_t>(numbers.below(70)),
                          1 + static_cast<std::int64_t>(numbers.below(40))};
    const auto size = [](std::int64_t n) { return static_cast<std::size_t>(n); };
    const Values x = random_values(size(g.batch * g.inputs), numbers),
                 w = random_values(size(g.inputs * g.outputs), numbers),
                 bias = random_values(size(g.outputs), numbers),
                 dy = random_values(size(g.batch * g.outputs), numbers);
    Reference y(dy.size()), dx(x.size()), dw(w.size()), db(bias.size()), s(dy.size()), ds(x.size());
    for (std::int64_t b = 0; b < g.batch; ++b) {
      for (std::int64_t o = 0; o < g.outputs; ++o) {
        const std::int64_t yi = b * g.outputs + o;
        y.add(yi, bias[size(o)]);
        db.add(o, dy[size(yi)]);
        for (std::int64_t n = 0; n < g.inputs; ++n) {
          const std::int64_t xi = b * g.inputs + n, wi = o * g.inputs + n;
          const double m = w[size(n * g.outputs + o)];  // the same numbers as a classifier
          y.add(yi, double{x[size(xi)]} * w[size(wi)]);
          dx.add(xi, double{dy[size(yi)]} * w[size(wi)]);
          dw.add(wi, double{dy[size(yi)]} * x[size(xi)]);
          s.add(yi, x[size(xi)] * m);
          ds.add(xi, dy[size(yi)] * m);
        }
      }
    }
    y.require_close(run(FcForward{g}, {x, w, bias})[0]);
    dx.require_close(run(FcInputGradient{g}, {dy, w})[0]);
    dw.require_close(run(FcWeightGradient{g}, {dy, x})[0]);
    db.require_close(run(FcWeightGradient{g}, {dy, x})[1]);
    s.require_close(run(ClassifierForward{g}, {x, w})[0]);
    ds.require_close(run(ClassifierError{g}, {dy, w})[0]);
    REQUIRE(run(FcForward{g}, {x, w, bias}, 4) == run(FcForward{g}, {x, w, bias}));
  }
}

TEST_CASE("softmax cross-entropy stays finite for large scores and counts right decisions") {
  const Values scores{10000, -10000, 0, 1, 2, 3};
  const std::int32_t labels[2] = {0, 1};
  Values as_floats(2);
  std::memcpy(as_floats.data(), labels, sizeof labels);
  const auto result = run(SoftmaxCrossEntropy{2, 3, true}, {scores, as_floats});
  const double z = std::exp(1) + std::exp(2) + std::exp(3);
  CHECK(result[0][0] == doctest::Approx(0));
  CHECK(result[0][4] == doctest::Approx((std::exp(2) / z - 1) / 2));
  CHECK(result[1][0] == doctest::Approx((std::log(z) - 2) / 2));
  CHECK(result[1][1] == 1);
}

TEST_CASE("labels that are no class and winners outside their window give NaN, not a crash") {
  const std::int32_t labels[1] = {0x7fc0dead};
  Values label(1);
  std::memcpy(label.data(), labels, sizeof labels);
  const auto loss = run(SoftmaxCrossEntropy{1, 3, true}, {{1, 2, 3}, label});
  CHECK(std::isnan(loss[0][0]));
  CHECK(std::isnan(loss[1][0]));
  CHECK(loss[1][1] == 0);

  const PoolGeometry pool{1, {1, 4, 4}, {1, 2, 2}, {{2, 2}, {2, 2}, {0, 0}, {0, 0}}};
  const std::uint32_t poison = 0x7fc0dead;
  Values winners(1);
  std::memcpy(winners.data(), &poison, sizeof poison);
  const Values errors = run(MaxPoolError{pool}, {{1, 1, 1, 1}, winners})[0];
  CHECK(errors.size() == 16);
  for (const float error : errors) CHECK(std::isnan(error));
}

TEST_CASE("updates follow SGD and Nesterov momentum, and ReLU its derivative of 0 at 0") {
  const Values g{1, -2, 4};
  const Values p = run(Update{3, 0.5f, 0.0f}, {{0, 0, 0}, g})[0];
  CHECK(std::isnan(p[0]));  // outputs were NaN: an update works in place only
  AlignedBytes memory[3] = {AlignedBytes(12), AlignedBytes(12), AlignedBytes(12)};
  const Values start{1, 1, 1}, velocity{2, 0, -1};
  std::memcpy(memory[0].span().data(), start.data(), 12);
  std::memcpy(memory[1].span().data(), g.data(), 12);
  std::memcpy(memory[2].span().data(), velocity.data(), 12);
  KernelRunner runner;
  const std::byte* in[] = {memory[0].span().data(), memory[1].span().data(),
                           memory[2].span().data()};
  std::byte* out[] = {memory[0].span().data(), memory[2].span().data()};
  runner.run(Update{3, 0.5f, 0.5f}, in, out);
  const auto* w = reinterpret_cast<const float*>(out[0]);
  const auto* v = reinterpret_cast<const float*>(out[1]);
  for (std::size_t i = 0; i < 3; ++i) {
    const float expected = 0.5f * velocity[i] + g[i];
    CHECK(v[i] == expected);
    CHECK(w[i] == 1 - 0.5f * (g[i] + 0.5f * expected));
  }
  CHECK(run(Relu{4}, {{-1, 0, 2, -0.0f}})[0] == Values{0, 0, 2, 0});
  CHECK(run(ReluError{4}, {{5, 6, 7, 8}, {0, 1, 0, 2}})[0] == Values{0, 6, 0, 8});
}

}  // namespace spillway
