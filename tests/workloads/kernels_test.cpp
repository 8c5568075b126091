// Kernels against plain loops in double; those of pooling: pooling_kernels_test.cpp.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "tests/support/kernel_memory.hpp"

namespace spillway::kernels_test {

namespace {

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
  const auto make = [&](Bytes bytes) { return random_values(bytes.count() / 4, numbers); };
  const Values x = make(sizes.inputs[0]), w = make(sizes.inputs[1]), bias = make(sizes.inputs[2]),
               dy = make(sizes.outputs[0]);
  const std::int64_t map = g.output.height * g.output.width;
  Reference y(dy.size()), with_bias(dy.size()), dx(x.size()), dw(w.size()), db(bias.size());
  for_each_tap(g, [&](std::int64_t xi, std::int64_t wi, std::int64_t yi) {
    y.add(yi, double{x[size(xi)]} * w[size(wi)]);
    dx.add(xi, double{dy[size(yi)]} * w[size(wi)]);
    dw.add(wi, double{dy[size(yi)]} * x[size(xi)]);
  });
  with_bias = y;
  for (std::int64_t i = 0; i < static_cast<std::int64_t>(dy.size()); ++i) {
    with_bias.add(i, bias[size(i / map % g.output.channels)]);
    db.add(i / map % g.output.channels, dy[size(i)]);
  }
  y.require_close(run(ConvForward{g}, {x, w}));
  with_bias.require_close(run(ConvForward{g}, {x, w, bias}));
  dx.require_close(run(ConvInputGradient{g}, {dy, w}));
  dw.require_close(run(ConvWeightGradient{g}, {dy, x}));
  const auto both = Memory().run(ConvWeightGradient{g}, {operand(dy), operand(x)});
  dw.require_close(as<float>(both[0]));
  db.require_close(as<float>(both[1]));
}

struct Call {
  Kernel kernel;
  std::vector<OperandBytes> inputs;
};

/// Some operands of every kernel, in the sizes of a random layer.
std::vector<Call> kernels_with_operands(SplitMix& numbers) {
  const Layer layer = random_conv_layer(numbers);
  const ConvGeometry conv{from_one_to(3, numbers), layer.input, layer.before_pool, layer.window,
                          layer.groups};
  const PoolGeometry pool = random_pooling(from_one_to(5, numbers), numbers);
  const DenseGeometry dense{from_one_to(5, numbers), from_one_to(70, numbers),
                            from_one_to(40, numbers)};
  const std::int64_t n = from_one_to(300, numbers), classes = 1 + from_one_to(12, numbers);
  std::vector<Call> result;
  for (const Kernel& kernel : std::initializer_list<Kernel>{
           ConvForward{conv}, ConvInputGradient{conv}, ConvWeightGradient{conv}, FcForward{dense},
           FcInputGradient{dense}, FcWeightGradient{dense}, ClassifierForward{dense},
           ClassifierError{dense}, Relu{n}, ReluError{n}, MaxPool{pool}, MaxPoolError{pool},
           SoftmaxCrossEntropy{4, classes, true}, SoftmaxCrossEntropy{4, classes, false},
           Update{n, 0.3f, 0}, Update{n, 0.3f, 0.9f}}) {
    result.push_back({kernel, {}});
    for (const Bytes bytes : operand_sizes(kernel).inputs) {
      result.back().inputs.push_back(operand(random_values(bytes.count() / 4, numbers)));
    }
    if (kernel.is<MaxPoolError>()) {  // winners that won
      const std::size_t count = size(pool.batch * pool.input.elements());
      result.back().inputs[1] =
          Memory().run(MaxPool{pool}, {operand(coarse_values(count, numbers))})[1];
    }
    if (kernel.is<SoftmaxCrossEntropy>()) {
      result.back().inputs[1] = operand(std::vector<std::int32_t>{0, 1, 1, 0});
    }
  }
  return result;
}

}  // namespace

TEST_CASE("convolutions equal plain loops on random layers") {
  SplitMix numbers(11);
  int uneven = 0, depthwise = 0, grouped = 0, large_kernel = 0, large_stride = 0;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    const Layer layer = random_conv_layer(numbers);
    const ConvGeometry g{from_one_to(5, numbers), layer.input, layer.before_pool, layer.window,
                         layer.groups};
    check_convolution(g, numbers);
    uneven += g.window.padding_begin != g.window.padding_end;
    depthwise += g.groups > 1 && g.groups == g.input.channels;
    grouped += g.groups > 1 && g.groups < g.input.channels;
    large_kernel += g.window.kernel[0] > g.input.height;
    large_stride += g.window.stride[1] > g.input.width;
  }
  for (const int drawn : {uneven, depthwise, grouped, large_kernel, large_stride}) {
    CHECK(drawn >= 10);
  }
}

