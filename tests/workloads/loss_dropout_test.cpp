// Square hinge loss, dropout, the masks' seeds and the gradient of trained classifiers.
#include <doctest/doctest.h>

#include <limits>
#include <set>

#include "tests/support/kernels.hpp"

namespace spillway::loss_dropout_test {

using namespace workloads;
using namespace test;

namespace {

using Labels = std::vector<std::int32_t>;

Labels random_labels(std::int64_t batch, std::int64_t classes, SplitMix& numbers) {
  Labels labels(static_cast<std::size_t>(batch));
  for (std::int32_t& label : labels) {
    label = static_cast<std::int32_t>(numbers.below(static_cast<std::uint64_t>(classes)));
  }
  return labels;
}

/// Scores and labels of one batch, with some scores on the hinge itself.
struct Batch {
  std::int64_t examples, classes;
  Values scores;
  Labels labels;

  explicit Batch(SplitMix& numbers)
      : examples(from_one_to(7, numbers)),
        classes(1 + from_one_to(14, numbers)),
        scores(random_values(static_cast<std::size_t>(examples * classes), numbers, 3)),
        labels(random_labels(examples, classes, numbers)) {
    for (float& score : scores) {
      if (numbers.below(8) == 0) score = numbers.below(2) == 0 ? 1.0f : -1.0f;
    }
  }
  std::vector<OperandBytes> run(bool with_error = true) const {
    return run_kernel(SquareHinge{examples, classes, with_error},
                      {operand(scores), operand(labels)});
  }
  double target(std::size_t i) const {
    const auto n = static_cast<std::size_t>(classes);
    return static_cast<std::size_t>(labels[i / n]) == i % n ? 1 : -1;
  }
  /// How far a score is on the wrong side of its margin; at most 0 when it is right.
  double gap(std::size_t i) const { return 1 - target(i) * scores[i]; }
};

/// A dropout layer: y, and a mask that keeps some.
struct Drops {
  Values y;
  std::vector<std::uint8_t> mask;

