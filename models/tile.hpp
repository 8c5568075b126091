// Tiles: boxes of tensors, the unit of transfer and of residency; and where tensors lie in memory.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "models/layout.hpp"
#include "workloads/step.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;
using workloads::TensorId;
using workloads::TensorShape;
using workloads::Words;

using workloads::Box;
using workloads::largest_rank;
using workloads::Range;

/// A box of a tensor of up to five dimensions; ranges past the tensor's rank are [0, 1).
struct Tile {
  TensorId tensor = 0;
  Box box{};

  std::uint64_t elements() const;
  auto operator<=>(const Tile&) const = default;
};

/// Whether two boxes of one tensor have an element in common.
bool overlap(const Tile& a, const Tile& b);
/// Whether `part` is a box of the same tensor, not empty, within `tile`.
bool contains(const Tile& tile, const Tile& part);

/// The tile that is all of a tensor. Throws ProgramError for a rank above four.
Tile whole_tensor(TensorId tensor, const TensorShape& shape);

/// A contiguous piece of a tile, in bytes from the tensor's first element.
struct Run {
  std::uint64_t offset;
  Bytes size;
};

/// How a tile falls into runs, each as long as it can be: a run takes in every trailing dimension
/// that the box covers whole, and the one before those.
struct RunShape {
  std::array<std::uint64_t, largest_rank> stride;  ///< in elements of the tensor
  std::size_t inner = largest_rank - 1;            ///< first dimension within a run
  std::uint64_t elements = 1;                      ///< of a run

  RunShape(const Tile& tile, std::span<const std::int64_t> shape);
};

/// Visit the runs of a tile within a plain row-major tensor, in order.
template <class Visit>
void for_each_run(const Tile& tile, std::span<const std::int64_t> shape, Bytes element,
                  Visit visit) {
  const RunShape run(tile, shape);
  const Bytes size = element * run.elements;
  std::array<std::int64_t, largest_rank> at{};
  std::uint64_t offset = 0;  // of the run, in elements
  for (std::size_t i = 0; i < largest_rank; ++i) {
    at[i] = tile.box[i].begin;
    offset += static_cast<std::uint64_t>(at[i]) * run.stride[i];
  }
  while (true) {
    visit(Run{offset * element.count(), size});
    std::size_t i = run.inner;
    for (; i > 0; --i) {
      const Range& range = tile.box[i - 1];
      offset += run.stride[i - 1];
      if (++at[i - 1] < range.end) break;
      offset -= static_cast<std::uint64_t>(range.size()) * run.stride[i - 1];
      at[i - 1] = range.begin;
    }
    if (i == 0) return;
  }
}

/// Words and bytes that moving a tile takes: a run's bytes / 4, rounded up once per run.
struct TileSize {
  Words words;
  Bytes bytes;
};
TileSize tile_size(const Tile& tile, const TensorShape& shape, Bytes element);

enum class Port { dram, host };

/// The address of tensors that no memory holds: those out of the PRNG.
inline constexpr std::uint64_t nowhere = ~std::uint64_t{0};

/// Where a tensor lies outside the chip.
struct TensorPlacement {
  std::string name;
  TensorShape shape;
  Bytes element{4};
  Port port = Port::dram;
  std::uint64_t address = 0;  ///< in its port's memory
  bool given = true;          ///< it has a value before the program begins
  Layout layout{};            ///< row-major unless said; blocks take elements of whole words
};

/// Indexed by TensorId.
using MemoryMap = std::vector<TensorPlacement>;

/// "conv1.weights" or, for a part of a tensor, "conv1.weights[0:96, 0:3, …]".
std::string tile_name(const Tile& tile, const MemoryMap& map);

}  // namespace spillway::models
