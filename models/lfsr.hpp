// The pseudo-random number generator from which a device makes weights that it never stores: one
// linear feedback shift register of 60 bits that gives 320 bits, ten 32-bit words, a clock.
//
// The bit stream obeys b[n + 60] = b[n] xor b[n + 1] (characteristic polynomial x^60 + x + 1, which
// is primitive: the stream repeats after 2^60 - 1 bits). Clock t gives b[320 t] ... b[320 t + 319],
// interleaved: bit i of word j is b[320 t + 10 i + j]. Taking 32 consecutive bits for a word
// instead would make every word the xor of two earlier ones, which shows in the signs of the
// weights. In hardware: 60 flip-flops and about 610 two-input xor gates, wired as a leap of 320
// bits.
//
// The state at any clock is a known power of x away from the first one, so that any element of a
// generated tensor can be reached without the ones before it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>

#include "workloads/random_values.hpp"

namespace spillway::models {

class Lfsr {
 public:
  static constexpr std::size_t words_per_clock = 10;
  static constexpr std::uint64_t bits_per_clock = 32 * words_per_clock;

  /// Any seed is good, zero too: the state is the first output of splitmix64 on the seed whose low
  /// 60 bits are not all zero, cut to those bits. Starts at clock 0.
  explicit Lfsr(std::uint64_t seed);

  /// The ten words of the next clock.
  std::array<std::uint32_t, words_per_clock> clock();

  /// Go to clock number `clock`, counted from the seed: the next call of clock() gives its words.
  /// Takes one polynomial product for each bit set in `clock`, about 0.1 us of host time each.
  void seek(std::uint64_t clock);

  /// The next 60 bits of the stream: bit i is b[320 t + i] for the next clock t.
  std::uint64_t state() const;

 private:
  void set_state(std::uint64_t state);

  std::uint64_t first_state_;
  std::array<std::uint64_t, words_per_clock> lanes_;  // bit i of lane j is state bit 10 i + j
};

/// x^exponent modulo x^60 + x + 1 over GF(2); bit k is the coefficient of x^k. A register moves
/// `exponent` bits ahead by this polynomial, so the order of x is the period of the stream.
std::uint64_t lfsr_power_of_x(std::uint64_t exponent);

/// A word as a weight, uniform between -a and a and never zero: a (2 word + 1 - 2^32) / 2^32,
/// computed in double and rounded once.
float uniform_weight(std::uint32_t word, double a);

/// The `a` above that gives weights this standard deviation: std sqrt(3 / (1 - 4^-32)).
double uniform_half_width(double std);

/// Fill `out` with elements first_element, first_element + 1, ... of the endless tensor of uniform
/// weights that `seed` stands for; `std` is their standard deviation. Element e is word e mod 10 of
/// clock e div 10, whatever the shape of the tensor.
void generate_uniform(std::uint64_t seed, double std, std::uint64_t first_element,
                      std::span<float> out);

/// A word as a weight of standard deviation `std`, nearly normal: its four bytes b, each uniform on
/// 0 … 255, as (sum b - 510) / sqrt(4 (256^2 - 1) / 12). Kurtosis 2.7; complementing the word
/// negates it.
float gaussian_weight(std::uint32_t word, double std);

/// Fill `bytes` with elements first_element, first_element + 1, ... of the endless tensor that the
/// seed stands for: floats, or mask bytes. A mask takes one bit of the stream an element where half
/// are dropped, two where a quarter or three quarters are, and eight otherwise; element e is field
/// e mod n of clock e div n, with n fields a clock, from the low bits of word 0 up. With
/// `sign_seed`, a second register runs beside the first, and a value whose sign is not that of the
/// second register's value is negated (its word complemented); where that value is 0, so is this.
void generate_values(const workloads::RandomValues& values, std::uint64_t seed,
                     std::optional<std::uint64_t> sign_seed, std::uint64_t first_element,
                     std::span<std::byte> bytes);

/// Elements that the unit makes in a clock.
std::uint64_t elements_per_clock(const workloads::RandomValues& values);

}  // namespace spillway::models
