// The values behind a kernel's operands. A whole tile is used where it stands in the buffer; a part
// of one is gathered into memory of its own and, when it is an output, put back; streamed values
// are made there.
#pragma once

#include <vector>

#include "models/instruction.hpp"
#include "models/on_chip_buffer.hpp"
#include "workloads/executor.hpp"

namespace spillway::models {

class OperandMemory {
 public:
  OperandMemory(OnChipBuffer& buffer, workloads::KernelRunner& kernels)
      : buffer_(buffer), kernels_(kernels) {}

  /// Run the kernel on its operands' values.
  void run(const Compute& compute, const MemoryMap& map);

  /// The seed that stands in a tile of one word.
  std::uint32_t seed_in(const BufferedTile& tile);
  void make(const workloads::RandomValues& values, const Tile& tile, const BufferedTile& seed,
            const std::optional<BufferedTile>& sign_seed, const TensorPlacement& place,
            std::span<std::byte> bytes);

 private:
  std::span<std::byte> bytes_of(const BufferedTile& tile, const MemoryMap& map);
  std::span<std::byte> scratch(Bytes size);
  void gather(const TileView& view, const MemoryMap& map, std::span<std::byte> part);
  void scatter(const TileView& view, const MemoryMap& map, std::span<std::byte> part);
  std::span<std::byte> input(const Input& input, const MemoryMap& map);
  std::span<std::byte> output(const TileView& view, const Compute& compute, const MemoryMap& map);

  OnChipBuffer& buffer_;
  workloads::KernelRunner& kernels_;
  std::vector<workloads::AlignedBytes> scratch_;
  std::size_t scratch_used_ = 0;  // by the kernel that runs
  std::vector<const std::byte*> inputs_;
  std::vector<std::byte*> outputs_;
};

}  // namespace spillway::models
