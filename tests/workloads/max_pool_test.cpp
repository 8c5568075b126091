// Max-pooling of as many channels as stand in blocked layouts, against plain loops.
#include <doctest/doctest.h>

#include <limits>

#include "tests/support/build.hpp"
#include "tests/support/kernels.hpp"

namespace spillway::max_pool_test {

using namespace workloads;
using namespace test;

namespace {

using Winners = std::vector<std::uint8_t>;

bool is_padded(const PoolGeometry& g) {
  return g.window.padding_begin[0] + g.window.padding_begin[1] + g.window.padding_end[0] +
             g.window.padding_end[1] >
         0;
}

/// What plain loops make of maps y and errors da.
struct Pooled {
  Values a;
  Winners winners;
  Expected dy;
  int ties = 0;

  Pooled(const PoolGeometry& g, const Values& y, const Values& da) : dy(y.size()) {
    for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
      for (std::int64_t o = 0; o < g.output.height * g.output.width; ++o) {
        add_window(g, y, da, map, o / g.output.width, o % g.output.width);
      }
    }
  }

 private:
  void add_window(const PoolGeometry& g, const Values& y, const Values& da, std::int64_t map,
                  std::int64_t oy, std::int64_t ox) {
    std::optional<std::size_t> best;
    std::int64_t winner = 0;
    for (std::int64_t place = 0; place < g.window.kernel[0] * g.window.kernel[1]; ++place) {
      const std::int64_t iy =
          oy * g.window.stride[0] - g.window.padding_begin[0] + place / g.window.kernel[1];
      const std::int64_t ix =
          ox * g.window.stride[1] - g.window.padding_begin[1] + place % g.window.kernel[1];
      if (iy < 0 || iy >= g.input.height || ix < 0 || ix >= g.input.width) continue;
      const auto at = static_cast<std::size_t>((map * g.input.height + iy) * g.input.width + ix);
      ties += best && y[at] == y[*best];
      if (best && !(y[at] > y[*best])) continue;
      best = at;
      winner = place;
    }
    const double error = da[a.size()];
    a.push_back(y[best.value()]);
    winners.push_back(static_cast<std::uint8_t>(winner));
    dy.value[*best] += error;
    dy.bound[*best] += 16 * rounding * std::abs(error);  // as many windows as meet at one place
  }
};

/// The maps and the errors of one trial.
struct Trial {
  PoolGeometry shape;
  Values y, da;

  Trial(std::int64_t channels, SplitMix& numbers)
      : shape(random_pooling(channels, numbers)),
        y(random_values(static_cast<std::size_t>(shape.batch * shape.input.elements()), numbers)),
        da(random_values(static_cast<std::size_t>(shape.batch * shape.output.elements()),
                         numbers)) {
    for (float& value : y) value = std::round(value * 3) / 3;  // few values, many ties
  }

  /// a, winners and dy, with lasting results: the winners go back as max-pooling left them.
  std::vector<OperandBytes> lasting() const {
    static KernelRunner runner(KernelRunner::Results::lasting);
    std::vector<AlignedBytes> memory;
    for (const std::size_t bytes :
         {4 * y.size(), 4 * da.size(), da.size(), 4 * da.size(), 4 * y.size()}) {
      memory.emplace_back(bytes);
      runner.forget(memory.back().span());
    }
    std::memcpy(memory[0].span().data(), y.data(), 4 * y.size());
    std::memcpy(memory[3].span().data(), da.data(), 4 * da.size());
    const auto at = [&](std::size_t i) { return memory[i].span().data(); };
    const std::byte *maps[] = {at(0)}, *errors[] = {at(3), at(2)};
    std::byte *results[] = {at(1), at(2)}, *error[] = {at(4)};
    runner.run(MaxPool{shape}, maps, results);
    runner.run(MaxPoolError{shape}, errors, error);
    std::vector<OperandBytes> found;
    for (const std::size_t i : {1, 2, 4}) {
      runner.settle(memory[i].span());
      found.emplace_back(memory[i].span().begin(), memory[i].span().end());
    }
    for (AlignedBytes& bytes : memory) runner.forget(bytes.span());
    return found;
  }

  std::vector<OperandBytes> plain() const {
    std::vector<OperandBytes> found = run_kernel(MaxPool{shape}, {operand(y)});
    found.push_back(run_kernel(MaxPoolError{shape}, {operand(da), found[1]})[0]);
    return found;
  }

  void check() const {
    const Pooled expected(shape, y, da);
    const auto found = plain();
    CHECK(as<float>(found[0]) == expected.a);
    CHECK(as<std::uint8_t>(found[1]) == expected.winners);
    expected.dy.require_close(as<float>(found[2]));
    CHECK(lasting() == found);
  }
};

}  // namespace

TEST_CASE("max-pooling of blocked channels equals plain loops with ties and padding") {
  SplitMix numbers(401);
  int ties = 0, padded = 0, uneven = 0;
  for (const std::int64_t channels : {8, 16, 20, 32}) {
    for (int i = 0; i < 40; ++i) {
      CAPTURE(channels);
      CAPTURE(i);
      const Trial trial(channels, numbers);
      trial.check();
      ties += Pooled(trial.shape, trial.y, trial.da).ties;
      padded += is_padded(trial.shape);
      uneven += trial.shape.window.padding_end > trial.shape.window.padding_begin;  // ceil windows
    }
  }
  CHECK(ties > 10'000);
  CHECK(padded > 50);
  CHECK(uneven > 10);
}

TEST_CASE("padding never wins a max-pooling window however low the values are") {
  SplitMix numbers(402);
  const float infinity = std::numeric_limits<float>::infinity();
  for (const float low : {-1.0f, -1e30f, std::numeric_limits<float>::lowest(), -infinity}) {
    for (const std::int64_t channels : {3, 16, 32}) {
      int padded = 0;
      while (padded < 8) {
        Trial trial(channels, numbers);
        if (!is_padded(trial.shape)) continue;
        CAPTURE(low);
        CAPTURE(channels);
        std::ranges::fill(trial.y, low);
        const Pooled expected(trial.shape, trial.y, trial.da);
        const auto found = run_kernel(MaxPool{trial.shape}, {operand(trial.y)});
        CHECK(as<float>(found[0]) == expected.a);
        REQUIRE(as<std::uint8_t>(found[1]) == expected.winners);
        trial.check();
        ++padded;
      }
    }
  }
}

TEST_CASE("NaN in blocked channels wins its max-pooling windows and no others") {
  SplitMix numbers(403);
  for (const std::int64_t channels : {16, 32}) {
    for (int i = 0; i < 20; ++i) {
      CAPTURE(i);
      Trial trial(channels, numbers);
      const auto before = trial.plain();
      const std::size_t at = numbers.below(trial.y.size());
      Trial marked = trial;
      marked.y[at] = 9;  // wins where NaN would
      const Pooled expected(marked.shape, marked.y, marked.da);
      trial.y[at] = std::numeric_limits<float>::quiet_NaN();
      const auto after = trial.lasting();
      const Values a = as<float>(after[0]);
      std::size_t wrong = 0;
      for (std::size_t o = 0; o < a.size(); ++o) {
        wrong += expected.a[o] == 9 ? !std::isnan(a[o]) : a[o] != expected.a[o];
      }
      CHECK(wrong == 0);
      CHECK(as<std::uint8_t>(after[1]) == expected.winners);
      expected.dy.require_close(as<float>(after[2]));
    }
  }
}

}  // namespace spillway::max_pool_test
