#include "models/lfsr.hpp"

#include <algorithm>
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

float gaussian_weight(std::uint32_t word, double std) {
  int sum = 0;
  for (int byte = 0; byte < 4; ++byte) sum += static_cast<int>((word >> (8 * byte)) & 0xff);
  return static_cast<float>(std * (sum - 510) / std::sqrt(4 * 65535.0 / 12));
}

namespace {

using workloads::Distribution;
using workloads::RandomValues;

/// Bits of the stream that one element of a mask takes.
int mask_bits(const RandomValues& values) {
  const int dropped = workloads::dropped_of_256(values.dropped);
  if (dropped % 128 == 0) return 1;
  return dropped % 64 == 0 ? 2 : 8;
}

/// Calls `visit` with each word from element `first` on, `per_clock` of them a clock.
template <class Visit>
void for_each_clock(Lfsr& lfsr, std::uint64_t first, std::uint64_t count, std::uint64_t per_clock,
                    Visit visit) {
  lfsr.seek(first / per_clock);
  std::uint64_t lane = first % per_clock;
  for (std::uint64_t done = 0; done < count; lane = 0) {
    const auto words = lfsr.clock();
    for (; lane < per_clock && done < count; ++lane) visit(done++, lane, words);
  }
}

void generate_mask(const RandomValues& values, std::uint64_t seed, std::uint64_t first,
                   std::span<std::byte> mask) {
  const int bits = mask_bits(values);
  const auto threshold =
      static_cast<std::uint32_t>(workloads::dropped_of_256(values.dropped) >> (8 - bits));
  const std::uint64_t per_word = 32u / static_cast<unsigned>(bits);
  Lfsr lfsr(seed);
  for_each_clock(lfsr, first, mask.size(), elements_per_clock(values),
                 [&](std::uint64_t i, std::uint64_t lane, const auto& words) {
                   const std::uint32_t field =
                       words[lane / per_word] >> (lane % per_word * static_cast<unsigned>(bits)) &
                       ((1u << bits) - 1);
                   mask[i] = std::byte{field >= threshold};
                 });
}

void generate_gaussian(std::uint64_t seed, double std, std::uint64_t first, std::span<float> out) {
  Lfsr lfsr(seed);
  for_each_clock(lfsr, first, out.size(), Lfsr::words_per_clock,
                 [&](std::uint64_t i, std::uint64_t lane, const auto& words) {
                   out[i] = gaussian_weight(words[lane], std);
                 });
}

void generate_floats(const RandomValues& values, std::uint64_t seed, std::uint64_t first,
                     std::span<float> out) {
  if (values.distribution == Distribution::gaussian) {
    generate_gaussian(seed, values.standard_deviation, first, out);
  } else {
    generate_uniform(seed, values.standard_deviation, first, out);
  }
}

}  // namespace

std::uint64_t elements_per_clock(const RandomValues& values) {
  if (values.distribution != Distribution::mask) return Lfsr::words_per_clock;
  return Lfsr::bits_per_clock / static_cast<unsigned>(mask_bits(values));
}

void generate_values(const RandomValues& values, std::uint64_t seed,
                     std::optional<std::uint64_t> sign_seed, std::uint64_t first_element,
                     std::span<std::byte> bytes) {
  if (values.distribution == Distribution::mask) {
    generate_mask(values, seed, first_element, bytes);
    return;
  }
  const std::span<float> out(reinterpret_cast<float*>(bytes.data()), bytes.size() / sizeof(float));
  generate_floats(values, seed, first_element, out);
  if (!sign_seed) return;
  std::array<float, 1024> signs;
  for (std::size_t done = 0; done < out.size(); done += signs.size()) {
    const std::size_t count = std::min(signs.size(), out.size() - done);
    generate_floats(values, *sign_seed, first_element + done, {signs.data(), count});
    for (std::size_t i = 0; i < count; ++i) {
      const float magnitude = std::abs(out[done + i]);
      out[done + i] = signs[i] == 0 ? 0 : std::copysign(magnitude, signs[i]);
    }
  }
}

}  // namespace spillway::models
