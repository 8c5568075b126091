// Batch-norm, in one go and in phases, against plain loops in double.
#include <doctest/doctest.h>

#include <limits>

#include "tests/support/kernels.hpp"

namespace spillway::norm_test {

using namespace workloads;
using namespace test;

namespace {

constexpr double epsilon = 1e-5;

/// The values of one channel of maps [batch, channels, height, width], by their indices.
std::vector<std::size_t> channel_places(const NormGeometry& g, std::size_t channel) {
  std::vector<std::size_t> places;
  const auto map = static_cast<std::size_t>(g.height * g.width);
  for (std::size_t b = 0; b < static_cast<std::size_t>(g.batch); ++b) {
    for (std::size_t p = 0; p < map; ++p) {
      places.push_back((b * static_cast<std::size_t>(g.channels) + channel) * map + p);
    }
  }
  return places;
}

/// Operands of one layer. Channels differ in spread, down to where epsilon decides, and in offset;
/// the last one is constant.
struct Trial {
  NormGeometry shape;
  std::int64_t part = 0;  ///< so many examples at a time, in phases; 0: all in one go
  std::size_t channels, values;
  Values x, dz, norm, running, statistics;

  Trial(const NormGeometry& g, SplitMix& numbers)
      : shape(g),
        channels(static_cast<std::size_t>(g.channels)),
        values(static_cast<std::size_t>(g.batch * g.channels * g.height * g.width)),
        x(random_values(values, numbers)),
        dz(random_values(values, numbers)),
        norm(random_values(2 * channels, numbers, 2)),
        running(random_values(2 * channels, numbers)),
        statistics(2 * channels) {
    for (std::size_t c = 0; c < channels; ++c) {
      const double spread = std::pow(10.0, -static_cast<double>(numbers.below(4)));
      const double offset = spread * static_cast<double>(numbers.below(3));
      const auto places = channel_places(g, c);
      const auto n = static_cast<double>(places.size());
      double mean = 0, variance = 0;
      for (const std::size_t i : places) {
        x[i] = static_cast<float>(c + 1 == channels ? 0.7 : offset + spread * x[i]);
        mean += x[i] / n;
      }
      for (const std::size_t i : places) variance += (x[i] - mean) * (x[i] - mean) / n;
      statistics[c] = static_cast<float>(mean);
      statistics[channels + c] = static_cast<float>(variance);
      running[channels + c] = std::abs(running[channels + c]);
    }
  }

  using On = std::map<std::size_t, std::size_t>;

  std::vector<OperandBytes> forward() const {
    if (part > 0) return forward_in_phases(false);
    return run_kernel(BatchNorm{shape}, {operand(x), operand(norm), operand(running)});
  }
  std::vector<OperandBytes> forward_in_training() const {  // running statistics change in place
    if (part > 0) return forward_in_phases(true);
    return run_kernel(BatchNorm{shape}, {operand(x), operand(norm), operand(running)}, {{2, 2}});
  }
  std::vector<OperandBytes> inference(bool in_place) const {
    return run_kernel(BatchNormInference{shape}, {operand(x), operand(norm), operand(running)},
                      in_place ? On{{0, 0}} : On{});
  }
  std::vector<OperandBytes> error(bool in_place) const {
    if (part > 0) return error_in_phases(in_place);
    return run_kernel(BatchNormError{shape},
                      {operand(dz), operand(x), operand(statistics), operand(norm)},
                      in_place ? On{{0, 0}} : On{});
  }

 private:
  /// Visit parts of the mini-batch: their shapes, and what of a map they have.
  template <class Visit>
  void for_each_part(Visit visit) const {
    const std::int64_t example = shape.channels * shape.height * shape.width;
    for (std::int64_t begin = 0; begin < shape.batch; begin += part) {
      NormGeometry g = shape;
      g.batch = std::min(part, shape.batch - begin);
      visit(g, begin,
            [first = begin * example, end = (begin + g.batch) * example](const Values& m) {
              return operand(Values(m.begin() + first, m.begin() + end));
            });
    }
  }
  static void append(OperandBytes& whole, const OperandBytes& more) {
    whole.insert(whole.end(), more.begin(), more.end());
  }

