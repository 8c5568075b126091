// The refusal of a plan that the on-chip buffer cannot hold.
#pragma once

#include "workloads/support/error.hpp"
#include "workloads/support/units.hpp"

namespace spillway::sim {

class BufferTooSmall : public workloads::InputError {
 public:
  BufferTooSmall(const std::string& message, workloads::Bytes smallest)
      : InputError(message), smallest_(smallest) {}
  /// A size that works.
  workloads::Bytes smallest() const { return smallest_; }

 private:
  workloads::Bytes smallest_;
};

}  // namespace spillway::sim
