// Masks, Gaussian weights and weights with another tensor's signs.
#include "workloads/random_values.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "models/lfsr.hpp"

namespace spillway::random_values_test {

using models::elements_per_clock;
using models::generate_values;
using workloads::Distribution;
using workloads::RandomValues;

namespace {

using Mask = std::vector<std::byte>;
using SignSeed = std::optional<std::uint64_t>;

RandomValues dropping(double dropped) { return {Distribution::mask, 1, dropped}; }
RandomValues uniform(double deviation) { return {Distribution::uniform, deviation, 0}; }
RandomValues gaussian(double deviation) { return {Distribution::gaussian, deviation, 0}; }

Mask mask(double dropped, std::uint64_t seed, std::uint64_t first, std::size_t count) {
  Mask bytes(count, std::byte{0xcc});
  generate_values(dropping(dropped), seed, std::nullopt, first, bytes);
  return bytes;
}

std::vector<float> floats(const RandomValues& values, std::uint64_t seed, SignSeed sign_seed,
                          std::uint64_t first, std::size_t count) {
  std::vector<float> result(count, -99);
  generate_values(values, seed, sign_seed, first, std::as_writable_bytes(std::span(result)));
  return result;
}

/// Mean of the k-th powers.
double moment(const std::vector<float>& values, int k) {
  double sum = 0;
  for (const float value : values) sum += std::pow(static_cast<double>(value), k);
  return sum / static_cast<double>(values.size());
}

double correlation(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum / static_cast<double>(a.size()) / std::sqrt(moment(a, 2) * moment(b, 2));
}

template <class T>
std::vector<T> from(const std::vector<T>& all, std::size_t first) {
  return {all.begin() + static_cast<std::ptrdiff_t>(first), all.end()};
}

constexpr std::size_t many = 500'000;

}  // namespace

TEST_CASE("a mask drops with the nearest multiple of 1/256 of its probability") {
  for (const auto& [dropped, of_256] : std::initializer_list<std::pair<double, int>>{
           {0.5, 128}, {0.25, 64}, {0.75, 192}, {0.2, 51}, {0.9, 230}, {0.99, 253}, {0.004, 1}}) {
    CAPTURE(dropped);
    const double p = of_256 / 256.0, deviation = std::sqrt(p * (1 - p) * many);
    for (const std::uint64_t seed : {0, 1, 77}) {
      const Mask bytes = mask(dropped, seed, 0, many);
      const auto zeros = std::count(bytes.begin(), bytes.end(), std::byte{0});
      const auto ones = std::count(bytes.begin(), bytes.end(), std::byte{1});
      CHECK(zeros + ones == many);
      CHECK(std::abs(static_cast<double>(zeros) - p * many) < 5 * deviation);
    }
  }
}

TEST_CASE("every place of a clock drops with the mask's probability") {
  for (const double dropped : {0.5, 0.25, 0.75, 0.2, 0.9}) {
    CAPTURE(dropped);
    const std::size_t per_clock = elements_per_clock(dropping(dropped)), clocks = 4000;
    const Mask bytes = mask(dropped, 5, 0, per_clock * clocks);
    std::vector<double> zeros(per_clock);
    for (std::size_t i = 0; i < bytes.size(); ++i) zeros[i % per_clock] += bytes[i] == std::byte{0};
    const double p = workloads::dropped_of_256(dropped) / 256.0;
    const double deviation = std::sqrt(p * (1 - p) * static_cast<double>(clocks));
    for (const double count : zeros) {
      CHECK(std::abs(count - p * static_cast<double>(clocks)) < 5 * deviation);
    }
  }
}

TEST_CASE("a mask that drops nothing keeps all and one that drops all keeps nothing") {
  CHECK(mask(0, 3, 17, 1000) == Mask(1000, std::byte{1}));
  CHECK(mask(1, 3, 17, 1000) == Mask(1000, std::byte{0}));
}

TEST_CASE("a clock makes as many mask elements as its bits allow") {
  CHECK(elements_per_clock(dropping(0.5)) == 320);
  CHECK(elements_per_clock(dropping(0.25)) == 160);
  CHECK(elements_per_clock(dropping(0.75)) == 160);
  CHECK(elements_per_clock(dropping(0.2)) == 40);
  CHECK(elements_per_clock(dropping(0.9)) == 40);
  CHECK(elements_per_clock(uniform(1)) == 10);
  CHECK(elements_per_clock(gaussian(1)) == 10);
}

TEST_CASE("mask elements are the fields of the words from the low bits of word 0 up") {
  struct Case {
    double dropped;
    std::uint32_t bits, threshold;
  };
  for (const Case& c : {Case{0.5, 1, 1}, Case{0.25, 2, 1}, Case{0.75, 2, 3}, Case{0.2, 8, 51}}) {
    CAPTURE(c.dropped);
    models::Lfsr lfsr(9);
    lfsr.seek(1234);
    Mask expected;
    for (const std::uint32_t word : lfsr.clock()) {
      for (std::uint32_t at = 0; at < 32; at += c.bits) {
        expected.push_back(std::byte{((word >> at) & ((1u << c.bits) - 1)) >= c.threshold});
      }
    }
    CHECK(mask(c.dropped, 9, 1234 * expected.size(), expected.size()) == expected);
  }
}

TEST_CASE("generated tensors may be started at any element") {
  for (const double dropped : {0.5, 0.25, 0.75, 0.2, 0.9}) {
    const Mask all = mask(dropped, 4, 0, 700);
    for (std::size_t first = 0; first <= all.size(); ++first) {
      REQUIRE(mask(dropped, 4, first, all.size() - first) == from(all, first));
    }
  }
  for (const RandomValues& values : {uniform(0.05), gaussian(0.05)}) {
    for (const SignSeed sign_seed : {SignSeed(), SignSeed(8)}) {
      const auto all = floats(values, 4, sign_seed, 0, 2500);
      for (std::size_t first = 0; first <= all.size(); first += first < 30 ? 1 : 31) {
        REQUIRE(floats(values, 4, sign_seed, first, all.size() - first) == from(all, first));
      }
    }
  }
  const std::uint64_t far = std::uint64_t{1} << 40;  // an element beyond 32 bits
  CHECK(mask(0.2, 4, far + 1, 99) == from(mask(0.2, 4, far, 100), 1));
  CHECK(mask(0.2, 4, far, 100) != mask(0.2, 4, 0, 100));
}

TEST_CASE("Gaussian weights have the moments of a sum of four bytes") {
  for (const double deviation : {1.0, 0.05}) {
    auto values = floats(gaussian(deviation), 12, std::nullopt, 0, many);
    for (float& value : values) value = static_cast<float>(value / deviation);
    const double root = std::sqrt(static_cast<double>(many));
    // Five standard errors; the sixth moment is 10.9 and the eighth 55.8.
    CHECK(std::abs(moment(values, 1)) < 5 / root);
    CHECK(std::abs(moment(values, 2) - 1) < 5 * std::sqrt(2.7 - 1) / root);
    CHECK(std::abs(moment(values, 3)) < 5 * std::sqrt(10.9) / root);
    CHECK(std::abs(moment(values, 4) - 2.7) < 5 * std::sqrt(55.8 - 2.7 * 2.7) / root);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    CHECK(*most <= 3.451f);  // 510 / sqrt(4 (256^2 - 1) / 12)
    CHECK(*least >= -3.451f);
    CHECK(*most > 3.2f);
  }
}

TEST_CASE("a Gaussian weight counts all four bytes alike and is negated by complementing") {
  const double unit = 1 / std::sqrt(4 * 65535.0 / 12);
  CHECK(models::gaussian_weight(0, 1) == static_cast<float>(-510 * unit));
  CHECK(models::gaussian_weight(0x7f80ff00, 1) == 0);
  for (const std::uint32_t word : {0x00000001u, 0x00000100u, 0x00010000u, 0x01000000u}) {
    CHECK(models::gaussian_weight(word, 2) == static_cast<float>(2 * -509 * unit));
  }
  for (const std::uint32_t word : {0x12345678u, 0xdeadbeefu, 0xffffffffu}) {
    CHECK(models::gaussian_weight(~word, 0.37) == -models::gaussian_weight(word, 0.37));
  }
}

TEST_CASE("a sign seed gives the signs and the seed the magnitudes") {
  for (const RandomValues& values : {uniform(0.3), gaussian(0.3)}) {
    for (const std::uint64_t first : {0, 1, 7, 1023, 123'456'789}) {
      CAPTURE(first);
      const auto own = floats(values, 21, std::nullopt, first, 3000);
      const auto signs = floats(values, 22, std::nullopt, first, 3000);
      const auto both = floats(values, 21, 22, first, 3000);
      std::size_t wrong = 0, negated = 0;
      for (std::size_t i = 0; i < both.size(); ++i) {
        const float sign = static_cast<float>((signs[i] > 0) - (signs[i] < 0));
        wrong += both[i] != std::abs(own[i]) * sign;
        negated += both[i] == -own[i];
      }
      CHECK(wrong == 0);
      CHECK(negated > 1000);
      CHECK(floats(values, 21, 21, first, 3000) == own);
    }
  }
}

TEST_CASE("a value whose sign stream is 0 is 0 itself") {
  const auto signs = floats(gaussian(1), 31, std::nullopt, 0, many);
  const auto both = floats(gaussian(1), 30, 31, 0, many);
  std::size_t zeros = 0, wrong = 0;
  for (std::size_t i = 0; i < many; ++i) {
    zeros += signs[i] == 0;
    wrong += signs[i] == 0 && both[i] != 0;
  }
  CHECK(zeros > 500);  // 0.26 % of all sums of four bytes are 510
  CHECK(wrong == 0);
}

TEST_CASE("weights with another tensor's signs correlate with it by the mean magnitudes squared") {
  // (E|w|)^2 / E w^2: 3/4 when uniform, 0.6533 of a sum of four uniform ones.
  const auto both = floats(uniform(1), 41, 42, 0, many);
  CHECK(std::abs(correlation(both, floats(uniform(1), 42, {}, 0, many)) - 0.75) < 0.005);
  CHECK(std::abs(correlation(both, floats(uniform(1), 41, {}, 0, many))) < 0.01);
  const auto bell = floats(gaussian(1), 41, 42, 0, many);
  CHECK(std::abs(correlation(bell, floats(gaussian(1), 42, {}, 0, many)) - 0.6533) < 0.005);
  CHECK(std::sqrt(moment(both, 2)) == doctest::Approx(1).epsilon(0.005));
}

}  // namespace spillway::random_values_test