  std::vector<OperandBytes> forward_in_phases(bool in_place) const {
    const std::int64_t pixels = shape.height * shape.width;
    std::vector<OperandBytes> made, z(1);
    for_each_part([&](const NormGeometry& g, std::int64_t before, auto of) {
      made = run_kernel(NormStatistics{g, before * pixels}, {of(x)}, {}, made);
    });
    for_each_part([&](const NormGeometry& g, std::int64_t, auto of) {
      append(z[0], run_kernel(NormApply{g}, {of(x), operand(norm), made[0]},
                              in_place ? On{{0, 0}} : On{})[0]);
    });
    const auto after = run_kernel(NormRunning{shape.channels, shape.batch * pixels},
                                  {made[0], operand(running)}, in_place ? On{{0, 1}} : On{});
    return {z[0], made[0], after[0]};
  }
  std::vector<OperandBytes> error_in_phases(bool in_place) const {
    const std::int64_t total = shape.batch * shape.height * shape.width;
    std::vector<OperandBytes> sums, dx(1);
    for_each_part([&](const NormGeometry& g, std::int64_t before, auto of) {
      sums =
          run_kernel(NormErrorSums{g, before > 0}, {of(dz), of(x), operand(statistics)}, {}, sums);
    });
    for_each_part([&](const NormGeometry& g, std::int64_t, auto of) {
      append(dx[0], run_kernel(NormErrorApply{g, total},
                               {of(dz), of(x), operand(statistics), operand(norm), sums[0]},
                               in_place ? On{{0, 0}} : On{})[0]);
    });
    return {dx[0], sums[0]};
  }
};

/// The same trial in phases, of random parts.
Trial in_phases(Trial t, SplitMix& numbers) {
  t.part = from_one_to(t.shape.batch, numbers);
  return t;
}

NormGeometry random_shape(SplitMix& numbers) {
  NormGeometry g{from_one_to(9, numbers), from_one_to(40, numbers), from_one_to(9, numbers),
                 from_one_to(9, numbers)};
  const std::int64_t blocked[] = {8, 16, 32, 40};
  if (numbers.below(2) == 0) g.channels = blocked[numbers.below(4)];
  if (numbers.below(4) == 0) g.height = g.width = 1;
  if (numbers.below(8) == 0) g.batch = g.height = g.width = 1;
  return g;
}

/// scale (x - mean) / sqrt(variance + epsilon) + shift, from statistics that are wrong by at most
/// `mean_bound` and `variance_bound`.
void normalise(const Trial& t, std::size_t c, double mean, double mean_bound, double variance,
               double variance_bound, Expected& z) {
  const double inverse = 1 / std::sqrt(variance + epsilon);
  const double inverse_bound = variance_bound / (2 * (variance + epsilon)) + 4 * rounding;
  const double scale = t.norm[c], shift = t.norm[t.channels + c];
  for (const std::size_t i : channel_places(t.shape, c)) {
    const double centred = t.x[i] - mean;
    // Also when computed as x (scale inverse) + (shift - mean scale inverse).
    const double centred_bound = mean_bound + 3 * rounding * (std::abs(t.x[i]) + std::abs(mean));
    z.set(i, scale * centred * inverse + shift,
          std::abs(scale) * inverse * (centred_bound + std::abs(centred) * inverse_bound) +
              3 * rounding * (std::abs(shift) + std::abs(scale * centred * inverse)));
  }
}

void check_forward(const Trial& t) {
  Expected z(t.values), statistics(2 * t.channels), running(2 * t.channels);
  for (std::size_t c = 0; c < t.channels; ++c) {
    const auto places = channel_places(t.shape, c);
    const auto n = static_cast<double>(places.size());
    double mean = 0, magnitude = 0, variance = 0;
    for (const std::size_t i : places) mean += t.x[i] / n;
    for (const std::size_t i : places) magnitude += std::abs(t.x[i]) / n;
    for (const std::size_t i : places) variance += (t.x[i] - mean) * (t.x[i] - mean) / n;
    // A sum of n floats, one after the other, is wrong by n roundings at most.
    const double mean_bound = (n + 1) * rounding * magnitude;
    double variance_bound = (n + 5) * rounding * variance + mean_bound * mean_bound;
    // Phases round the mean of what came before, which the gap to the next mean goes with.
    for (std::int64_t b = t.part; t.part > 0 && b < t.shape.batch; b += t.part) {
      double farthest = 0;
      for (const std::size_t i : places) farthest = std::max(farthest, std::abs(t.x[i] - mean));
      variance_bound += 2 * rounding * (std::abs(mean) + farthest) * 2 * farthest;
    }
    statistics.set(c, mean, mean_bound);
    statistics.set(t.channels + c, variance, variance_bound);
    const double unbiased = n > 1 ? n / (n - 1) : 1;
    const auto run = [&](std::size_t at, double batch, double batch_bound) {
      const double before = t.running[at];
      running.set(at, 0.9 * before + 0.1 * batch,
                  4 * rounding * (std::abs(before) + std::abs(batch)) + 0.1 * batch_bound);
    };
    run(c, mean, mean_bound);
    run(t.channels + c, variance * unbiased, variance_bound * unbiased);
    normalise(t, c, mean, mean_bound, variance, variance_bound, z);
  }
  const auto found = t.forward();
  z.require_close(as<float>(found[0]));
  statistics.require_close(as<float>(found[1]));
  running.require_close(as<float>(found[2]));
  CHECK(t.forward_in_training() == found);
}

void check_error(const Trial& t) {
  Expected dx(t.values), dnorm(2 * t.channels);
  for (std::size_t c = 0; c < t.channels; ++c) {
    const auto places = channel_places(t.shape, c);
    const auto n = static_cast<double>(places.size());
    const double mean = t.statistics[c];
    const double inverse = 1 / std::sqrt(t.statistics[t.channels + c] + epsilon);
    const double factor = t.norm[c] * inverse;
    const auto normal = [&](std::size_t i) { return (t.x[i] - mean) * inverse; };
    const auto normal_bound = [&](std::size_t i) {
      return inverse * 3 * rounding * (std::abs(t.x[i]) + std::abs(mean));
    };
    double shift = 0, scale = 0, shift_bound = 0, scale_bound = 0;
    for (const std::size_t i : places) {
      shift += t.dz[i];
      scale += t.dz[i] * normal(i);
      shift_bound += n * rounding * std::abs(t.dz[i]);
      scale_bound +=
          std::abs(t.dz[i]) * ((n + 6) * rounding * std::abs(normal(i)) + normal_bound(i));
    }
    dnorm.set(c, scale, scale_bound);
    dnorm.set(t.channels + c, shift, shift_bound);
    for (const std::size_t i : places) {
      const double terms =
          std::abs(t.dz[i]) + std::abs(shift / n) + std::abs(normal(i) * scale / n);
      dx.set(i, factor * (t.dz[i] - shift / n - normal(i) * scale / n),
             std::abs(factor) *
                 (8 * rounding * terms + shift_bound / n + std::abs(normal(i)) * scale_bound / n +
                  normal_bound(i) * std::abs(scale) / n));
    }
  }
  const auto found = t.error(false);
  dx.require_close(as<float>(found[0]));
  dnorm.require_close(as<float>(found[1]));
  CHECK(t.error(true) == found);
}

/// Channel `spoilt` of `after` is all NaN, the others are as before; or nothing is NaN.
void check_channels(const NormGeometry& g, const OperandBytes& before, const OperandBytes& after,
                    std::optional<std::size_t> spoilt) {
  const Values a = as<float>(before), b = as<float>(after);
  const auto channels = static_cast<std::size_t>(g.channels);
  std::size_t wrong = 0;
  for (std::size_t c = 0; c < channels; ++c) {
    for (const std::size_t i : channel_places(g, c)) {
      wrong += spoilt == c ? !std::isnan(b[i]) : !(a[i] == b[i]);
    }
  }
  CHECK(wrong == 0);
}

constexpr float nan = std::numeric_limits<float>::quiet_NaN();

}  // namespace

TEST_CASE("batch-norm and its running statistics equal plain loops on random shapes") {
  SplitMix numbers(101);
  int blocked = 0, single = 0;
  for (int i = 0; i < 150; ++i) {
    CAPTURE(i);
    const NormGeometry g = random_shape(numbers);
    const Trial t(g, numbers);
    check_forward(t);
    check_forward(in_phases(t, numbers));
    blocked += g.channels % 16 == 0;
    single += g.batch * g.height * g.width == 1;
  }
  CHECK(blocked > 20);
  CHECK(single > 5);
}

TEST_CASE("batch-norm with given statistics equals plain loops in place or not") {
  SplitMix numbers(102);
  for (int i = 0; i < 100; ++i) {
    CAPTURE(i);
    const Trial t(random_shape(numbers), numbers);
    Expected z(t.values);
    for (std::size_t c = 0; c < t.channels; ++c) {
      normalise(t, c, t.running[c], 0, t.running[t.channels + c], 0, z);
    }
    const auto found = t.inference(false);
    z.require_close(as<float>(found[0]));
    CHECK(t.inference(true) == found);
  }
}

TEST_CASE("the error of batch-norm equals plain loops in place or not") {
  SplitMix numbers(103);
  for (int i = 0; i < 150; ++i) {
    CAPTURE(i);
    const Trial t(random_shape(numbers), numbers);
    check_error(t);
    check_error(in_phases(t, numbers));
  }
}

TEST_CASE("a channel of one value or of equal values is normalised to its shift") {
  SplitMix numbers(104);
  for (const std::int64_t channels : {1, 3, 16, 32}) {
    const Trial single({1, channels, 1, 1}, numbers), constant({4, channels, 3, 5}, numbers);
    const Values shifts(single.norm.begin() + channels, single.norm.end());
    CHECK(as<float>(single.forward()[0]) == shifts);
    const Values z = as<float>(constant.forward()[0]);
    for (const std::size_t i : channel_places(constant.shape, constant.channels - 1)) {
      // The mean of 60 equal values may be off by 60 roundings, times 1 / sqrt(epsilon).
      const double bound =
          60 * rounding * 0.7 / std::sqrt(epsilon) * std::abs(constant.norm[channels - 1]);
      CHECK(std::abs(z[i] - constant.norm.back()) <= bound + rounding);
    }
  }
}

TEST_CASE("a NaN makes its channel's batch-norm NaN and leaves the other channels alone") {
  SplitMix numbers(105);
  for (int i = 0; i < 25; ++i) {
    CAPTURE(i);
    Trial good(random_shape(numbers), numbers);
    if (i % 2 == 0) good = in_phases(good, numbers);
    const NormGeometry& g = good.shape;
    const NormGeometry one_map{1, 2 * g.channels, 1, 1};  // scales then shifts, as channels
    const std::size_t c = numbers.below(good.channels);
    const auto places = channel_places(g, c);
    const std::size_t at = places[numbers.below(places.size())];
    const auto forward = good.forward(), error = good.error(false);
    Trial x = good, dz = good, scale = good, shift = good;
    x.x[at] = dz.dz[at] = scale.norm[c] = shift.norm[good.channels + c] = nan;

    check_channels(g, forward[0], x.forward()[0], c);
    const NormGeometry rows{2, g.channels, 1, 1};  // means and variances, scales and shifts
    check_channels(rows, forward[1], x.forward()[1], c);
    check_channels(rows, forward[2], x.forward()[2], c);
    for (const Trial* norm : {&scale, &shift}) {
      check_channels(g, forward[0], norm->forward()[0], c);
      check_channels(g, good.inference(true)[0], norm->inference(true)[0], c);
      CHECK(norm->forward()[1] == forward[1]);
    }

    check_channels(g, error[0], x.error(true)[0], c);
    check_channels(one_map, error[1], x.error(true)[1], c);  // the shift's does not see x
    check_channels(g, error[0], dz.error(true)[0], c);
    check_channels(rows, error[1], dz.error(true)[1], c);
    check_channels(g, error[0], scale.error(true)[0], c);
    CHECK(shift.error(true) == error);
    for (const std::size_t statistic : {c, good.channels + c}) {
      Trial wrong = good;
      wrong.statistics[statistic] = wrong.running[statistic] = nan;
      check_channels(g, error[0], wrong.error(true)[0], c);
      check_channels(g, good.inference(false)[0], wrong.inference(false)[0], c);
      check_channels(one_map, forward[2], wrong.forward()[2], statistic);
      CHECK(wrong.forward()[0] == forward[0]);
    }
  }
}

}  // namespace spillway::norm_test
