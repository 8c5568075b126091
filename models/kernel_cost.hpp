// What a kernel asks of the compute array: matrix products, work on single elements, and MACs.
#pragma once

#include <cstdint>
#include <optional>

#include "models/compute_array.hpp"
#include "workloads/kernels/kernel.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Macs;

struct KernelCost {
  std::optional<Gemm> gemm;    ///< the product it lowers to
  std::uint64_t elements = 0;  ///< work outside the array's products, in elements
  Macs macs;                   ///< border-exact: taps on padding left out
  Macs macs_padded;            ///< all of the product
};

/// A convolution over B images of OH x OW outputs lowers to, per group,
///   forward          (B OH OW) x (Ci KH KW) times (Ci KH KW) x Co
///   input gradient   (B OH OW) x Co         times Co x (Ci KH KW), then added up where taps
///   overlap weight gradient  Co x (B OH OW)         times (B OH OW) x (Ci KH KW)
/// with Ci and Co the channels of a group, so that all three have the same MACs.
KernelCost kernel_cost(const workloads::Kernel& kernel);

Cycles kernel_cycles(const KernelCost& cost, const ComputeArray& array);

}  // namespace spillway::models
