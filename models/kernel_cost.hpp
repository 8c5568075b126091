// The work of a kernel on the compute array: matrix products, single elements, and MACs.
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

/// The cost by a contract: of a product its GEMM form by the sides of its axes, and as MACs the
/// points of its axes; border-exact are the points whose indices all lie within their operands.
KernelCost kernel_cost(const workloads::Contract& contract);
inline KernelCost kernel_cost(const workloads::Kernel& kernel) {
  return kernel_cost(kernel.contract());
}

/// Of the product, if there is one.
Cycles product_cycles(const KernelCost& cost, const ComputeArray& array);
/// With work on single elements by the array's columns.
Cycles kernel_cycles(const KernelCost& cost, const ComputeArray& array);

}  // namespace spillway::models
