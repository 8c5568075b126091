#pragma once

#include <cstdint>
#include <utility>
#include <vector>

namespace spillway::workloads {

/// splitmix64 (Steele, Lea, Flood 2014): the numbers behind initial values, data order, random data
/// and the seeding of the PRNG unit, the same on every platform.
class SplitMix {
 public:
  explicit SplitMix(std::uint64_t state) : state_(state) {}
  std::uint64_t next() {
    std::uint64_t z = (state_ += 0x9e3779b97f4a7c15u);
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
  /// Uniform in [0, 1) with 53 bits.
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }
  /// Uniform below `bound`; the bias of the remainder is below 2^-32 for the sizes used here.
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }
  /// Fisher-Yates.
  template <class Value>
  void shuffle(std::vector<Value>& values) {
    for (std::size_t i = values.size(); i > 1; --i) std::swap(values[i - 1], values[below(i)]);
  }

 private:
  std::uint64_t state_;
};

}  // namespace spillway::workloads
