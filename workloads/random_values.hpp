// Values that nobody stores: what they are. How they are made is the PRNG unit's business
// (models/lfsr.hpp).
#pragma once

#include <cmath>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>

#include "workloads/support/names.hpp"

namespace spillway::workloads {

enum class Distribution {
  uniform,   ///< floats, zero mean
  gaussian,  ///< floats, zero mean (a sum of four uniform bytes)
  mask       ///< bytes: 1 where a neuron is kept, 0 where it is dropped
};

inline constexpr Names<Distribution, 3> distribution_names{{
    {Distribution::uniform, "uniform"},
    {Distribution::gaussian, "gaussian"},
    {Distribution::mask, "mask"},
}};
/// Those that experiments choose from, of random weights.
inline constexpr Names<Distribution, 2> weight_distribution_names{
    {distribution_names[0], distribution_names[1]}};

struct RandomValues {
  Distribution distribution = Distribution::uniform;
  double standard_deviation = 1;  ///< of floats
  double dropped = 0;             ///< of a mask: the probability of a 0
};

/// A byte of randomness is compared with this many 256ths: a mask's probability of a 0 is the
/// nearest multiple of 1/256.
inline int dropped_of_256(double dropped) { return static_cast<int>(std::lround(dropped * 256)); }
/// Whether masks can have that probability, and not only about it.
inline bool is_dropout(double dropped) {
  return dropped == 0 || (dropped >= 0.004 && dropped <= 0.95);
}
/// What kept neurons are multiplied with. The mean stays, but for the rounding of `dropped` in
/// masks.
inline float dropout_scale(double dropped) { return static_cast<float>(1 / (1 - dropped)); }

/// Fills a generated tensor from its seed. With `sign_seed`, magnitudes come from `seed` and signs
/// from the values that `sign_seed` stands for.
using ValueGenerator =
    std::function<void(const RandomValues& values, std::uint64_t seed,
                       std::optional<std::uint64_t> sign_seed, std::span<std::byte> bytes)>;

}  // namespace spillway::workloads
