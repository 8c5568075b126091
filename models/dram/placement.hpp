// Where tensors lie in the address space: explicit, since two tensors that are moved side by side
// and lie in the same bank at the same progress close each other's rows.
#pragma once

#include <cstdint>
#include <string>

#include "models/dram/device.hpp"

namespace spillway::models::dram {

/// Gives out addresses from 0 on.
///
///  * packed: one after another, each at the start of a burst;
///  * row: each at the start of a row, of all channels and of the banks that a stream goes through
///    together;
///  * staggered: likewise, and tensors that follow each other begin in different banks, at least
///  two
///    apart where there are four or more.
class Allocator {
 public:
  explicit Allocator(const DramDevice& device);

  /// The address of the next tensor, of `bytes`. Throws InputError when the device is full.
  std::uint64_t place(std::uint64_t bytes);

 private:
  Placement policy_;
  std::uint64_t burst_ = 1;
  std::uint64_t block_ = 1;  ///< bytes of a stream between one set of rows and the next
  std::uint64_t slots_ = 1;  ///< sets of banks that a stream goes round
  std::uint64_t capacity_ = 0;
  std::string device_;
  std::uint64_t next_ = 0, tensors_ = 0;
};

/// "packed", "row" or "staggered".
std::string placement_name(Placement placement);
/// In a few words, for reports.
std::string describe_placement(const DramDevice& device);

}  // namespace spillway::models::dram
