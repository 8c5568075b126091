// The squared error of scores: against labels, against numbers and against values.
#include <doctest/doctest.h>

#include <limits>

#include "tests/support/kernels.hpp"

namespace spillway::squared_error_test {

using namespace workloads;
using namespace test;

namespace {

using Labels = std::vector<std::int32_t>;

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

/// One batch with targets of a kind; `targets` are what scores should be.
struct Batch {
  SquaredError kernel;
  Values scores;
  OperandBytes operand_of_targets;
  std::vector<double> targets;

  Batch(TargetKind kind, std::int64_t most_classes, SplitMix& numbers)
      : kernel{from_one_to(7, numbers), from_one_to(most_classes, numbers), true, 0, false, kind},
        scores(random_values(static_cast<std::size_t>(kernel.batch * kernel.classes), numbers, 3)) {
    if (kind == TargetKind::values) {
      const Values values = random_values(scores.size(), numbers, 2);
      operand_of_targets = operand(values);
      targets.assign(values.begin(), values.end());
      return;
    }
    const bool number = kernel.classes == 1;
    Labels labels;
    for (std::int64_t b = 0; b < kernel.batch; ++b) {
      labels.push_back(
          static_cast<std::int32_t>(from_one_to(number ? 5 : kernel.classes, numbers)) - 1);
      for (std::int64_t c = 0; c < kernel.classes; ++c) {
        targets.push_back(number ? labels.back() : labels.back() == c);
      }
    }
    operand_of_targets = operand(labels);
  }
  std::vector<OperandBytes> run() const {
    return run_kernel(kernel, {operand(scores), operand_of_targets});
  }
  double loss() const { return as<float>(run()[1])[0]; }
};

std::vector<OperandBytes> run_labels(std::int64_t batch, const Values& scores,
                                     const Labels& labels) {
  const auto classes = static_cast<std::int64_t>(scores.size()) / batch;
  return run_kernel(SquaredError{batch, classes, true}, {operand(scores), operand(labels)});
}

}  // namespace

TEST_CASE("squared error equals its formula in double for labels, numbers and values") {
  SplitMix numbers(301);
  for (int trial = 0; trial < 300; ++trial) {
    CAPTURE(trial);
    const auto kind = trial % 3 == 0 ? TargetKind::values : TargetKind::labels;
    const Batch batch(kind, trial % 3 == 1 ? 1 : 14, numbers);
    const auto examples = static_cast<double>(batch.kernel.batch);
    Expected errors(batch.scores.size()), loss(1);
    for (std::size_t i = 0; i < batch.scores.size(); ++i) {
      const double gap = batch.scores[i] - batch.targets[i];
      errors.set(i, gap / examples, 4 * rounding * std::abs(gap) / examples);
      loss.value[0] += gap * gap / (2 * examples);
      loss.bound[0] += 4 * rounding * gap * gap / examples;
    }
    const auto found = batch.run();
    errors.require_close(as<float>(found[0]));
    loss.require_close({as<float>(found[1])[0]});
    SquaredError without = batch.kernel;
    without.with_error = false;
    CHECK(run_kernel(without, {operand(batch.scores), batch.operand_of_targets})[0] == found[1]);
  }
}

TEST_CASE("squared error's errors are the finite differences of its loss") {
  SplitMix numbers(302);
  constexpr float step = 0x1p-6f;
  int judged = 0;
  for (int trial = 0; trial < 60; ++trial) {
    Batch batch(trial % 2 == 0 ? TargetKind::values : TargetKind::labels, trial % 4 == 1 ? 1 : 9,
                numbers);
    const Values errors = as<float>(batch.run()[0]);
    for (std::size_t i = 0; i < batch.scores.size(); ++i) {
      const float before = batch.scores[i];
      batch.scores[i] = before + step;
      const double up = batch.loss();
      batch.scores[i] = before - step;
      const double down = batch.loss();
      batch.scores[i] = before;
      // Exact for a square, but for the roundings of two losses.
      CHECK(std::abs(errors[i] - (up - down) / (2 * step)) <= 4 * rounding * (1 + up) / step);
      ++judged;
    }
  }
  CHECK(judged > 500);
}

TEST_CASE("squared error by hand: two classes, a number, values") {
  // Gaps -0.5 -1 and 2 -1: (0.25 + 1 + 4 + 1) / 4. The first example is decided right.
  const auto labels = run_labels(2, {0.5f, -1, 2, 0}, {0, 1});
  CHECK(as<float>(labels[0]) == Values{-0.25f, -0.5f, 1, -0.5f});
  CHECK(as<float>(labels[1]) == Values{1.5625f, 1});
  // Gaps 0.25, 0.5, 0 and -2.25: rounded, the first and the third are their labels.
  const auto number = run_labels(4, {2.25f, 4.5f, 0, -3.25f}, {2, 4, 0, -1});
  CHECK(as<float>(number[0]) == Values{0.0625f, 0.125f, 0, -0.5625f});
  CHECK(as<float>(number[1]) == Values{(0.0625f + 0.25f + 5.0625f) / 8, 2});
  // Values have no decisions.
  const auto values = run_kernel(SquaredError{1, 2, true, 0, false, TargetKind::values},
                                 {operand(Values{3, 1}), operand(Values{1, 1.5f})});
  CHECK(as<float>(values[0]) == Values{2, -0.5f});
  CHECK(as<float>(values[1]) == Values{2.125f, 0});
}

TEST_CASE("squared error makes a wrong label NaN for its example alone and for the loss") {
  for (const std::int32_t label : {-1, 2, 1 << 30}) {
    const auto found = run_labels(2, {0.5f, -1, 2, 0}, {label, 1});
    const Values errors = as<float>(found[0]), metrics = as<float>(found[1]);
    CHECK(std::isnan(errors[0]));
    CHECK(std::isnan(errors[1]));
    CHECK(errors[2] == 1);
    CHECK(errors[3] == -0.5f);
    CHECK(std::isnan(metrics[0]));
    CHECK(metrics[1] == 0);
  }
  // A number that float32 does not hold; the pattern of unwritten memory is one, too.
  for (const std::int32_t label : {(1 << 24) + 1, -(1 << 24) - 1, 0x7FC00000}) {
    const auto found = run_labels(2, {0.5f, 1}, {label, 1});
    CHECK(std::isnan(as<float>(found[0])[0]));
    CHECK(as<float>(found[0])[1] == 0);
    CHECK(std::isnan(as<float>(found[1])[0]));
    CHECK(as<float>(found[1])[1] == 1);
  }
  CHECK(std::isfinite(as<float>(run_labels(1, {0.5f}, {1 << 24})[1])[0]));
}

TEST_CASE("a score or a target that is NaN makes the loss NaN") {
  CHECK(std::isnan(as<float>(run_labels(1, {nan, 0}, {1})[1])[0]));
  CHECK(std::isnan(as<float>(run_labels(1, {nan}, {1})[1])[0]));
  CHECK(as<float>(run_labels(1, {nan}, {1})[1])[1] == 0);
  const SquaredError values{1, 2, true, 0, false, TargetKind::values};
  const auto found = run_kernel(values, {operand(Values{1, 2}), operand(Values{nan, 2})});
  CHECK(std::isnan(as<float>(found[0])[0]));
  CHECK(as<float>(found[0])[1] == 0);
  CHECK(std::isnan(as<float>(found[1])[0]));
}

TEST_CASE("a part's squared error divides by the whole mini-batch and adds to the metrics") {
  for (const auto kind : {TargetKind::labels, TargetKind::values}) {
    const OperandBytes targets =
        kind == TargetKind::labels ? operand(Labels{0}) : operand(Values{1, 0});
    const auto run = [&](bool accumulate) {
      return run_kernel(SquaredError{1, 2, true, 4, accumulate, kind},
                        {operand(Values{0.5f, -1}), targets}, {},
                        {operand(Values(2)), operand(Values{8, 3})});
    };
    const float decided = kind == TargetKind::labels ? 1 : 0;
    CHECK(as<float>(run(false)[0]) == Values{-0.125f, -0.25f});
    CHECK(as<float>(run(false)[1]) == Values{1.25f / 8, decided});
    CHECK(as<float>(run(true)[1]) == Values{8 + 1.25f / 8, 3 + decided});
  }
}

}  // namespace spillway::squared_error_test
