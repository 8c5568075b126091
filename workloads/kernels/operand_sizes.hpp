// How large each operand of a kernel is.
#pragma once

#include <vector>

#include "workloads/kernels/kernel.hpp"
#include "workloads/support/units.hpp"

namespace spillway::workloads {

struct OperandSizes {
  std::vector<Bytes> inputs, outputs;             ///< in the order of the kernel's contract
  std::size_t required_inputs, required_outputs;  ///< the rest (biases, errors) may be left out
};

OperandSizes operand_sizes(const Kernel& kernel);

}  // namespace spillway::workloads
