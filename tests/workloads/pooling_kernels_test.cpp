// Max-pooling and its error against plain loops: winners, ties, padding.
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <optional>

#include "tests/support/kernel_memory.hpp"

namespace spillway::kernels_test {

namespace {

using Winners = std::vector<std::uint8_t>;

/// The input's index at which each place of each window lies, or -1 on padding: by output, then by
/// place.
std::vector<std::vector<std::int64_t>> window_places(const PoolGeometry& g) {
  std::vector<std::vector<std::int64_t>> places;
  for (std::int64_t map = 0; map < g.batch * g.output.channels; ++map) {
    for (std::int64_t oy = 0; oy < g.output.height; ++oy) {
      for (std::int64_t ox = 0; ox < g.output.width; ++ox) {
        places.emplace_back();
        for (std::int64_t ky = 0; ky < g.window.kernel[0]; ++ky) {
          for (std::int64_t kx = 0; kx < g.window.kernel[1]; ++kx) {
            const std::int64_t y = oy * g.window.stride[0] + ky - g.window.padding_begin[0];
            const std::int64_t x = ox * g.window.stride[1] + kx - g.window.padding_begin[1];
            const bool inside = y >= 0 && y < g.input.height && x >= 0 && x < g.input.width;
            places.back().push_back(inside ? (map * g.input.height + y) * g.input.width + x : -1);
          }
        }
      }
    }
  }
  return places;
}

/// Errors sent back to the winners, or nothing when a winner is none of its window.
std::optional<Reference> scattered(const PoolGeometry& g, const Values& da,
                                   const Winners& winners) {
  Reference dy(size(g.batch * g.input.elements()));
  const auto places = window_places(g);
  for (std::size_t o = 0; o < places.size(); ++o) {
    if (winners[o] >= places[o].size() || places[o][winners[o]] < 0) return std::nullopt;
    dy.add(places[o][winners[o]], da[o]);
  }
  return dy;
}

}  // namespace

TEST_CASE("max-pooling takes the first maximum row by row, never padding, and errors go to it") {
  SplitMix numbers(13);
  int padded = 0, ties = 0;
  for (int i = 0; i < 200; ++i) {
    CAPTURE(i);
    const PoolGeometry g = random_pooling(from_one_to(5, numbers), numbers);
    Values y = coarse_values(size(g.batch * g.input.elements()), numbers);
    for (float& value : y) value -= 2;  // below the zero that padding might be taken for
    const auto pooled = Memory().run(MaxPool{g}, {operand(y)});
    const Values a = as<float>(pooled[0]);
    const Winners winners = as<std::uint8_t>(pooled[1]);
    const auto places = window_places(g);
    REQUIRE(a.size() == places.size());
    REQUIRE(winners.size() == places.size());
    std::size_t wrong = 0;
    for (std::size_t o = 0; o < places.size(); ++o) {
      std::size_t first = places[o].size();
      for (std::size_t k = 0; k < places[o].size(); ++k) {
        if (places[o][k] < 0) {
          ++padded;
        } else if (first == places[o].size() || y[size(places[o][k])] > y[size(places[o][first])]) {
          first = k;
        } else {
          ties += y[size(places[o][k])] == y[size(places[o][first])];
        }
      }
      wrong += winners[o] != first || a[o] != y[size(places[o][first])];
    }
    REQUIRE(wrong == 0);
    const Values da = random_values(a.size(), numbers);
    const Values dy = as<float>(Memory().run(MaxPoolError{g}, {operand(da), pooled[1]})[0]);
    scattered(g, da, winners).value().require_close(dy);
  }
  CHECK(padded > 1000);
  CHECK(ties > 1000);
}

TEST_CASE("a window of 256 places still has each place's number in a byte") {
  const PoolGeometry g{1, {1, 16, 16}, {1, 1, 1}, {{16, 16}, {16, 16}, {0, 0}, {0, 0}}};
  for (const std::size_t winner : {0, 1, 127, 128, 255}) {
    Values y(256, -1);
    y[winner] = 3;
    const auto pooled = Memory().run(MaxPool{g}, {operand(y)});
    CHECK(as<float>(pooled[0])[0] == 3);
    CHECK(as<std::uint8_t>(pooled[1])[0] == winner);
    const Values dy = as<float>(Memory().run(MaxPoolError{g}, {operand(Values{5}), pooled[1]})[0]);
    CHECK(dy[winner] == 5);
    CHECK(std::count(dy.begin(), dy.end(), 0.0f) == 255);
  }
}

TEST_CASE("winners that are none of their window make every error NaN") {
  SplitMix numbers(14);
  int legal = 0, illegal = 0;
  for (int i = 0; i < 300; ++i) {
    CAPTURE(i);
    const PoolGeometry g = random_pooling(from_one_to(5, numbers), numbers);
    const std::size_t outputs = size(g.batch * g.output.elements());
    Winners winners = as<std::uint8_t>(Memory().run(
        MaxPool{g}, {operand(coarse_values(size(g.batch * g.input.elements()), numbers))})[1]);
    const std::size_t places = size(g.window.kernel[0] * g.window.kernel[1]);
    winners[numbers.below(outputs)] =
        static_cast<std::uint8_t>(numbers.below(numbers.below(4) == 0 ? 256 : places + 1));
    const Values da = random_values(outputs, numbers);
    const auto dy = as<float>(Memory().run(MaxPoolError{g}, {operand(da), operand(winners)})[0]);
    if (const auto expected = scattered(g, da, winners)) {
      expected->require_close(dy);
      ++legal;
    } else {
      CHECK(std::all_of(dy.begin(), dy.end(), [](float error) { return std::isnan(error); }));
      ++illegal;
    }
  }
  CHECK(legal > 30);
  CHECK(illegal > 30);
}

TEST_CASE("winners may lie at any byte") {
  SplitMix numbers(19);
  for (int i = 0; i < 20; ++i) {
    const PoolGeometry g = random_pooling(from_one_to(5, numbers), numbers);
    const auto pooled = Memory().run(
        MaxPool{g}, {operand(coarse_values(size(g.batch * g.input.elements()), numbers))});
    const Values da = random_values(size(g.batch * g.output.elements()), numbers);
    const auto dy = Memory().run(MaxPoolError{g}, {operand(da), pooled[1]});
    AlignedBytes winners(pooled[1].size() + 3), result(dy[0].size());
    std::copy(pooled[1].begin(), pooled[1].end(), winners.span().begin() + 3);
    const OperandBytes errors = operand(da);
    const std::byte* in[] = {errors.data(), winners.span().data() + 3};
    std::byte* out[] = {result.span().data()};
    KernelRunner().run(MaxPoolError{g}, in, out);
    CHECK(std::equal(dy[0].begin(), dy[0].end(), result.span().begin()));
  }
}

TEST_CASE("poolings that differ in their padding alone are not taken for each other") {
  SplitMix numbers(20);
  const Window same3{{3, 3}, {1, 1}, {1, 1}, {1, 1}}, early{{3, 3}, {1, 1}, {2, 1}, {0, 1}},
      late{{3, 3}, {1, 1}, {1, 0}, {1, 2}};
  const ImageShape map{4, 6, 6};
  const Values y = random_values(size(2 * map.elements()), numbers);
  for (const Window& window : {same3, early, late}) {
    const PoolGeometry g{2, map, map, window};
    const auto pooled = Memory().run(MaxPool{g}, {operand(y)});
    const auto places = window_places(g);
    const Values a = as<float>(pooled[0]);
    const Winners winners = as<std::uint8_t>(pooled[1]);
    for (std::size_t o = 0; o < places.size(); ++o) {
      REQUIRE(places[o].at(winners[o]) >= 0);
      REQUIRE(a[o] == y[size(places[o][winners[o]])]);
    }
    scattered(g, y, winners)
        .value()
        .require_close(as<float>(Memory().run(MaxPoolError{g}, {operand(y), pooled[1]})[0]));
  }
}

TEST_CASE("poison passes through max-pooling instead of turning into a value") {
  const float poison = std::numeric_limits<float>::quiet_NaN();
  const PoolGeometry pool{1, {1, 2, 4}, {1, 1, 2}, {{2, 2}, {2, 2}, {0, 0}, {0, 0}}};
  const Values y{1, 2, 3, 4, poison, 9, 5, 6};
  const std::vector<OperandBytes> pooled = Memory{}.run(MaxPool{pool}, {operand(y)});
  CHECK(std::isnan(as<float>(pooled[0])[0]));
  CHECK(as<float>(pooled[0])[1] == 6);
  CHECK(as<std::uint8_t>(pooled[1]) == Winners{2, 3});
}

}  // namespace spillway::kernels_test
