#include "models/lfsr.hpp"

#include <cmath>

#include "workloads/support/splitmix.hpp"

namespace spillway::models {

namespace {

constexpr int degree = 60;
constexpr std::uint64_t state_mask = (std::uint64_t{1} << degree) - 1;
constexpr std::uint64_t polynomial = (std::uint64_t{1} << degree) | 0b11;
constexpr int bits_per_lane = degree / static_cast<int>(Lfsr::words_per_clock);

// a b modulo the polynomial, by Horner's rule from the highest coefficient of b.
constexpr std::uint64_t multiply(std::uint64_t a, std::uint64_t b) {
  std::uint64_t product = 0;
  for (int k = degree - 1; k >= 0; --k) {
    const std::uint64_t carry = product >> (degree - 1);
    product = (product << 1) ^ (polynomial & (0 - carry));
    product ^= a & (0 - ((b >> k) & 1));
  }
  return product;
}

// x^exponent from the powers x^(2^k).
constexpr std::uint64_t power(std::uint64_t base, std::uint64_t exponent) {
  std::uint64_t result = 1;
  for (; exponent != 0; exponent >>= 1) {
    if (exponent & 1) result = multiply(result, base);
    base = multiply(base, base);
  }
  return result;
}

// Entry k moves a register 2^k clocks ahead.
constexpr std::array<std::uint64_t, 64> clock_jumps = [] {
  std::array<std::uint64_t, 64> jumps{};
  jumps[0] = power(0b10, Lfsr::bits_per_clock);
  for (std::size_t k = 1; k < jumps.size(); ++k) jumps[k] = multiply(jumps[k - 1], jumps[k - 1]);
  return jumps;
}();

// The 60 bits of the stream that follow these 60.
std::uint64_t following_bits(std::uint64_t state) {
  const std::uint64_t next = state ^ (state >> 1);
  return next ^ ((next & 1) << (degree - 1));  // the last one needs the first one
}

// The 60 bits of the stream that start where `jump` leads: bit i is the sum of b[k + i] over the
// powers x^k of the jump, because the recurrence holds at every i.
std::uint64_t state_after(std::uint64_t state, std::uint64_t jump) {
  const std::uint64_t following = following_bits(state);
  std::uint64_t result = 0;
  for (int k = 0; k < degree; ++k) {
    const std::uint64_t window = (state >> k) | (following << (degree - k));
    result ^= window & (0 - ((jump >> k) & 1));
  }
  return result & state_mask;
}

// Double the bits that every lane holds, from 6 * step. Squaring the recurrence gives
// b[n + 60 step] = b[n] xor b[n + step] for step 1, 2, 4; in lanes, bit i + 6 step of lane j is bit
// i of lane j xor bit i of lane j + step. Past the last lane, lane j + 10 is lane j one bit later,
// and has been doubled already.
template <std::size_t step>
void double_lanes(std::array<std::uint64_t, Lfsr::words_per_clock>& lanes) {
  constexpr int known = bits_per_lane * static_cast<int>(step);
  constexpr std::uint64_t mask = (std::uint64_t{1} << known) - 1;
  for (std::size_t j = 0; j + step < lanes.size(); ++j) {
    lanes[j] |= ((lanes[j] ^ lanes[j + step]) & mask) << known;
  }
  for (std::size_t j = lanes.size() - step; j < lanes.size(); ++j) {
    lanes[j] |= ((lanes[j] ^ (lanes[j + step - lanes.size()] >> 1)) & mask) << known;
  }
}

}  // namespace

Lfsr::Lfsr(std::uint64_t seed) {
  workloads::SplitMix numbers(seed);
  do {
    first_state_ = numbers.next() & state_mask;
  } while (first_state_ == 0);
  set_state(first_state_);
}

std::array<std::uint32_t, Lfsr::words_per_clock> Lfsr::clock() {
  double_lanes<1>(lanes_);
  double_lanes<2>(lanes_);
  double_lanes<4>(lanes_);
  // 48 bits a lane are known now: 32 of this clock, and the six that start the next one.
  std::array<std::uint32_t, words_per_clock> words;
  for (std::size_t j = 0; j < words_per_clock; ++j) {
    words[j] = static_cast<std::uint32_t>(lanes_[j]);
    lanes_[j] = (lanes_[j] >> 32) & ((1 << bits_per_lane) - 1);
  }
  return words;
}

void Lfsr::seek(std::uint64_t clock) {
  std::uint64_t jump = 1;
  for (std::size_t k = 0; clock != 0; ++k, clock >>= 1) {
    if (clock & 1) jump = multiply(jump, clock_jumps[k]);
  }
  set_state(state_after(first_state_, jump));
}

std::uint64_t Lfsr::state() const {
  std::uint64_t state = 0;
  for (int bit = 0; bit < degree; ++bit) {
    const int lane = bit % static_cast<int>(words_per_clock);
    const int position = bit / static_cast<int>(words_per_clock);
    state |= ((lanes_[lane] >> position) & 1) << bit;
  }
  return state;
}

void Lfsr::set_state(std::uint64_t state) {
  lanes_.fill(0);
  for (int bit = 0; bit < degree; ++bit) {
    const int lane = bit % static_cast<int>(words_per_clock);
    const int position = bit / static_cast<int>(words_per_clock);
    lanes_[lane] |= ((state >> bit) & 1) << position;
  }
}

std::uint64_t lfsr_power_of_x(std::uint64_t exponent) { return power(0b10, exponent); }

float uniform_weight(std::uint32_t word, double a) {
  const double x = (2.0 * word + 1.0 - 0x1p32) * 0x1p-32;  // exact: an odd number of 33 bits
  return static_cast<float>(a * x);
}

double uniform_half_width(double std) { return std * std::sqrt(3.0 / (1.0 - std::pow(4.0, -32))); }

void generate_uniform(std::uint64_t seed, double std, std::uint64_t first_element,
                      std::span<float> out) {
  const double a = uniform_half_width(std);
  Lfsr lfsr(seed);
  lfsr.seek(first_element / Lfsr::words_per_clock);
  std::size_t lane = first_element % Lfsr::words_per_clock;
  for (std::size_t done = 0; done < out.size(); lane = 0) {
    const auto words = lfsr.clock();
    for (; lane < words.size() && done < out.size(); ++lane) {
      out[done++] = uniform_weight(words[lane], a);
    }
  }
}

}  // namespace spillway::models