TEST_CASE("layers that differ in a single number are not taken for each other") {
  SplitMix numbers(20);
  const Window same3{{3, 3}, {1, 1}, {1, 1}, {1, 1}}, same5{{5, 5}, {1, 1}, {2, 2}, {2, 2}},
      early{{3, 3}, {1, 1}, {2, 1}, {0, 1}}, late{{3, 3}, {1, 1}, {1, 0}, {1, 2}};
  const ImageShape map{4, 6, 6};
  for (const Window& window : {same3, same5, early, late}) {
    for (const std::int64_t groups : {1, 2, 4}) {
      for (const std::int64_t batch : {2, 3}) {
        check_convolution({batch, map, map, window, groups}, numbers);
      }
    }
  }
}

TEST_CASE("a convolution whose windows miss the input gives its biases alone") {
  const ConvGeometry g{2, {1, 2, 2}, {3, 2, 2}, {{1, 1}, {4, 4}, {1, 1}, {2, 2}}, 1};
  const Values y = run(ConvForward{g}, {Values(8, 7), {1, 2, 3}, {4, 5, 6}});
  for (std::size_t i = 0; i < y.size(); ++i) CHECK(y[i] == 4 + static_cast<float>(i / 4 % 3));
  CHECK(run(ConvInputGradient{g}, {Values(24, 1), {1, 2, 3}}) == Values(8, 0));
  CHECK(run(ConvWeightGradient{g}, {Values(24, 1), Values(8, 7)}) == Values(3, 0));
}

