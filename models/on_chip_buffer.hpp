// The scratchpad of a device: a bounded number of bytes that really hold the tiles. Space is
// reserved and released by address; to reserve more than there is, or space that is taken, is
// impossible. Whatever is not reserved holds poison (models/backing_store.hpp), unless its user
// sees to it that nobody uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;

class OnChipBuffer {
 public:
  /// Who keeps free space from being taken for a value. Poisoning costs host time, so it
  /// is left to the caller where he lets nobody use a byte that was not written. Without memory
  /// space is handed out all the same, but there are no bytes.
  enum class Poison { always, on_request, no_memory };

  /// Cheap for any capacity: memory is touched only up to the highest address in use. Throws
  /// InputError when this machine cannot provide the capacity.
  explicit OnChipBuffer(Bytes capacity, Poison poison = Poison::always);

  /// The range is not empty, lies within the capacity and overlaps no reservation.
  bool can_reserve(std::uint64_t address, Bytes size) const;

  /// Take [address, address + size); it holds poison if `poisoned`, or always. Throws ProgramError
  /// unless can_reserve().
  void reserve(std::uint64_t address, Bytes size, bool poisoned = true);

  /// Give back the reservation that begins at `address`; its bytes become poison, if always. Throws
  /// ProgramError when none begins there.
  void release(std::uint64_t address);

  /// Be told of bytes that are given back, before they become poison.
  void when_released(std::function<void(std::span<std::byte>)> listener) {
    when_released_ = std::move(listener);
  }

  Bytes capacity() const { return capacity_; }
  Bytes used() const { return used_; }              ///< reserved now
  Bytes high_water() const { return high_water_; }  ///< most ever reserved at one time
  Bytes free() const { return capacity_ - used_; }  ///< not reserved; need not be in one piece

  /// The bytes themselves, 64-byte aligned at address 0. The range need not be reserved (see
  /// Poison), but only reserved bytes may be written. Counts nothing. Throws ProgramError when the
  /// range does not lie within the capacity, or there is no memory.
  std::span<std::byte> bytes(std::uint64_t address, Bytes size);

  /// The buffer's accesses, as its users report them.
  void count_read(Bytes size) { bytes_read_ += size; }
  void count_write(Bytes size) { bytes_written_ += size; }
  Bytes bytes_read() const { return bytes_read_; }
  Bytes bytes_written() const { return bytes_written_; }

 private:
  struct AlignedDelete {
    void operator()(std::byte* bytes) const;
  };

  struct Reservation {
    std::uint64_t begin, end;
  };
  using Reservations = std::vector<Reservation>;

  /// The first reservation that begins at `address` or after.
  Reservations::const_iterator first_from(std::uint64_t address) const;
  bool in_bounds(std::uint64_t address, Bytes size) const;
  bool overlaps_reservation(std::uint64_t address, Bytes size) const;
  void touch(std::uint64_t end);

  Bytes capacity_;
  Poison poison_;
  Bytes used_;
  Bytes high_water_;
  Bytes bytes_read_;
  Bytes bytes_written_;
  Reservations reservations_;  // by address
  std::unique_ptr<std::byte[], AlignedDelete> memory_;
  std::function<void(std::span<std::byte>)> when_released_;
  std::uint64_t touched_ = 0;  // from here up the memory has no defined content yet
};

}  // namespace spillway::models
