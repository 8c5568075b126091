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
    throw workloads::ProgramError("a tensor of more than five dimensions has no tiles");
  }
  Tile tile{tensor, {}};
  for (std::size_t i = 0; i < shape.size(); ++i) tile.box[i] = {0, shape[i]};
  return tile;
}

bool overlap(const Tile& a, const Tile& b) {
  for (std::size_t i = 0; i < largest_rank; ++i) {
    if (a.box[i].begin >= b.box[i].end || b.box[i].begin >= a.box[i].end) return false;
  }
  return true;
}

bool contains(const Tile& tile, const Tile& part) {
  if (tile.tensor != part.tensor) return false;
  for (std::size_t i = 0; i < largest_rank; ++i) {
    const Range &outer = tile.box[i], &inner = part.box[i];
    if (inner.begin < outer.begin || inner.end > outer.end || inner.size() <= 0) return false;
  }
  return true;
}

RunShape::RunShape(const Tile& tile, std::span<const std::int64_t> shape) {
  const auto size = [&](std::size_t i) { return i < shape.size() ? shape[i] : 1; };
  std::uint64_t product = 1;
  for (std::size_t i = largest_rank; i-- > 0;) {
    stride[i] = product;
    product *= static_cast<std::uint64_t>(size(i));
  }
  while (inner > 0 && tile.box[inner] == Range{0, size(inner)}) --inner;
  for (std::size_t i = inner; i < largest_rank; ++i) {
    elements *= static_cast<std::uint64_t>(tile.box[i].size());
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
