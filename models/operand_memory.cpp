#include "models/operand_memory.hpp"

#include <algorithm>
#include <cstring>

#include "models/random_tile.hpp"

namespace spillway::models {

namespace {

/// Visit the pieces of a part within its tile, which is packed: (offset in the tile, size), in the
/// part's own order.
template <class Visit>
void for_each_piece(const TileView& view, Bytes element, Visit visit) {
  const Tile& tile = view.tile.tile;
  Tile shifted = view.part;
  std::array<std::int64_t, largest_rank> shape;
  for (std::size_t i = 0; i < largest_rank; ++i) {
    shape[i] = tile.box[i].size();
    shifted.box[i].begin -= tile.box[i].begin;
    shifted.box[i].end -= tile.box[i].begin;
  }
  for_each_run(shifted, shape, element, visit);
}

Bytes size_of(const Tile& tile, const MemoryMap& map) {
  return map.at(tile.tensor).element * tile.elements();
}

}  // namespace

void OperandMemory::run(const Compute& compute, const MemoryMap& map) {
  inputs_.clear();
  outputs_.clear();
  scratch_used_ = 0;
  for (const Input& operand : compute.inputs) inputs_.push_back(input(operand, map).data());
  for (const TileView& view : compute.outputs) {
    outputs_.push_back(output(view, compute, map).data());
  }
  kernels_.run(compute.kernel, inputs_, outputs_);
  for (std::size_t i = 0; i < outputs_.size(); ++i) {
    const TileView& view = compute.outputs[i];
    if (!view.is_whole()) scatter(view, map, {outputs_[i], size_of(view.part, map).count()});
  }
  // The kernels' notes on these bytes must not outlive them.
  for (std::size_t i = 0; i < scratch_used_; ++i) kernels_.forget(scratch_[i].span());
}

std::span<std::byte> OperandMemory::input(const Input& input, const MemoryMap& map) {
  if (const auto* streamed = std::get_if<Streamed>(&input)) {
    const std::span<std::byte> bytes = scratch(size_of(streamed->tile, map));
    make(streamed->values, streamed->tile, streamed->seed, streamed->sign_seed,
         map.at(streamed->tile.tensor), bytes);
    return bytes;
  }
  const auto& view = std::get<TileView>(input);
  if (view.is_whole()) return bytes_of(view.tile, map);
  const std::span<std::byte> part = scratch(size_of(view.part, map));
  gather(view, map, part);
  return part;
}

std::span<std::byte> OperandMemory::output(const TileView& view, const Compute& compute,
                                           const MemoryMap& map) {
  if (view.is_whole()) return bytes_of(view.tile, map);
  const Bytes size = size_of(view.part, map);
  for (std::size_t i = 0; i < compute.inputs.size(); ++i) {  // changed in place?
    const auto* other = std::get_if<TileView>(&compute.inputs[i]);
    if (other == nullptr || other->tile.address != view.tile.address) continue;
    if (other->part == view.part) return {const_cast<std::byte*>(inputs_[i]), size.count()};
  }
  const std::span<std::byte> part = scratch(size);
  if (accumulates(compute.kernel)) gather(view, map, part);
  return part;
}

std::span<std::byte> OperandMemory::bytes_of(const BufferedTile& tile, const MemoryMap& map) {
  return buffer_.bytes(tile.address, size_of(tile.tile, map));
}

/// Memory that nothing else uses while this kernel runs.
std::span<std::byte> OperandMemory::scratch(Bytes size) {
  if (scratch_used_ == scratch_.size()) scratch_.emplace_back();
  workloads::AlignedBytes& memory = scratch_[scratch_used_++];
  if (memory.span().size() < size.count()) {
    memory = workloads::AlignedBytes(std::max(2 * memory.span().size(), size.count()));
  }
  return memory.span().first(size.count());
}

void OperandMemory::gather(const TileView& view, const MemoryMap& map, std::span<std::byte> part) {
  const std::span<std::byte> tile = bytes_of(view.tile, map);
  kernels_.settle(tile);
  for_each_piece(view, map.at(view.part.tensor).element, [&](const Run& piece) {
    std::memcpy(part.data(), tile.data() + piece.offset, piece.size.count());
    part = part.subspan(piece.size.count());
  });
}

void OperandMemory::scatter(const TileView& view, const MemoryMap& map, std::span<std::byte> part) {
  const std::span<std::byte> tile = bytes_of(view.tile, map);
  kernels_.settle(part);
  kernels_.settle(tile);  // the rest of the tile keeps its values
  kernels_.forget(tile);
  for_each_piece(view, map.at(view.part.tensor).element, [&](const Run& piece) {
    std::memcpy(tile.data() + piece.offset, part.data(), piece.size.count());
    part = part.subspan(piece.size.count());
  });
}

std::uint32_t OperandMemory::seed_in(const BufferedTile& tile) {
  std::uint32_t seed = 0;
  std::memcpy(&seed, buffer_.bytes(tile.address, Bytes(sizeof seed)).data(), sizeof seed);
  return seed;
}

void OperandMemory::make(const workloads::RandomValues& values, const Tile& tile,
                         const BufferedTile& seed, const std::optional<BufferedTile>& sign_seed,
                         const TensorPlacement& place, std::span<std::byte> bytes) {
  kernels_.forget(bytes);
  std::optional<std::uint64_t> signs;
  if (sign_seed) signs = seed_in(*sign_seed);
  make_random_tile(tile, place, values, seed_in(seed), signs, bytes);
}

}  // namespace spillway::models
