#include "sim/plan/lifetimes/op_needs.hpp"

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

}  // namespace spillway::sim
