// Starting values of parameters and seeds.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/network.hpp"
#include "workloads/step.hpp"

namespace spillway::workloads {

/// splitmix64 (Steele, Lea, Flood 2014): the numbers behind initial values and data order, the same
/// on every platform.
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

 private:
  std::uint64_t state_;
};

/// A stream of its own for each purpose, so that one does not disturb another.
SplitMix stream(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index = 0);

/// Initial bytes of an `input` or `parameter` tensor: weights and biases uniform in
/// ±1/sqrt(fan_in), optimizer state zero, each layer's classifier seed its own 32 bits. The same
/// seed gives the same tensor under every rule. Images and labels are left as they are.
void initialise(const Network& network, const Tensor& tensor, std::uint64_t seed,
                std::span<std::byte> bytes);

}  // namespace spillway::workloads
