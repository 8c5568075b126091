// The device's instruction set. A Program is a linear list of load, store, generate, compute and
// free on tiles, in order, with nothing implicit but this: a load, a generate and a compute reserve
// the space of the tiles that they make, at the address given.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "models/tile.hpp"
#include "workloads/kernels/kernel.hpp"

namespace spillway::models {

/// A tile at its place in the on-chip buffer (bytes from the start of the buffer).
struct BufferedTile {
  Tile tile;
  std::uint64_t address = 0;
};

/// Which line of the ledger a transfer is counted under; the meaning is the planner's.
using LedgerLabel = std::uint32_t;

/// Bring a tile in from its tensor's port.
struct Load {
  BufferedTile tile;
  LedgerLabel label = 0;
};
/// Write a changed tile back; it stays resident and is clean afterwards.
struct Store {
  BufferedTile tile;
  LedgerLabel label = 0;
};
/// Make a tile of random values from the 32-bit seed in `seed`; signs from `sign_seed` when given.
struct Generate {
  BufferedTile tile, seed;
  std::optional<BufferedTile> sign_seed;
  workloads::RandomValues values;
};
/// Run a kernel. An output that is not resident is made; one that is, is changed in place.
struct Compute {
  workloads::Kernel kernel;
  std::vector<BufferedTile> inputs, outputs;
  bool counted_apart = false;  ///< its MACs are those of the readout
};
/// Give up a tile's space. A changed tile must be stored first, or given up on purpose.
struct Free {
  BufferedTile tile;
  bool discard = false;
};

using Instruction = std::variant<Load, Store, Generate, Compute, Free>;

/// Pulled one instruction at a time, so that it need never be held whole; empty at the end.
using Program = std::function<std::optional<Instruction>()>;

/// "load conv1.weights", for messages.
std::string describe(const Instruction& instruction, const MemoryMap& map);

}  // namespace spillway::models
