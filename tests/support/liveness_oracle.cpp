#include "tests/support/liveness_oracle.hpp"

#include <set>

namespace spillway::test {

using namespace workloads;

namespace {

/// Tensors that operation `op` reads from the chip; a generated one stands for its seed.
std::set<TensorId> reads(const Step& step, const Op& op) {
  std::set<TensorId> ids;
  for (const TensorId id : op.inputs) {
    const auto& generated = step.tensors[id].generated;
    ids.insert(generated ? generated->seed : id);
    if (generated && generated->sign_seed) ids.insert(*generated->sign_seed);
  }
  return ids;
}

std::set<TensorId> touched(const Step& step, std::size_t stage) {
  std::set<TensorId> ids;
  for (const Op& op : step.ops) {
    if (op.stage != stage) continue;
    ids.merge(reads(step, op));
    ids.insert(op.outputs.begin(), op.outputs.end());
  }
  return ids;
}

/// Whether the value that a tensor has after `stage` is wanted again.
bool wanted_after(const Step& step, TensorId id, std::size_t stage) {
  for (const Op& op : step.ops) {
    if (op.stage <= stage) continue;
    if (reads(step, op).contains(id)) return true;
    for (const TensorId output : op.outputs) {
      if (output == id) return false;
    }
  }
  const Lifetime lifetime = step.tensors[id].lifetime;
  return lifetime == Lifetime::parameter || lifetime == Lifetime::output;
}

}  // namespace

OracleCounts liveness_oracle(const Step& step, const sim::Idealisations& idealised) {
  OracleCounts counts;
  const auto move = [&](TensorId id, bool write) {
    const Tensor& tensor = step.tensors[id];
    const auto item = sim::item_of(step, tensor);
    const bool host = item && idealised.contains(*item);
    const std::uint64_t words = (tensor.elements() * tensor.element.count() + 3) / 4;
    (host ? (write ? counts.host_write : counts.host_read)
          : (write ? counts.dram_write : counts.dram_read)) += words;
  };
  std::set<TensorId> on_chip, changed;
  for (std::size_t stage = 0; stage < step.stages.size(); ++stage) {
    for (const Op& op : step.ops) {
      if (op.stage != stage) continue;
      for (const TensorId id : reads(step, op)) {
        if (on_chip.insert(id).second) move(id, false);
      }
      on_chip.insert(op.outputs.begin(), op.outputs.end());
      changed.insert(op.outputs.begin(), op.outputs.end());
    }
    std::set<TensorId> staying;
    if (stage + 1 < step.stages.size()) staying = touched(step, stage + 1);
    if (step.stages[stage].turn) {
      staying = {step.stages[stage].survivors.begin(), step.stages[stage].survivors.end()};
    }
    for (const TensorId id : std::set<TensorId>(on_chip)) {
      if (staying.contains(id)) continue;
      if (changed.contains(id) && wanted_after(step, id, stage)) move(id, true);
      on_chip.erase(id);
      changed.erase(id);
    }
  }
  return counts;
}

}  // namespace spillway::test