  Drops(std::size_t count, SplitMix& numbers) : y(random_values(count, numbers)), mask(count) {
    for (std::uint8_t& kept : mask) kept = numbers.below(3) != 0;
  }
  Values run(float scale, bool in_place) const {
    using On = std::map<std::size_t, std::size_t>;
    const Dropout kernel{static_cast<std::int64_t>(y.size()), scale};
    return as<float>(
        run_kernel(kernel, {operand(y), operand(mask)}, in_place ? On{{0, 0}} : On{})[0]);
  }
};

std::uint32_t advanced(std::uint32_t seed) {
  return as<std::uint32_t>(
      run_kernel(AdvanceSeed{}, {operand(std::vector<std::uint32_t>{seed})})[0])[0];
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("square hinge equals its formula in double") {
  SplitMix numbers(201);
  for (int trial = 0; trial < 200; ++trial) {
    CAPTURE(trial);
    const Batch batch(numbers);
    const auto examples = static_cast<double>(batch.examples);
    Expected errors(batch.scores.size()), loss(1);
    for (std::size_t i = 0; i < batch.scores.size(); ++i) {
      const double over = std::max(0.0, batch.gap(i));
      const double over_bound = rounding * (1 + std::abs(batch.scores[i]));
      errors.set(i, -2 * batch.target(i) * over / examples,
                 2 / examples * (over_bound + 4 * rounding * over));
      loss.value[0] += over * over / examples;
      loss.bound[0] += (2 * over * over_bound + 4 * rounding * over * over) / examples;
    }
    double right = 0;
    for (std::int64_t b = 0; b < batch.examples; ++b) {
      const auto row = batch.scores.begin() + b * batch.classes;
      right += std::max_element(row, row + batch.classes) - row == batch.labels[b];
    }
    const auto found = batch.run();
    const Values metrics = as<float>(found[1]);
    errors.require_close(as<float>(found[0]));
    loss.require_close({metrics[0]});
    CHECK(metrics[1] == right);
    CHECK(batch.run(false)[0] == found[1]);
  }
}

TEST_CASE("square hinge errors are the finite differences of its loss") {
  SplitMix numbers(202);
  constexpr float step = 0x1p-6f;
  int judged = 0, on_the_right_side = 0;
  for (int trial = 0; trial < 60; ++trial) {
    Batch batch(numbers);
    const Values errors = as<float>(batch.run()[0]);
    for (std::size_t i = 0; i < batch.scores.size(); ++i) {
      if (std::abs(batch.gap(i)) < step) continue;  // the kink
      const float before = batch.scores[i];
      batch.scores[i] = before + step;
      const double up = as<float>(batch.run()[1])[0];
      batch.scores[i] = before - step;
      const double down = as<float>(batch.run()[1])[0];
      batch.scores[i] = before;
      // Exact for a square, but for the roundings of two losses.
      CHECK(std::abs(errors[i] - (up - down) / (2 * step)) <= 4 * rounding * (1 + up) / step);
      on_the_right_side += errors[i] == 0;
      ++judged;
    }
  }
  CHECK(judged > 1000);
  CHECK(on_the_right_side > 200);
}

TEST_CASE("square hinge makes a wrong label NaN for its example alone and for the loss") {
  SplitMix numbers(203);
  for (int trial = 0; trial < 50; ++trial) {
    Batch batch(numbers);
    const Values before = as<float>(batch.run()[0]);
    const std::size_t spoilt = numbers.below(batch.labels.size());
    const std::int32_t wrong[] = {-1, static_cast<std::int32_t>(batch.classes), 0x7fc0dead,
                                  std::numeric_limits<std::int32_t>::min()};
    const auto right_without = [&] {
      Batch alone = batch;
      alone.labels = {batch.labels[spoilt]};
      alone.examples = 1;
      const auto begin = batch.scores.begin() + static_cast<std::int64_t>(spoilt) * batch.classes;
      alone.scores.assign(begin, begin + batch.classes);
      return as<float>(batch.run()[1])[1] - as<float>(alone.run()[1])[1];
    }();
    batch.labels[spoilt] = wrong[numbers.below(4)];
    const auto after = batch.run();
    const Values errors = as<float>(after[0]), metrics = as<float>(after[1]);
    for (std::size_t i = 0; i < errors.size(); ++i) {
      const bool here = i / static_cast<std::size_t>(batch.classes) == spoilt;
      CHECK((here ? std::isnan(errors[i]) : errors[i] == before[i]));
    }
    CHECK(std::isnan(metrics[0]));
    CHECK(metrics[1] == right_without);
  }
}

TEST_CASE("a score that is NaN does not pass the hinge as a right one") {
  for (const std::int32_t label : {0, 1}) {
    const auto made =
        run_kernel(SquareHinge{1, 2, true}, {operand(Values{nan, -4}), operand(Labels{label})});
    CHECK(std::isnan(as<float>(made[0])[0]));
    CHECK(as<float>(made[0])[1] == (label == 1 ? -10 : 0));
    CHECK(std::isnan(as<float>(made[1])[0]));
  }
}

TEST_CASE("dropout scales what is kept and zeroes the rest in place or not") {
  SplitMix numbers(204);
  for (const std::size_t count : {1, 7, 64, 1001, 100'000}) {  // the last one on several threads
    const Drops drops(count, numbers);
    for (const float scale : {1.0f, 2.0f, 1.25f, 10.0f}) {
      Values expected(count);
      for (std::size_t i = 0; i < count; ++i) {
        expected[i] = drops.mask[i] == 1 ? drops.y[i] * scale : 0;
      }
      CHECK(drops.run(scale, false) == expected);
      CHECK(drops.run(scale, true) == expected);
    }
  }
}

TEST_CASE("a mask byte above 1 makes its neuron alone NaN") {
  SplitMix numbers(205);
  const Drops good(300, numbers);
  for (int byte = 2; byte < 256; ++byte) {
    Drops drops = good;
    const std::size_t spoilt = numbers.below(300);
    drops.mask[spoilt] = static_cast<std::uint8_t>(byte);
    Values after = drops.run(2, byte % 2 == 0);
    CHECK(std::isnan(after[spoilt]));
    after[spoilt] = good.run(2, false)[spoilt];
    CHECK(after == good.run(2, false));
  }
}

TEST_CASE("seeds of masks do not repeat within a million steps") {
  std::uint32_t seed = 1;
  const std::byte* in[] = {reinterpret_cast<const std::byte*>(&seed)};
  std::byte* out[] = {reinterpret_cast<std::byte*>(&seed)};
  KernelRunner runner;
  std::vector<std::uint32_t> seeds;
  for (int step = 0; step < 1'000'000; ++step) {
    runner.run(AdvanceSeed{}, in, out);
    seeds.push_back(seed);
  }
  std::sort(seeds.begin(), seeds.end());
  CHECK(std::adjacent_find(seeds.begin(), seeds.end()) == seeds.end());
}

TEST_CASE("a seed advances by a linear congruential generator of full period") {
  // Hull and Dobell: modulo 2^32 the increment is odd and the factor one more than a multiple of 4.
  const std::uint32_t increment = advanced(0), factor = advanced(1) - increment;
  CHECK(increment % 2 == 1);
  CHECK(factor % 4 == 1);
  SplitMix numbers(206);
  for (int i = 0; i < 1000; ++i) {
    const auto seed = static_cast<std::uint32_t>(numbers.next());
    REQUIRE(advanced(seed) == factor * seed + increment);
  }
}

TEST_CASE("the gradient of a trained classifier equals plain loops") {
  SplitMix numbers(207);
  for (int trial = 0; trial < 60; ++trial) {
    CAPTURE(trial);
    const DenseGeometry g{from_one_to(20, numbers), from_one_to(90, numbers),
                          from_one_to(20, numbers)};
    const auto batch = static_cast<std::size_t>(g.batch),
               features = static_cast<std::size_t>(g.inputs),
               classes = static_cast<std::size_t>(g.outputs);
    const Values dscores = random_values(batch * classes, numbers),
                 y = random_values(batch * features, numbers);
    Expected gradient(features * classes);
    for (std::size_t i = 0; i < gradient.value.size(); ++i) {
      for (std::size_t b = 0; b < batch; ++b) {
        const double product =
            double{y[b * features + i / classes]} * dscores[b * classes + i % classes];
        gradient.value[i] += product;
        gradient.bound[i] += static_cast<double>(batch + 1) * rounding * std::abs(product);
      }
    }
    gradient.require_close(
        as<float>(run_kernel(ClassifierWeightGradient{g}, {operand(dscores), operand(y)})[0]));
  }
}

}  // namespace spillway::loss_dropout_test
