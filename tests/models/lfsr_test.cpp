#include "models/lfsr.hpp"

#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <cstdint>
#include <numeric>
#include <vector>

namespace spillway::lfsr_test {

using spillway::models::generate_uniform;
using spillway::models::Lfsr;
using spillway::models::lfsr_power_of_x;
using spillway::models::uniform_half_width;
using spillway::models::uniform_weight;

namespace {

using Words10 = std::array<std::uint32_t, 10>;

constexpr std::uint64_t full_period = (std::uint64_t{1} << 60) - 1;

std::vector<float> uniform_weights(std::uint64_t seed, std::uint64_t first, std::size_t count) {
  std::vector<float> weights(count);
  generate_uniform(seed, 0.05, first, weights);
  return weights;
}

// The stream by its definition, a bit at a time.
std::vector<std::uint64_t> stream_bits(std::uint64_t state, std::size_t count) {
  std::vector<std::uint64_t> bits;
  for (std::size_t n = 0; n < count; ++n) {
    bits.push_back(n < 60 ? (state >> n) & 1 : bits[n - 60] ^ bits[n - 59]);
  }
  return bits;
}

}  // namespace

TEST_CASE("the LFSR reproduces the published words of seed 1") {
  Lfsr lfsr(1);
  CHECK(lfsr.state() == 0x10a2dec89025cc1);
  CHECK(lfsr.clock() == Words10{0xddec1e53, 0x729bae2a, 0x3351c092, 0x5f9c8790, 0x86e2f58e,
                                0x00f97e58, 0x88fa9ba1, 0xdad971cf, 0x41b21408, 0x90b4dc58});
  CHECK(lfsr.clock() == Words10{0x0a5b0eeb, 0x727262d0, 0xcfbbab5b, 0x508545f6, 0x15c750e1,
                                0x3d904da2, 0xe1660c94, 0xcee394a6, 0x59d81af4, 0x64bf7a9f});
  for (int t = 2; t < 1000; ++t) lfsr.clock();
  const Words10 words = lfsr.clock();
  CHECK(words[0] == 0x6bffefee);
  CHECK(words[1] == 0xf6501051);
  CHECK(words[2] == 0xb5895010);
  CHECK(words[3] == 0x035f7550);
}

TEST_CASE("the LFSR's words interleave the bits of the recurrence") {
  for (const std::uint64_t seed : {0ull, 2ull, 0xfeedfacecafebeefull}) {
    Lfsr lfsr(seed);
    const auto bits = stream_bits(lfsr.state(), 320 * 20);
    for (std::size_t t = 0; t < 20; ++t) {
      Words10 expected{};
      for (std::size_t j = 0; j < 10; ++j) {
        for (std::size_t i = 0; i < 32; ++i) {
          expected[j] |= static_cast<std::uint32_t>(bits[320 * t + 10 * i + j]) << i;
        }
      }
      CHECK(lfsr.clock() == expected);
    }
  }
}

TEST_CASE("seeking an LFSR equals clocking it there") {
  Lfsr stepped(77);
  Lfsr sought(77);
  for (std::uint64_t t = 0; t < 3000; ++t) {
    if (t % 7 == 0 || t < 70) {
      sought.seek(t);
      REQUIRE(sought.state() == stepped.state());
      Lfsr copy = stepped;
      REQUIRE(sought.clock() == copy.clock());
    }
    stepped.clock();
  }
}

TEST_CASE("an LFSR seeks back and far ahead") {
  Lfsr lfsr(3);
  const std::uint64_t first = lfsr.state();
  const std::uint64_t clocks_of_period = full_period / 5;  // gcd(320, 2^60 - 1) = 5
  for (const std::uint64_t far :
       {std::uint64_t{1} << 40, clocks_of_period - 1, ~std::uint64_t{0}}) {
    lfsr.seek(far);
    lfsr.clock();
    const std::uint64_t after_far = lfsr.state();
    lfsr.seek(0);
    CHECK(lfsr.state() == first);
    lfsr.seek((far % clocks_of_period + 1) % clocks_of_period);
    CHECK(lfsr.state() == after_far);
  }
  lfsr.seek(clocks_of_period);
  CHECK(lfsr.state() == first);
}

TEST_CASE("the LFSR's polynomial is primitive: its stream has the full period") {
  CHECK(lfsr_power_of_x(0) == 1);
  CHECK(lfsr_power_of_x(59) == std::uint64_t{1} << 59);
  CHECK(lfsr_power_of_x(60) == 0b11);
  CHECK(lfsr_power_of_x(full_period) == 1);
  std::uint64_t rest = full_period;
  for (const std::uint64_t prime : {3, 5, 7, 11, 13, 31, 41, 61, 151, 331, 1321}) {
    CAPTURE(prime);
    CHECK(lfsr_power_of_x(full_period / prime) != 1);
    while (rest % prime == 0) rest /= prime;
  }
  CHECK(rest == 1);
}

TEST_CASE("a uniform weight is symmetric, never zero and rounded once") {
  CHECK(uniform_weight(0, 1.0) == -1.0f);  // -1 + 2^-32 rounds to -1
  CHECK(uniform_weight(0xffffffff, 1.0) == 1.0f);
  CHECK(uniform_weight(0x80000000, 1.0) == 0x1p-32f);
  CHECK(uniform_weight(0x7fffffff, 1.0) == -0x1p-32f);
  for (const std::uint32_t word : {0x00000001u, 0x12345678u, 0xdeadbeefu}) {
    CHECK(uniform_weight(~word, 0.37) == -uniform_weight(word, 0.37));
  }
  // 2 u + 1 - 2^32 = 2^24 + 1, halfway between two floats: the factor decides, not the word.
  const std::uint32_t halfway = 0x80800000;
  CHECK(uniform_weight(halfway, 3.0) == static_cast<float>(3.0 * 16777217.0 * 0x1p-32));
  CHECK(uniform_weight(halfway, 3.0) != 3.0f * static_cast<float>(16777217.0 * 0x1p-32));
}

TEST_CASE("uniform weights have the mean and the standard deviation asked for") {
  CHECK(uniform_half_width(0.05) == doctest::Approx(0.05 * std::sqrt(3.0)).epsilon(1e-15));
  const auto weights = uniform_weights(11, 0, 1'000'000);
  const double count = static_cast<double>(weights.size());
  const double mean = std::accumulate(weights.begin(), weights.end(), 0.0) / count;
  double squares = 0;
  for (const float weight : weights) squares += static_cast<double>(weight) * weight;
  CHECK(std::abs(mean) < 4 * 0.05 / 1000);  // four standard errors
  CHECK(std::sqrt(squares / count) == doctest::Approx(0.05).epsilon(0.002));
}

TEST_CASE("generating from the middle gives the tail of generating from the start") {
  const auto all = uniform_weights(5, 0, 257);
  for (std::size_t first = 0; first < all.size(); ++first) {
    const std::vector<float> tail(all.begin() + static_cast<std::ptrdiff_t>(first), all.end());
    REQUIRE(uniform_weights(5, first, tail.size()) == tail);
  }
  const std::vector<float> middle(all.begin() + 13, all.begin() + 18);  // within one clock
  CHECK(uniform_weights(5, 13, 5) == middle);
  CHECK(uniform_weights(5, 13, 0).empty());
  CHECK(uniform_weights(6, 0, 257) != all);
}

TEST_CASE("element e of generated weights is word e mod 10 of clock e div 10") {
  Lfsr lfsr(9);
  lfsr.seek(123'456'789);
  const Words10 words = lfsr.clock();
  CHECK(uniform_weights(9, 1'234'567'897, 1).front() ==
        uniform_weight(words[7], uniform_half_width(0.05)));
}

}  // namespace spillway::lfsr_test
