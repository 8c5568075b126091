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

#include "models/engine_times.hpp"
#include "models/tile.hpp"
#include "workloads/kernels/kernel.hpp"

namespace spillway::models {

/// A tile at its place in the on-chip buffer (bytes from the start of the buffer).
struct BufferedTile {
  Tile tile;
  std::uint64_t address = 0;
};

/// An operand of a kernel: a resident tile, or a part of one.
struct TileView {
  BufferedTile tile;
  Tile part;  ///< a box of the same tensor within the tile's

  TileView(const BufferedTile& whole) : tile(whole), part(whole.tile) {}
  TileView(const BufferedTile& resident, const Tile& box) : tile(resident), part(box) {}
  bool is_whole() const { return part == tile.tile; }
};

/// An operand that never stands in the buffer: random values that the PRNG unit makes while the
/// kernel takes them. They are those that a Generate of the same tile makes.
struct Streamed {
  Tile tile;
  BufferedTile seed;
  std::optional<BufferedTile> sign_seed;
  workloads::RandomValues values;
};

using Input = std::variant<TileView, Streamed>;

/// Which line of the ledger a transfer is counted under; the meaning is the planner's.
using LedgerLabel = std::uint32_t;

/// Whom an instruction's time is counted for; the meaning is its maker's. 0: nobody in particular.
using WorkLabel = std::uint32_t;

/// Bring a tile in from its tensor's port.
struct Load {
  BufferedTile tile;
  LedgerLabel label = 0;
  WorkLabel work = 0;
};
/// Write a changed tile back; it stays resident and is clean afterwards.
struct Store {
  BufferedTile tile;
  LedgerLabel label = 0;
  WorkLabel work = 0;
};
/// Make a tile of random values from the 32-bit seed in `seed`; signs from `sign_seed` when given.
struct Generate {
  BufferedTile tile, seed;
  std::optional<BufferedTile> sign_seed;
  workloads::RandomValues values;
  WorkLabel work = 0;
};
/// Run a kernel. An output whose tile is not resident makes the tile, which holds poison where the
/// kernel writes nothing; one whose tile is resident is changed in place, and one that the kernel
/// adds to has to be. A part is as large as the kernel's operand; all inputs are read before any
/// output is written.
struct Compute {
  workloads::Kernel kernel;
  std::vector<Input> inputs;
  std::vector<TileView> outputs;
  bool counted_apart = false;  ///< its MACs are those of the readout
  WorkLabel work = 0;
};
/// Give up a tile's space. A changed tile must be stored first, or given up on purpose.
struct Free {
  BufferedTile tile;
  bool discard = false;
};

using Instruction = std::variant<Load, Store, Generate, Compute, Free>;

/// Pulled one instruction at a time, so that it need never be held whole; empty at the end.
using Program = std::function<std::optional<Instruction>()>;

/// The engine that does it; none for a free.
std::optional<EngineKind> engine_of(const Instruction& instruction);
/// 0 for a free.
WorkLabel work_of(const Instruction& instruction);

/// "load conv1.weights", for messages.
std::string describe(const Instruction& instruction, const MemoryMap& map);

}  // namespace spillway::models
