#include "sim/plan/emission/order_check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/operations/phases.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

void check_order(const Schedule& schedule, const Step& step) {
  // The last nest that wrote each tensor for each operation: a reader must come after the last
  // writer before it in the step, and before the next one.
  struct Done {
    std::size_t op, nest;
    bool writes;
  };
  std::vector<std::vector<Done>> uses(step.tensors.size());
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const NestSpec& spec = schedule.nests[n].spec;
    for (const NestOp& op : spec.ops) {
      const auto note = [&](const NestOp::Operand& operand, bool writes) {
        const Slot& slot = spec.slots[operand.slot];
        if (slot.source == Slot::Source::streamed || slot.source == Slot::Source::recomputed)
          return;
        if (step.tensor(slot.tensor).lifetime == workloads::Lifetime::temporary &&
            slot.source == Slot::Source::made) {
          return;  // its own business
        }
        uses[slot.tensor].push_back({op.op, n, writes});
      };
      for (const NestOp::Operand& operand : op.inputs) note(operand, false);
      for (const NestOp::Operand& operand : op.outputs) note(operand, true);
    }
  }
  for (const Tensor& tensor : step.tensors) {
    if (tensor.lifetime == workloads::Lifetime::temporary) continue;
    for (const Done& a : uses[tensor.id]) {
      for (const Done& b : uses[tensor.id]) {
        if ((a.writes || b.writes) && a.op < b.op && a.nest > b.nest) {
          throw workloads::ConsistencyError("the schedule reverses operations on " + tensor.name);
        }
      }
    }
  }
}

void check_complete(const Schedule& schedule, const Step& step) {
  if (schedule.by_operations()) return;
  std::vector<std::vector<const NestOp*>> runs(step.ops.size());
  for (const Nest& nest : schedule.nests) {
    for (const NestOp& op : nest.spec.ops) runs[op.op].push_back(&op);
  }
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    for (const OpPart& phase : phases(step, i)) {
      const bool runs_here = std::ranges::any_of(runs[i], [&](const NestOp* op) {
        return !op->kernel || !phase.kernel || op->kernel->same_kind(*phase.kernel);
      });
      if (!runs_here) {
        throw workloads::ConsistencyError("the schedule leaves out " + operation_name(step, i));
      }
    }
  }
}

}  // namespace spillway::sim
