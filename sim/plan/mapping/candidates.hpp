// The loop nests of which one is to be chosen for some operations.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "models/compute_array.hpp"
#include "sim/plan/mapping/nest_builder.hpp"

namespace spillway::sim {

/// Nests of which any one does the work.
using NestChoice = std::vector<NestSpec>;
NestChoice choice_of(const NestBuilder& builder, NestRequest request);
/// The one that moves the fewest words in a buffer of `words`, with no resident tensors.
std::optional<Nest> choose(const NestChoice& choice, std::uint64_t words,
                           const models::ComputeArray& array);

}  // namespace spillway::sim
