#include "models/tile.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::models {

std::uint64_t Tile::elements() const {
  std::uint64_t product = 1;
  for (const Range& range : box) {
    product = workloads::checked_product(product, static_cast<std::uint64_t>(range.size()));
  }
  return product;
}

Tile whole_tensor(TensorId tensor, const TensorShape& shape) {
  if (shape.size() > largest_rank) {
    throw workloads::ProgramError("a tensor of more than four dimensions has no tiles");
  }
  Tile tile{tensor, {}};
  for (std::size_t i = 0; i < shape.size(); ++i) tile.box[i] = {0, shape[i]};
  return tile;
}

namespace {

/// Sizes of all four dimensions, and the one from which on a box's elements are contiguous: a run
/// takes in every trailing dimension that the box covers whole, and the one before those.
struct RunShape {
  std::array<std::int64_t, largest_rank> size{1, 1, 1, 1};
  std::size_t inner = largest_rank - 1;
  std::uint64_t elements = 1;

  RunShape(const Tile& tile, const TensorShape& shape) {
    for (std::size_t i = 0; i < shape.size(); ++i) size[i] = shape[i];
    while (inner > 0 && tile.box[inner] == Range{0, size[inner]}) --inner;
    for (std::size_t i = inner; i < largest_rank; ++i) {
      elements *= static_cast<std::uint64_t>(tile.box[i].size());
    }
  }
};

}  // namespace

void for_each_run(const Tile& tile, const TensorShape& shape, Bytes element,
                  const std::function<void(const Run&)>& visit) {
  const RunShape run(tile, shape);
  std::array<std::int64_t, largest_rank> at{};
  for (std::size_t i = 0; i < largest_rank; ++i) at[i] = tile.box[i].begin;
  while (true) {
    std::uint64_t offset = 0;
    for (std::size_t i = 0; i < largest_rank; ++i) {
      offset = offset * static_cast<std::uint64_t>(run.size[i]) + static_cast<std::uint64_t>(at[i]);
    }
    visit({offset * element.count(), element * run.elements});
    std::size_t i = run.inner;
    while (i > 0 && ++at[i - 1] == tile.box[i - 1].end) {
      at[i - 1] = tile.box[i - 1].begin;
      --i;
    }
    if (i == 0) return;
  }
}

TileSize tile_size(const Tile& tile, const TensorShape& shape, Bytes element) {
  const Bytes run = element * RunShape(tile, shape).elements;
  const Bytes total = element * tile.elements();
  return {workloads::words_of(run) * (total.count() / run.count()), total};
}

std::string tile_name(const Tile& tile, const MemoryMap& map) {
  const TensorPlacement& place = map.at(tile.tensor);
  if (tile == whole_tensor(tile.tensor, place.shape)) return place.name;
  std::string box;
  for (std::size_t i = 0; i < place.shape.size(); ++i) {
    box += fmt::format("{}{}:{}", i == 0 ? "" : ", ", tile.box[i].begin, tile.box[i].end);
  }
  return fmt::format("{}[{}]", place.name, box);
}

}  // namespace spillway::models
