#include "sim/plan/lifetimes/whole_tensors.hpp"

#include <algorithm>

#include "sim/plan/lifetimes/op_needs.hpp"

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Stage;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

bool contains(const std::vector<TensorId>& ids, TensorId id) {
  return std::find(ids.begin(), ids.end(), id) != ids.end();
}

/// One tensor's uses, in program order.
struct Use {
  std::size_t op, stage;
  bool reads, writes;
};

std::vector<std::vector<Use>> uses_by_tensor(const Step& step) {
  std::vector<std::vector<Use>> uses(step.tensors.size());
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    const OpNeeds needs = op_needs(step, step.ops[i]);
    const auto add = [&](TensorId id) {
      std::vector<Use>& list = uses[id];
      if (list.empty() || list.back().op != i) list.push_back({i, step.ops[i].stage, false, false});
      return &list.back();
    };
    for (const TensorId id : needs.reads) add(id)->reads = true;
    for (const TensorId id : needs.writes) add(id)->writes = true;
  }
  return uses;
}

/// Whether a tensor used at one stage is still on chip at the next stage that uses it.
bool stays(const Step& step, TensorId id, const Use& use, const Use& next) {
  if (next.stage == use.stage) return true;
  if (next.stage > use.stage + 1) return false;
  const Stage& stage = step.stages[use.stage];
  return !stage.turn || contains(stage.survivors, id);
}

/// With `lasting` a tensor is on chip from its first use to its last.
std::vector<Residency> residencies_of(const Step& step, const Tensor& tensor,
                                      const std::vector<Use>& uses, bool lasting) {
  using Begin = Residency::Begin;
  std::vector<Residency> result;
  std::vector<bool> changed;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (i == 0 || !(lasting || stays(step, tensor.id, uses[i - 1], uses[i]))) {
      const Begin begin = uses[i].reads ? Begin::load : Begin::make;
      result.push_back(
          {tensor.id, tensor.shape[0], uses[i].op, uses[i].op, begin, false, Words(0)});
      changed.push_back(false);
    }
    result.back().last = uses[i].op;
    changed.back() = changed.back() || uses[i].writes;
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const bool wanted_later = i + 1 < result.size() ? result[i + 1].begin == Begin::load
                                                    : tensor.lifetime == Lifetime::parameter ||
                                                          tensor.lifetime == Lifetime::output;
    result[i].stored = changed[i] && wanted_later;
  }
  return result;
}

std::vector<Residency> residencies(const Step& step, bool lasting) {
  std::vector<Residency> result;
  const auto uses = uses_by_tensor(step);
  for (const Tensor& tensor : step.tensors) {
    const std::vector<Residency> own = residencies_of(step, tensor, uses[tensor.id], lasting);
    result.insert(result.end(), own.begin(), own.end());
  }
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    for (const TensorId id : op_needs(step, step.ops[i]).generates) {
      const std::int64_t all = step.tensor(id).shape[0];
      result.push_back({id, all, i, i, Residency::Begin::generate, false, Words(0)});
    }
  }
  return result;
}

}  // namespace

std::vector<Residency> paper_residencies(const Step& step) { return residencies(step, false); }

std::vector<Residency> lasting_residencies(const Step& step) { return residencies(step, true); }

}  // namespace spillway::sim
