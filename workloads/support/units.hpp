// Words, bytes, MACs, cycles and picoseconds as different types: a function that takes words cannot
// be given bytes. Arithmetic is 64-bit and checked; overflow and negative results throw.
#pragma once

#include <compare>
#include <cstdint>
#include <stdexcept>

namespace spillway::workloads {

template <class Tag>
class Quantity {
 public:
  constexpr Quantity() = default;
  constexpr explicit Quantity(std::uint64_t count) : count_(count) {}

  constexpr std::uint64_t count() const { return count_; }
  constexpr auto operator<=>(const Quantity&) const = default;

  constexpr Quantity& operator+=(Quantity other) {
    if (__builtin_add_overflow(count_, other.count_, &count_)) {
      throw std::overflow_error("a 64-bit counter overflowed");
    }
    return *this;
  }
  constexpr Quantity& operator-=(Quantity other) {
    if (__builtin_sub_overflow(count_, other.count_, &count_)) {
      throw std::overflow_error("a counter would become negative");
    }
    return *this;
  }
  constexpr Quantity& operator*=(std::uint64_t factor) {
    if (__builtin_mul_overflow(count_, factor, &count_)) {
      throw std::overflow_error("a 64-bit counter overflowed");
    }
    return *this;
  }
  friend constexpr Quantity operator+(Quantity a, Quantity b) { return a += b; }
  friend constexpr Quantity operator-(Quantity a, Quantity b) { return a -= b; }
  friend constexpr Quantity operator*(Quantity a, std::uint64_t factor) { return a *= factor; }
  friend constexpr Quantity operator*(std::uint64_t factor, Quantity a) { return a *= factor; }

 private:
  std::uint64_t count_ = 0;
};

using Words = Quantity<struct WordsTag>;              ///< 32-bit words
using Bytes = Quantity<struct BytesTag>;              ///< 8-bit bytes
using Macs = Quantity<struct MacsTag>;                ///< multiply-accumulate operations
using Cycles = Quantity<struct CyclesTag>;            ///< cycles of the compute array's clock
using Picoseconds = Quantity<struct PicosecondsTag>;  ///< simulated time

inline constexpr std::uint64_t bytes_per_word = 4;

/// Whole words that hold `bytes`: rounded up.
constexpr Words words_of(Bytes bytes) {
  return Words((bytes + Bytes(bytes_per_word - 1)).count() / bytes_per_word);
}
constexpr Bytes bytes_of(Words words) { return Bytes((words * bytes_per_word).count()); }

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return a / b + (a % b != 0); }

/// a * b for sizes that come from a file. Throws std::overflow_error.
constexpr std::uint64_t checked_product(std::uint64_t a, std::uint64_t b) {
  return (Macs(a) * b).count();
}

namespace literals {
constexpr Words operator""_words(unsigned long long n) { return Words(n); }
constexpr Bytes operator""_B(unsigned long long n) { return Bytes(n); }
constexpr Bytes operator""_KiB(unsigned long long n) { return Bytes(1024) * n; }
constexpr Bytes operator""_MiB(unsigned long long n) { return Bytes(1024 * 1024) * n; }
constexpr Macs operator""_macs(unsigned long long n) { return Macs(n); }
constexpr Cycles operator""_cycles(unsigned long long n) { return Cycles(n); }
constexpr Picoseconds operator""_ps(unsigned long long n) { return Picoseconds(n); }
}  // namespace literals

}  // namespace spillway::workloads
