// Kernels that do a part of an operation: they add to what stands in their outputs.
#include <doctest/doctest.h>

#include <limits>

#include "tests/support/kernels.hpp"

namespace spillway::parts_test {

using namespace workloads;
using namespace test;

namespace {

using Winners = std::vector<std::uint8_t>;

/// Random operands of a kernel whose operands are all float32.
struct Trial {
  std::vector<OperandBytes> inputs, standing;

  Trial(const Kernel& kernel, SplitMix& numbers) {
    const OperandSizes sizes = operand_sizes(kernel);
    const auto make = [&](Bytes size) { return operand(random_values(size.count() / 4, numbers)); };
    for (const Bytes size : sizes.inputs) inputs.push_back(make(size));
    for (const Bytes size : sizes.outputs) standing.push_back(make(size));
  }
  /// The bound on a sum of products from the sum of their absolute values.
  std::vector<OperandBytes> magnitudes(const Kernel& kernel) const {
    std::vector<OperandBytes> absolute;
    for (const OperandBytes& input : inputs) {
      Values values = as<float>(input);
      for (float& value : values) value = std::abs(value);
      absolute.push_back(operand(values));
    }
    return run_kernel(kernel, absolute);
  }
};

template <class K>
void check_accumulation(K kernel, SplitMix& numbers) {
  CAPTURE(kernel_name(kernel));
  const Trial t(kernel, numbers);
  CHECK_FALSE(accumulates(kernel));
  const auto product = run_kernel(kernel, t.inputs), magnitudes = t.magnitudes(kernel);
  kernel.accumulate = true;
  CHECK(accumulates(kernel));
  const auto found = run_kernel(kernel, t.inputs, {}, t.standing);
  for (std::size_t i = 0; i < found.size(); ++i) {
    const Values before = as<float>(t.standing[i]), added = as<float>(product[i]),
                 size = as<float>(magnitudes[i]);
    Expected sum(before.size());
    for (std::size_t j = 0; j < before.size(); ++j) {
      sum.set(j, double{before[j]} + added[j], 1e-6 + 1e-5 * size[j]);
    }
    sum.require_close(as<float>(found[i]));
  }
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("products are added to what stands in the outputs") {
  SplitMix numbers(401);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const Layer layer = random_conv_layer(numbers);
    const ConvGeometry conv{from_one_to(4, numbers), layer.input, layer.before_pool, layer.window,
                            layer.groups};
    check_accumulation(ConvForward{conv}, numbers);
    check_accumulation(ConvInputGradient{conv}, numbers);
    check_accumulation(ConvWeightGradient{conv}, numbers);
    const DenseGeometry dense{from_one_to(5, numbers), from_one_to(70, numbers),
                              from_one_to(40, numbers)};
    check_accumulation(FcForward{dense}, numbers);
    check_accumulation(FcInputGradient{dense}, numbers);
    check_accumulation(FcWeightGradient{dense}, numbers);
    check_accumulation(ClassifierForward{dense}, numbers);
    check_accumulation(ClassifierError{dense}, numbers);
    check_accumulation(ClassifierWeightGradient{dense}, numbers);
  }
}

TEST_CASE("a convolution of channels in blocks is added to what stands in the outputs") {
  SplitMix numbers(402);
  for (const std::int64_t channels : {8, 16, 24, 32}) {
    const ConvGeometry conv{
        3, {channels, 6, 5}, {2 * channels, 6, 5}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 1};
    check_accumulation(ConvForward{conv}, numbers);
    check_accumulation(ConvInputGradient{conv}, numbers);
    check_accumulation(ConvWeightGradient{conv}, numbers);
  }
}

TEST_CASE("inputs before the first window and after the last one count for nothing") {
  SplitMix numbers(403);
  // Rows 2 to 6 of 9 and columns 1 to 5 of 8: what oneDNN would not take.
  const ConvGeometry wide{2, {4, 9, 8}, {6, 3, 5}, {{1, 1}, {2, 1}, {-2, -1}, {-2, -2}}, 2};
  ConvGeometry exact = wide;
  exact.input = {4, 5, 5};
  exact.window.padding_begin = exact.window.padding_end = {0, 0};
  const auto inside = [](const OperandBytes& maps) {
    const Values all = as<float>(maps);
    Values result;
    for (std::size_t i = 0; i < all.size(); ++i) {
      const std::size_t row = i / 8 % 9, column = i % 8;
      if (row >= 2 && row < 7 && column >= 1 && column < 6) result.push_back(all[i]);
    }
    return operand(result);
  };
  const auto require_same = [](const OperandBytes& found, const OperandBytes& expected) {
    const Values values = as<float>(expected);
    Expected close(values.size());
    for (std::size_t i = 0; i < values.size(); ++i) close.set(i, values[i], 1e-5);
    close.require_close(as<float>(found));
  };
  const Trial forward(ConvForward{wide}, numbers), input(ConvInputGradient{wide}, numbers),
      weights(ConvWeightGradient{wide}, numbers);
  require_same(run_kernel(ConvForward{wide}, forward.inputs)[0],
               run_kernel(ConvForward{exact},
                          {inside(forward.inputs[0]), forward.inputs[1], forward.inputs[2]})[0]);
  const OperandBytes dx = run_kernel(ConvInputGradient{wide}, input.inputs)[0];
  require_same(inside(dx), run_kernel(ConvInputGradient{exact}, input.inputs)[0]);
  const Values errors = as<float>(dx), errors_inside = as<float>(inside(dx));
  const auto zeros = [](const Values& v) { return std::count(v.begin(), v.end(), 0.0f); };
  CHECK(zeros(errors) - zeros(errors_inside) ==
        static_cast<std::ptrdiff_t>(errors.size() - errors_inside.size()));
  const auto found = run_kernel(ConvWeightGradient{wide}, weights.inputs),
             expected = run_kernel(ConvWeightGradient{exact},
                                   {weights.inputs[0], inside(weights.inputs[1])});
  require_same(found[0], expected[0]);
  require_same(found[1], expected[1]);
  check_accumulation(ConvForward{wide}, numbers);
  check_accumulation(ConvInputGradient{wide}, numbers);
  check_accumulation(ConvWeightGradient{wide}, numbers);
}

TEST_CASE("dbias leaves out rows and columns that another part counts") {
  const ConvGeometry conv{2, {1, 3, 4}, {2, 3, 4}, {{1, 1}, {1, 1}, {0, 0}, {0, 0}}, 1};
  Values dy(48);
  for (std::size_t i = 0; i < dy.size(); ++i) dy[i] = static_cast<float>(i);
  const std::vector<OperandBytes> inputs{operand(dy), operand(Values(24, 1))};
  ConvWeightGradient kernel{conv, false, {1, 2}};
  // Rows 1 and 2, columns 2 and 3, of maps that begin at 0 and 24, and at 12 and 36.
  const float first = 6 + 7 + 10 + 11 + 30 + 31 + 34 + 35, second = first + 8 * 12;
  const auto made = run_kernel(kernel, inputs);
  CHECK(as<float>(made[1]) == Values{first, second});
  CHECK(made[0] == run_kernel(ConvWeightGradient{conv}, inputs)[0]);
  kernel.accumulate = true;
  const auto added = run_kernel(kernel, inputs, {}, {operand(Values{0, 0}), operand(Values{1, 2})});
  CHECK(as<float>(added[1]) == Values{first + 1, second + 2});
}

TEST_CASE("what stands in an output and is NaN stays NaN when something is added") {
  SplitMix numbers(404);
  const ConvGeometry conv{2, {8, 4, 4}, {16, 4, 4}, {{3, 3}, {1, 1}, {1, 1}, {1, 1}}, 1};
  const DenseGeometry dense{2, 8, 16};
  for (const Kernel& kernel :
       {Kernel(ConvForward{conv, true}), Kernel(ConvInputGradient{conv, true}),
        Kernel(ConvWeightGradient{conv, true}), Kernel(FcForward{dense, true}),
        Kernel(FcInputGradient{dense, true}), Kernel(FcWeightGradient{dense, true})}) {
    CAPTURE(kernel_name(kernel));
    Trial t(kernel, numbers);
    for (OperandBytes& standing : t.standing) {
      Values values = as<float>(standing);
      const std::size_t at = numbers.below(values.size());
      values[at] = nan;
      standing = operand(values);
      const auto i = static_cast<std::size_t>(&standing - t.standing.data());
      const Values found = as<float>(run_kernel(kernel, t.inputs, {}, t.standing)[i]);
      CHECK(std::isnan(found[at]));
      CHECK(std::count_if(found.begin(), found.end(), [](float v) { return std::isnan(v); }) == 1);
    }
  }
}

TEST_CASE("winners outside a part of the map are dropped and those outside their window are not") {
  // Windows of 3 with stride 2 and padding 1: rows -1 to 1, 1 to 3 and 3 to 5. The part is row 2.
  const PoolGeometry part{1, {1, 1, 1}, {1, 3, 1}, {{3, 1}, {2, 1}, {3, 0}, {3, 0}}};
  const auto dy = [&](const Winners& winners, bool clip) {
    return as<float>(
        run_kernel(MaxPoolError{part, clip}, {operand(Values{1, 10, 100}), operand(winners)})[0]);
  };
  CHECK(dy({0, 1, 0}, true) == Values{10});
  CHECK(dy({2, 0, 1}, true) == Values{0});
  CHECK(std::isnan(dy({0, 3, 0}, true)[0]));
  CHECK(std::isnan(dy({0, 1, 255}, true)[0]));
  CHECK(std::isnan(dy({0, 1, 0}, false)[0]));
}

TEST_CASE("a loss of a part divides by the whole mini-batch and adds to the metrics") {
  const Values scores{0.5f, -2, 1, 0.25f};
  const auto run = [&](Kernel kernel, const Values& of, const std::vector<std::int32_t>& labels) {
    return run_kernel(kernel, {operand(of), operand(labels)}, {},
                      {operand(Values(of.size())), operand(Values{8, 3})});
  };
  const auto whole = run(SquareHinge{2, 2, true}, scores, {0, 1});
  const auto part = run(SquareHinge{1, 2, true, 2}, {0.5f, -2}, {0});
  const auto added = run(SquareHinge{1, 2, true, 2, true}, {0.5f, -2}, {0});
  const Values errors = as<float>(whole[0]), metrics = as<float>(part[1]);
  CHECK(as<float>(part[0]) == Values{errors[0], errors[1]});
  CHECK(metrics == Values{0.125f, 1});  // (1 - 0.5)^2 / 2
  CHECK(as<float>(added[1]) == Values{8.125f, 4});
  CHECK(added[0] == part[0]);
  const auto spoilt = run(SoftmaxCrossEntropy{1, 2, true, 2, true}, {0.5f, -2}, {7});
  CHECK(std::isnan(as<float>(spoilt[1])[0]));
  CHECK(as<float>(spoilt[1])[1] == 3);
}

TEST_CASE("statistics merge with those of earlier values") {
  const NormGeometry g{1, 2, 1, 3};
  const auto merged = [&](std::int64_t before, const Values& standing) {
    return as<float>(run_kernel(NormStatistics{g, before}, {operand(Values{1, 2, 3, 4, 4, 4})}, {},
                                {operand(standing)})[0]);
  };
  CHECK_FALSE(accumulates(NormStatistics{g}));
  CHECK(accumulates(NormStatistics{g, 1}));
  // 5 before: 1, 2, 3, 5; and 4 before: 4, 4, 4, 4.
  CHECK(merged(0, {nan, nan, nan, nan}) == Values{2, 4, 2.0f / 3, 0});
  CHECK(merged(1, {5, 4, 0, 0}) == Values{2.75f, 4, 2.1875f, 0});
  // 5, 5, 8: mean 6, variance 2.
  const Values three = merged(3, {6, 4, 2, 0});
  CHECK(three[0] == 4);
  CHECK(three[2] == doctest::Approx(16.0 / 3));
}

}  // namespace spillway::parts_test
