// Which accesses to the on-chip buffer a kernel makes on the device.
#pragma once

#include <optional>

#include "models/compute_array.hpp"
#include "models/energy/work_counts.hpp"
#include "models/instruction.hpp"
#include "models/tile.hpp"

namespace spillway::models {

/// Of one instruction whose kernel has this contract and lowers to this product, if any. The
/// operands of a product are read and its sums written as often as the array's dataflow does
/// (ComputeArray::accesses); padding counts, since the array asks for it. Where a product has more
/// entries than its output elements (the input gradient of a convolution, whose taps overlap), each
/// entry but an element's first is added to what stands there, as all are under a kernel that
/// accumulates. Every other operand is read or written once. A streamed operand comes from the PRNG
/// unit and not from the buffer.
BufferAccesses kernel_accesses(const Compute& compute, const workloads::Contract& contract,
                               const std::optional<Gemm>& gemm, const ComputeArray& array,
                               const MemoryMap& map);

}  // namespace spillway::models
