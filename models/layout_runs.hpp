// Tiles of tensors in blocked layouts: their blocks, their runs, and the way between the order of
// the runs and the tile's own, which is row-major.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "models/backing_store.hpp"
#include "models/tile.hpp"

namespace spillway::models {

/// What a tile has of one block.
struct BlockPart {
  Box within;                                    ///< the block
  std::array<std::int64_t, largest_rank> shape;  ///< of the block
  Box within_tile;                               ///< the same part, within the tile
  std::uint64_t offset = 0;                      ///< of the block, in elements of the tensor
};

/// The grid of a placed tensor's blocks. Throws ConsistencyError where elements are not whole words
/// and the layout is not row-major: a run's words would depend on the layout.
class BlockGrid {
 public:
  explicit BlockGrid(const TensorPlacement& place);

  using Index = std::array<std::int64_t, largest_rank>;
  std::int64_t block_of(std::size_t d, std::int64_t element) const { return element / size_[d]; }
  BlockPart part(const Tile& tile, const Index& block) const;

 private:
  Index extent_{}, size_{};
  std::array<std::uint64_t, largest_rank> after_{};  // elements of all later dimensions together
};

/// Visit what a tile has of each block, in the order of the blocks.
template <class Visit>
void for_each_block(const Tile& tile, const TensorPlacement& place, Visit visit) {
  const BlockGrid grid(place);
  BlockGrid::Index first{}, last{}, at{};
  for (std::size_t d = 0; d < largest_rank; ++d) {
    if (tile.box[d].size() <= 0) return;
    at[d] = first[d] = grid.block_of(d, tile.box[d].begin);
    last[d] = grid.block_of(d, tile.box[d].end - 1);
  }
  while (true) {
    visit(grid.part(tile, at));
    std::size_t d = largest_rank;
    while (d > 0 && ++at[d - 1] > last[d - 1]) {
      at[d - 1] = first[d - 1];
      --d;
    }
    if (d == 0) return;
  }
}

/// Visit the runs of a tile within a placed tensor, in the order of their addresses. Each is as
/// long as it can be.
template <class Visit>
void for_each_run(const Tile& tile, const TensorPlacement& place, Visit visit) {
  if (is_row_major(place.layout, place.shape)) {
    for_each_run(tile, place.shape, place.element, visit);
    return;
  }
  Run run{0, Bytes(0)};
  for_each_block(tile, place, [&](const BlockPart& part) {
    const Tile box{tile.tensor, part.within};
    for_each_run(box, part.shape, place.element, [&](const Run& next) {
      const std::uint64_t offset = part.offset * place.element.count() + next.offset;
      if (run.offset + run.size.count() == offset) {
        run.size += next.size;
        return;
      }
      if (run.size > Bytes(0)) visit(Run(run));
      run = {offset, next.size};
    });
  });
  if (run.size > Bytes(0)) visit(run);
}

/// From a tile's own order to that of its runs, and back.
void gather(const Tile& tile, const TensorPlacement& place, std::span<const std::byte> values,
            std::span<std::byte> runs);
void scatter(const Tile& tile, const TensorPlacement& place, std::span<const std::byte> runs,
             std::span<std::byte> values);

/// All of a tensor, row-major, to and from the memory that holds it.
void write_tensor(BackingStore& store, const TensorPlacement& place,
                  std::span<const std::byte> values);
void read_tensor(const BackingStore& store, const TensorPlacement& place,
                 std::span<std::byte> values);

}  // namespace spillway::models
