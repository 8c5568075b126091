// What energy is paid for, counted where the device's instructions run: accesses to the on-chip
// buffer by user, operations, random bits, bursts of the DRAM.
#pragma once

#include <array>
#include <cstdint>

#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Bytes;
using workloads::Macs;

/// Who reads or writes the buffer. Of a product of m x k times k x n the array takes the left and
/// the right operand and gives sums; what a kernel has beside a product (all of an element-wise
/// one, biases) is the vector unit's.
enum class BufferUser { left, right, sums, vector_unit, dram, host, prng };
inline constexpr workloads::Names<BufferUser, 7> buffer_user_names{{
    {BufferUser::left, "left operand"},
    {BufferUser::right, "right operand"},
    {BufferUser::sums, "sums"},
    {BufferUser::vector_unit, "vector unit"},
    {BufferUser::dram, "DRAM transfers"},
    {BufferUser::host, "host transfers"},
    {BufferUser::prng, "PRNG unit"},
}};

/// In bytes, each as often as it is read or written.
struct Accesses {
  Bytes read, written;

  Accesses& operator+=(const Accesses& other) {
    read += other.read;
    written += other.written;
    return *this;
  }
  bool operator==(const Accesses&) const = default;
};

/// Accesses by user.
class BufferAccesses {
 public:
  Accesses& of(BufferUser user) { return by_user_[static_cast<std::size_t>(user)]; }
  const Accesses& of(BufferUser user) const { return by_user_[static_cast<std::size_t>(user)]; }
  Accesses total() const {
    Accesses sum;
    for (const Accesses& accesses : by_user_) sum += accesses;
    return sum;
  }
  BufferAccesses& operator+=(const BufferAccesses& other) {
    for (std::size_t i = 0; i < by_user_.size(); ++i) by_user_[i] += other.by_user_[i];
    return *this;
  }
  bool operator==(const BufferAccesses&) const = default;

 private:
  std::array<Accesses, buffer_user_names.size()> by_user_{};
};

/// Of one label's instructions, or of a program's.
struct WorkCounts {
  BufferAccesses buffer;
  Macs macs;                                        ///< executed, those on padding too
  std::uint64_t elements = 0;                       ///< of work on single elements
  std::uint64_t random_bits = 0;                    ///< of all clocks of the PRNG unit's registers
  std::uint64_t read_bursts = 0, write_bursts = 0;  ///< of the DRAM

  WorkCounts& operator+=(const WorkCounts& other) {
    buffer += other.buffer;
    macs += other.macs;
    elements += other.elements;
    random_bits += other.random_bits;
    read_bursts += other.read_bursts;
    write_bursts += other.write_bursts;
    return *this;
  }
  bool operator==(const WorkCounts&) const = default;
};

}  // namespace spillway::models
