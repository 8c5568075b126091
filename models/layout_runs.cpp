#include "models/layout_runs.hpp"

#include <cstring>
#include <vector>

#include "workloads/support/error.hpp"

namespace spillway::models {

BlockGrid::BlockGrid(const TensorPlacement& place) : size_(block_sizes(place.layout, place.shape)) {
  if (place.element.count() % workloads::bytes_per_word != 0 &&
      !is_row_major(place.layout, place.shape)) {
    throw workloads::ConsistencyError(place.name + ": elements of less than a word in blocks");
  }
  std::uint64_t product = 1;
  for (std::size_t d = largest_rank; d-- > 0;) {
    extent_[d] = d < place.shape.size() ? place.shape[d] : 1;
    after_[d] = product;
    product *= static_cast<std::uint64_t>(extent_[d]);
  }
}

BlockPart BlockGrid::part(const Tile& tile, const Index& block) const {
  BlockPart part;
  std::uint64_t before = 1;  // elements of the block along the dimensions so far
  for (std::size_t d = 0; d < largest_rank; ++d) {
    const std::int64_t begin = block[d] * size_[d];
    part.shape[d] = std::min(size_[d], extent_[d] - begin);
    const Range& range = tile.box[d];
    const Range both{std::max(range.begin, begin), std::min(range.end, begin + part.shape[d])};
    part.within[d] = {both.begin - begin, both.end - begin};
    part.within_tile[d] = {both.begin - range.begin, both.end - range.begin};
    // Blocks before it along this dimension, of its own size along those before.
    part.offset += before * static_cast<std::uint64_t>(begin) * after_[d];
    before *= static_cast<std::uint64_t>(part.shape[d]);
  }
  return part;
}

namespace {

/// Visit the pieces of a tile's own bytes in the order of the tile's runs.
template <class Visit>
void for_each_piece(const Tile& tile, const TensorPlacement& place, Visit visit) {
  std::array<std::int64_t, largest_rank> sizes{};
  for (std::size_t d = 0; d < largest_rank; ++d) sizes[d] = tile.box[d].size();
  for_each_block(tile, place, [&](const BlockPart& part) {
    for_each_run(Tile{tile.tensor, part.within_tile}, sizes, place.element, visit);
  });
}

}  // namespace

void gather(const Tile& tile, const TensorPlacement& place, std::span<const std::byte> values,
            std::span<std::byte> runs) {
  for_each_piece(tile, place, [&](const Run& piece) {
    std::memcpy(runs.data(), values.data() + piece.offset, piece.size.count());
    runs = runs.subspan(piece.size.count());
  });
}

void scatter(const Tile& tile, const TensorPlacement& place, std::span<const std::byte> runs,
             std::span<std::byte> values) {
  for_each_piece(tile, place, [&](const Run& piece) {
    std::memcpy(values.data() + piece.offset, runs.data(), piece.size.count());
    runs = runs.subspan(piece.size.count());
  });
}

void write_tensor(BackingStore& store, const TensorPlacement& place,
                  std::span<const std::byte> values) {
  if (is_row_major(place.layout, place.shape)) {
    store.write(place.address, values);
    return;
  }
  std::vector<std::byte> runs(values.size());
  gather(whole_tensor(0, place.shape), place, values, runs);
  store.write(place.address, runs);
}

void read_tensor(const BackingStore& store, const TensorPlacement& place,
                 std::span<std::byte> values) {
  if (is_row_major(place.layout, place.shape)) {
    store.read(place.address, values);
    return;
  }
  std::vector<std::byte> runs(values.size());
  store.read(place.address, runs);
  scatter(whole_tensor(0, place.shape), place, runs, values);
}

}  // namespace spillway::models
