// Starting values of parameters and seeds.
#pragma once

#include <cstdint>
#include <span>

#include "workloads/network.hpp"
#include "workloads/step.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::workloads {

/// A stream of its own for each purpose, so that one does not disturb another.
SplitMix stream(std::uint64_t seed, std::uint64_t purpose, std::uint64_t index = 0);

/// Initial bytes of an `input` or `parameter` tensor: weights and biases uniform in
/// ±1/sqrt(fan_in), trained classifiers in ±sqrt(6 / (features + classes)), optimizer state zero,
/// batch-norm the identity, each seed its own 32 bits. The same seed gives the same tensor under
/// every rule. Images and labels are left as they are.
void initialise(const Network& network, const Tensor& tensor, std::uint64_t seed,
                std::span<std::byte> bytes);

}  // namespace spillway::workloads