TEST_CASE("dense kernels equal plain loops") {
  SplitMix numbers(12);
  for (int i = 0; i < 60; ++i) {
    const DenseGeometry g{from_one_to(9, numbers), from_one_to(70, numbers),
                          from_one_to(40, numbers)};
    const Values x = random_values(size(g.batch * g.inputs), numbers),
                 w = random_values(size(g.inputs * g.outputs), numbers),
                 bias = random_values(size(g.outputs), numbers),
                 dy = random_values(size(g.batch * g.outputs), numbers);
    Reference y(dy.size()), dx(x.size()), dw(w.size()), db(bias.size()), s(dy.size()), ds(x.size());
    for (std::int64_t b = 0; b < g.batch; ++b) {
      for (std::int64_t o = 0; o < g.outputs; ++o) {
        const std::int64_t yi = b * g.outputs + o;
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
    y.require_close(run(FcForward{g}, {x, w}));
    for (std::size_t k = 0; k < dy.size(); ++k) {
      y.add(static_cast<std::int64_t>(k), bias[k % bias.size()]);
    }
    y.require_close(run(FcForward{g}, {x, w, bias}));
    dx.require_close(run(FcInputGradient{g}, {dy, w}));
    dw.require_close(run(FcWeightGradient{g}, {dy, x}));
    const auto both = Memory().run(FcWeightGradient{g}, {operand(dy), operand(x)});
    dw.require_close(as<float>(both[0]));
    db.require_close(as<float>(both[1]));
    s.require_close(run(ClassifierForward{g}, {x, w}));
    ds.require_close(run(ClassifierError{g}, {dy, w}));
  }
}

TEST_CASE("softmax cross-entropy equals its formula in double, for small and large scores") {
  SplitMix numbers(15);
  for (int i = 0; i < 100; ++i) {
    const std::int64_t batch = from_one_to(6, numbers), classes = 1 + from_one_to(15, numbers);
    Values scores = random_values(size(batch * classes), numbers);
    for (float& score : scores) score *= i % 2 == 0 ? 3.0f : 1e4f;
    std::vector<std::int32_t> labels(size(batch));
    double loss = 0, right = 0;
    std::vector<double> errors;
    for (std::int64_t b = 0; b < batch; ++b) {
      labels[size(b)] = static_cast<std::int32_t>(numbers.below(size(classes)));
      const float* row = &scores[size(b * classes)];
      const float* best = std::max_element(row, row + classes);
      double sum = 0;
      for (std::int64_t c = 0; c < classes; ++c) sum += std::exp(double{row[c]} - *best);
      for (std::int64_t c = 0; c < classes; ++c) {
        const double p = std::exp(double{row[c]} - *best) / sum;
        errors.push_back((p - (c == labels[size(b)])) / static_cast<double>(batch));
      }
      loss += (std::log(sum) + *best - row[labels[size(b)]]) / static_cast<double>(batch);
      right += best - row == labels[size(b)];
    }
    const std::vector<OperandBytes> in{operand(scores), operand(labels)};
    const auto made = Memory().run(SoftmaxCrossEntropy{batch, classes, true}, in);
    const Values found = as<float>(made[0]), metrics = as<float>(made[1]);
    double largest = 0;
    for (std::size_t k = 0; k < found.size(); ++k) {
      largest = std::max(largest, std::abs(found[k] - errors[k]));
    }
    CHECK(largest <= 1e-5);
    CHECK(std::abs(metrics[0] - loss) <= 1e-5 * (1 + loss));
    CHECK(metrics[1] == right);
    CHECK(Memory().run(SoftmaxCrossEntropy{batch, classes, false}, in)[0] == made[1]);
  }
}

TEST_CASE("a label that is no class makes its example's errors and the loss NaN") {
  const Values scores{1, 2, 3, 3, 2, 1};
  const std::int32_t least = std::numeric_limits<std::int32_t>::min();
  for (const std::int32_t label : {-1, 3, 0x7fc0dead, -0x3fff53, least}) {
    const std::vector<std::int32_t> labels{label, 0};
    const auto made =
        Memory().run(SoftmaxCrossEntropy{2, 3, true}, {operand(scores), operand(labels)});
    const Values errors = as<float>(made[0]), metrics = as<float>(made[1]);
    for (std::size_t i = 0; i < 6; ++i) CHECK(std::isnan(errors[i]) == (i < 3));
    CHECK(std::isnan(metrics[0]));
    CHECK(metrics[1] == 1);
  }
}

TEST_CASE("ReLU and its error work in place, and 0 passes no error") {
  SplitMix numbers(16);
  for (const std::size_t n : {1, 7, 64, 1001, 100'000}) {
    const Values y = coarse_values(n, numbers), dy = random_values(n, numbers);
    Values relu = y, error = dy;
    for (std::size_t i = 0; i < n; ++i) {
      if (!(y[i] > 0)) relu[i] = error[i] = 0;
    }
    const auto count = static_cast<std::int64_t>(n);
    for (const bool in_place : {false, true}) {
      const Memory memory{0, in_place};
      CHECK(as<float>(memory.run(Relu{count}, {operand(y)})[0]) == relu);
      CHECK(as<float>(memory.run(ReluError{count}, {operand(dy), operand(y)})[0]) == error);
      CHECK(as<float>(memory.run(ReluError{count}, {operand(dy), operand(relu)})[0]) == error);
    }
  }
}

TEST_CASE("updates follow plain SGD and Nesterov momentum, in place") {
  SplitMix numbers(17);
  const float rate = 0.3f, momentum = 0.9f, epsilon = std::numeric_limits<float>::epsilon();
  for (const std::size_t n : {1, 7, 64, 1001, 100'000}) {  // the last one on several threads
    const auto count = static_cast<std::int64_t>(n);
    const Values p = random_values(n, numbers), g = random_values(n, numbers),
                 v = random_values(n, numbers);
    const Memory memory{0, true};
    const auto plain = memory.run(Update{count, rate, 0}, {operand(p), operand(g)});
    const auto nesterov =
        memory.run(Update{count, rate, momentum}, {operand(p), operand(g), operand(v)});
    const Values plain_p = as<float>(plain[0]), p_after = as<float>(nesterov[0]),
                 v_after = as<float>(nesterov[1]);
    std::size_t wrong = 0;
    for (std::size_t i = 0; i < n; ++i) {
      const float velocity = momentum * v[i] + g[i];
      const float step = rate * (g[i] + momentum * velocity);
      // Within one unit in the last place of the larger term, for a fused multiply-add.
      wrong += std::abs(plain_p[i] - (p[i] - rate * g[i])) > epsilon * std::abs(p[i]) + 1e-7f;
      wrong += std::abs(v_after[i] - velocity) > epsilon * (std::abs(g[i]) + std::abs(v[i]));
      wrong += std::abs(p_after[i] - (p[i] - step)) > epsilon * (std::abs(p[i]) + std::abs(step));
    }
    CHECK(wrong == 0);
  }
}

TEST_CASE("results do not depend on how operands are aligned") {
  SplitMix numbers(18);
  for (int i = 0; i < 12; ++i) {
    for (const Call& call : kernels_with_operands(numbers)) {
      CAPTURE(i);
      CAPTURE(kernel_name(call.kernel));
      const bool in_place = call.kernel.is<Update>();
      const auto aligned = Memory{0, in_place}.run(call.kernel, call.inputs);
      for (const std::size_t offset : {4, 12, 28, 36, 60}) {
        CHECK(Memory{offset, in_place}.run(call.kernel, call.inputs) == aligned);
      }
    }
  }
}

TEST_CASE("poison passes through ReLU instead of turning into a value") {
  const float poison = std::numeric_limits<float>::quiet_NaN();
  CHECK(std::isnan(run(Relu{2}, {{poison, 1}})[0]));
  CHECK(std::isnan(run(ReluError{1}, {{1}, {poison}})[0]));
  CHECK(run(ReluError{1}, {{poison}, {0}})[0] == 0);
}

}  // namespace spillway::kernels_test
