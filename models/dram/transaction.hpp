// The device's requests to its DRAM, as an observer sees them.
#pragma once

#include <cstdint>
#include <functional>

#include "workloads/support/units.hpp"

namespace spillway::models::dram {

/// A run of bytes on its way to the channel.
struct Transaction {
  workloads::Picoseconds time;  ///< when it was sent
  std::uint64_t address = 0;
  workloads::Bytes size;
  bool is_write = false;
};

/// Told of each transaction, in the order of their times.
using TransactionObserver = std::function<void(const Transaction&)>;

}  // namespace spillway::models::dram
