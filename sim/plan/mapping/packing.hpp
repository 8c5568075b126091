// Addresses of a nest's slots, one against the other.
#pragma once

#include <cstdint>
#include <vector>

#include "sim/plan/lifetimes/live_ranges.hpp"
#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// Words of the buffer from `begin` to before `end`.
struct BufferRange {
  std::uint64_t begin = 0, end = 0;
};

/// Addresses for the slots, each for as long as it is used within the loops' body, and the words
/// up to the highest. Slots whose tensors are resident whole, or streamed, get none. Ranges
/// `taken` by others are left out.
struct Packing {
  std::vector<std::uint64_t> address;
  std::uint64_t words = 0;
  /// The addresses when the packing begins at one.
  std::vector<std::uint64_t> from(std::uint64_t begin) const;
};
Packing pack(const NestSpec& spec, const NestShape& shape, const ResidentPrefixes& resident,
             TakenRanges taken = {});

}  // namespace spillway::sim
