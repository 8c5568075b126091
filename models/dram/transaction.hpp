// The device's requests to its DRAM, as an observer sees them.
#pragma once

#include <cstdint>

#include "workloads/support/units.hpp"

namespace spillway::models::dram {

/// A run of bytes on its way to the channel.
struct Transaction {
  workloads::Picoseconds time;  ///< when it was sent, since the program's begin
  std::uint64_t address = 0;
  workloads::Bytes size;
  bool is_write = false;
};

}  // namespace spillway::models::dram
