#include "models/dram/placement.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models::dram {

namespace {

struct Stream {
  std::uint64_t block = 1;  // bursts of a channel in the order of addresses until a row changes
  std::uint64_t slots = 1;  // blocks until the first bank comes again, with another row
};

Stream stream_of(const DramDevice& device) {
  const Geometry& geometry = device.geometry;
  Stream stream;
  bool columns_seen = false;
  for (const Digit digit : device.mapping) {
    if (digit == Digit::row) break;
    if (digit == Digit::column) {
      stream.block *= geometry.bursts_per_row;
      columns_seen = true;
      continue;
    }
    const std::uint64_t size = digit == Digit::bank_group ? geometry.bank_groups
                               : digit == Digit::rank     ? geometry.ranks
                                                          : geometry.banks_per_group;
    (columns_seen ? stream.slots : stream.block) *= size;
  }
  return stream;
}

// 0, 2, 1, 3 of four: numbers that follow each other are far apart.
std::uint64_t bit_reversed(std::uint64_t value, std::uint64_t size) {
  std::uint64_t reversed = 0;
  for (std::uint64_t bit = 1; bit < size; bit <<= 1) {
    reversed = reversed << 1 | ((value & bit) != 0 ? 1 : 0);
  }
  return reversed;
}

}  // namespace

Allocator::Allocator(const DramDevice& device)
    : policy_(device.placement),
      burst_(device.geometry.burst_bytes),
      capacity_(workloads::checked_product(device.geometry.bytes(), device.channels)),
      device_(device.name) {
  const Stream stream = stream_of(device);
  block_ = stream.block * burst_ * device.channels;
  slots_ = stream.slots;
}

std::uint64_t Allocator::place(std::uint64_t bytes) {
  const auto up = [](std::uint64_t value, std::uint64_t unit) {
    return workloads::checked_product(workloads::ceil_div(value, unit), unit);
  };
  std::uint64_t address = up(next_, policy_ == Placement::packed ? burst_ : block_);
  if (policy_ == Placement::staggered) {
    const std::uint64_t wanted = bit_reversed(tensors_ % slots_, slots_);
    const std::uint64_t slot = address / block_ % slots_;
    address += (wanted + slots_ - slot) % slots_ * block_;
  }
  ++tensors_;
  next_ = address + up(bytes, burst_);
  if (next_ > capacity_) {
    throw workloads::InputError(
        fmt::format("device.dram: {}: found tensors of a step that take {} bytes and "
                    "more in DRAM; allowed: {} bytes, what its channels hold: a smaller batch, or "
                    "more channels",
                    device_, next_, capacity_));
  }
  return address;
}

std::string placement_name(Placement placement) { return name_in(placement_names, placement); }

std::string describe_placement(const DramDevice& device) {
  const std::string name = placement_name(device.placement);
  const Stream stream = stream_of(device);
  const std::uint64_t block = stream.block * device.geometry.burst_bytes * device.channels;
  switch (device.placement) {
    case Placement::packed:
      return fmt::format("{}: one after another, each at the start of a burst of {} bytes", name,
                         device.geometry.burst_bytes);
    case Placement::row:
      return fmt::format("{}: each at a multiple of {} bytes, where rows begin", name, block);
    case Placement::staggered:
      return fmt::format("{}: each at a multiple of {} bytes, in turn at {} sets of banks", name,
                         block, stream.slots);
  }
  return name;
}

}  // namespace spillway::models::dram
