#include "models/on_chip_buffer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <iterator>
#include <limits>

#include "models/backing_store.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/large_memory.hpp"

namespace spillway::models {

namespace {

std::byte* allocate(Bytes capacity) {
  // Rounding the size up to the alignment would wrap around near 2^64.
  constexpr std::uint64_t largest_object = std::numeric_limits<std::ptrdiff_t>::max() / 2;
  void* memory = nullptr;
  if (capacity.count() <= largest_object) {
    const std::size_t alignment = workloads::large_alignment(capacity.count());
    const std::size_t rounded = workloads::ceil_div(capacity.count(), alignment) * alignment;
    memory = std::aligned_alloc(alignment, rounded);
  }
  if (memory == nullptr) {
    throw workloads::InputError(fmt::format(
        "an on-chip buffer of {} bytes does not fit in this machine's memory", capacity.count()));
  }
  workloads::advise_large_pages(memory, capacity.count());
  return static_cast<std::byte*>(memory);
}

}  // namespace

void OnChipBuffer::AlignedDelete::operator()(std::byte* bytes) const { std::free(bytes); }

OnChipBuffer::OnChipBuffer(Bytes capacity, Poison poison)
    : capacity_(capacity),
      poison_(poison),
      memory_(poison == Poison::no_memory ? nullptr : allocate(capacity)) {}

bool OnChipBuffer::can_reserve(std::uint64_t address, Bytes size) const {
  return size > Bytes(0) && in_bounds(address, size) && !overlaps_reservation(address, size);
}

void OnChipBuffer::reserve(std::uint64_t address, Bytes size, bool poisoned) {
  const auto refuse = [&](const char* reason) {
    throw workloads::ProgramError(
        fmt::format("cannot reserve {} bytes at {:#x} of the on-chip buffer: {} ({} of {} bytes "
                    "are free)",
                    size.count(), address, reason, free().count(), capacity_.count()));
  };
  if (size == Bytes(0)) refuse("the range is empty");
  if (!in_bounds(address, size)) refuse("the range ends past its capacity");
  if (overlaps_reservation(address, size)) refuse("part of the range is taken");

  if (memory_) {
    touch(address);
    // Also where release() left poison already: a stray write to free space must not survive here.
    if (poisoned || poison_ == Poison::always) {
      poison({memory_.get() + address, size.count()}, address);
    }
    touched_ = std::max(touched_, address + size.count());
  }
  reservations_.insert(first_from(address), {address, address + size.count()});
  used_ += size;
  high_water_ = std::max(high_water_, used_);
}

void OnChipBuffer::release(std::uint64_t address) {
  const auto reservation = first_from(address);
  if (reservation == reservations_.end() || reservation->begin != address) {
    throw workloads::ProgramError(fmt::format(
        "cannot release {:#x} of the on-chip buffer: no reservation begins there", address));
  }
  const Bytes size(reservation->end - address);
  if (memory_) {
    const std::span<std::byte> bytes{memory_.get() + address, size.count()};
    if (when_released_) when_released_(bytes);
    if (poison_ == Poison::always) poison(bytes, address);
  }
  used_ -= size;
  reservations_.erase(reservation);
}

std::span<std::byte> OnChipBuffer::bytes(std::uint64_t address, Bytes size) {
  if (!in_bounds(address, size)) {
    throw workloads::ProgramError(
        fmt::format("{} bytes at {:#x} do not lie within an on-chip buffer of {} bytes",
                    size.count(), address, capacity_.count()));
  }
  if (!memory_) throw workloads::ProgramError("an on-chip buffer without memory holds no bytes");
  touch(address + size.count());
  return {memory_.get() + address, size.count()};
}

bool OnChipBuffer::in_bounds(std::uint64_t address, Bytes size) const {
  return size <= capacity_ && address <= (capacity_ - size).count();
}

bool OnChipBuffer::overlaps_reservation(std::uint64_t address, Bytes size) const {
  const auto next = first_from(address);
  if (next != reservations_.end() && next->begin < address + size.count()) return true;
  return next != reservations_.begin() && std::prev(next)->end > address;
}

OnChipBuffer::Reservations::const_iterator OnChipBuffer::first_from(std::uint64_t address) const {
  return std::lower_bound(
      reservations_.begin(), reservations_.end(), address,
      [](const Reservation& reservation, std::uint64_t at) { return reservation.begin < at; });
}

// Give everything below `end` its defined content.
void OnChipBuffer::touch(std::uint64_t end) {
  if (end <= touched_) return;
  poison({memory_.get() + touched_, end - touched_}, touched_);
  touched_ = end;
}

}  // namespace spillway::models
