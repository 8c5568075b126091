#include "sim/plan/lifetimes/op_needs.hpp"

#include <algorithm>

#include "workloads/step_needs.hpp"

namespace spillway::sim {

OpNeeds op_needs(const workloads::Step& step, const workloads::Op& op) {
  OpNeeds needs;
  for (const workloads::TensorId id : op.inputs) {
    if (step.tensor(id).generated) {
      needs.generates.push_back(id);
      const workloads::Generated& made = *step.tensor(id).generated;
      needs.reads.push_back(made.seed);
      if (made.sign_seed) needs.reads.push_back(*made.sign_seed);
    } else {
      needs.reads.push_back(id);
    }
  }
  needs.writes = op.outputs;
  return needs;
}

workloads::Words words_once(const workloads::Step& step, const workloads::Tensor& tensor) {
  if (tensor.generated) return {};
  const auto has = [&](const std::vector<workloads::TensorId>& ids) {
    return std::ranges::find(ids, tensor.id) != ids.end();
  };
  bool read = false, written = false;
  for (const workloads::Op& op : step.ops) {
    const OpNeeds needs = op_needs(step, op);
    read |= has(needs.reads);
    written |= has(needs.writes);
  }
  const bool images = tensor.kind == workloads::TensorKind::input_images;
  const workloads::Words words = images
                                     ? workloads::Words(workloads::values_needed(step, tensor.id))
                                     : workloads::words_of(tensor.bytes());
  const bool kept = tensor.lifetime == workloads::Lifetime::parameter ||
                    tensor.lifetime == workloads::Lifetime::output;
  workloads::Words once;
  if (tensor.is_given() && read) once += words;
  if (kept && written) once += words;
  return once;
}

}  // namespace spillway::sim
