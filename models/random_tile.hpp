// Tiles of random values, as the PRNG unit makes them for a box of a tensor.
#pragma once

#include <cstdint>
#include <optional>
#include <span>

#include "models/tile.hpp"
#include "workloads/random_values.hpp"

namespace spillway::models {

using workloads::Cycles;

/// The unit starts anew for every run of the tile: clocks that touch a run are counted whole.
struct RandomWork {
  Cycles clocks;
  Words words;
};
RandomWork random_work(const Tile& tile, const TensorPlacement& place,
                       const workloads::RandomValues& values);

/// The tile's values, packed into `bytes`.
void make_random_tile(const Tile& tile, const TensorPlacement& place,
                      const workloads::RandomValues& values, std::uint64_t seed,
                      std::optional<std::uint64_t> sign_seed, std::span<std::byte> bytes);

}  // namespace spillway::models
