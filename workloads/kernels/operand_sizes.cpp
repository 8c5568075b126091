#include "workloads/kernels/operand_sizes.hpp"

namespace spillway::workloads {

OperandSizes operand_sizes(const Kernel& kernel) {
  const Contract contract = kernel.contract();
  OperandSizes sizes{{}, {}, contract.required_inputs(), contract.required_outputs()};
  for (const Operand& operand : contract.inputs) sizes.inputs.push_back(operand.bytes());
  for (const Operand& operand : contract.outputs) sizes.outputs.push_back(operand.bytes());
  return sizes;
}

}  // namespace spillway::workloads
