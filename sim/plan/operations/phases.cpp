#include "sim/plan/operations/phases.hpp"

namespace spillway::sim {

using namespace workloads;

const std::vector<TensorId>& inputs_of(const Step& step, const OpPart& part) {
  return part.kernel ? part.inputs : step.ops[part.op].inputs;
}
const std::vector<TensorId>& outputs_of(const Step& step, const OpPart& part) {
  return part.kernel ? part.outputs : step.ops[part.op].outputs;
}
const Kernel& kernel_of(const Step& step, const OpPart& part) {
  return part.kernel ? *part.kernel : step.ops[part.op].kernel;
}

std::vector<OpPart> phases(const Step& step, std::size_t i) {
  const Op& op = step.ops[i];
  std::vector<OpPart> parts;
  for (const KernelPhase& phase : op.kernel.phases()) {
    const auto tensors = [&](const std::vector<OperandId>& ids) {
      std::vector<TensorId> result;
      for (const OperandId id : ids) result.push_back((id.output ? op.outputs : op.inputs)[id.at]);
      return result;
    };
    parts.emplace_back(i, phase.kernel, tensors(phase.inputs), tensors(phase.outputs));
  }
  if (parts.empty()) parts.emplace_back(i);
  return parts;
}

std::string operation_name(const Step& step, std::size_t op) {
  return step.layer_names[step.ops[op].layer] + " " + kernel_name(step.ops[op].kernel);
}

}  // namespace spillway::sim
