#include "sim/plan/lifetimes/residence.hpp"

#include <algorithm>

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Op;
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
std::vector<Residence> stays_of(const Step& step, const Tensor& tensor,
                                const std::vector<Use>& uses, bool lasting) {
  std::vector<Residence> result;
  for (std::size_t i = 0; i < uses.size(); ++i) {
    if (i == 0 || !(lasting || stays(step, tensor.id, uses[i - 1], uses[i]))) {
      Residence residence;
      residence.tile = models::whole_tensor(tensor.id, tensor.shape);
      residence.first_op = uses[i].op;
      residence.begin = uses[i].reads ? Residence::Begin::load : Residence::Begin::made_by_op;
      result.push_back(residence);
    }
    result.back().last_op = uses[i].op;
    result.back().changed |= uses[i].writes;
  }
  for (std::size_t i = 0; i < result.size(); ++i) {
    const bool wanted_later = i + 1 < result.size() ? result[i + 1].begin == Residence::Begin::load
                                                    : tensor.lifetime == Lifetime::parameter ||
                                                          tensor.lifetime == Lifetime::output;
    result[i].store_at_end = result[i].changed && wanted_later;
  }
  return result;
}

}  // namespace

OpNeeds op_needs(const Step& step, const Op& op) {
  OpNeeds needs;
  for (const TensorId id : op.inputs) {
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

namespace {

std::vector<Residence> residences(const Step& step, bool lasting) {
  std::vector<Residence> result;
  const auto uses = uses_by_tensor(step);
  for (const Tensor& tensor : step.tensors) {
    const std::vector<Residence> stays = stays_of(step, tensor, uses[tensor.id], lasting);
    result.insert(result.end(), stays.begin(), stays.end());
  }
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    for (const TensorId id : op_needs(step, step.ops[i]).generates) {
      Residence residence;
      residence.tile = models::whole_tensor(id, step.tensor(id).shape);
      residence.first_op = residence.last_op = i;
      residence.begin = Residence::Begin::generate;
      residence.changed = true;
      result.push_back(residence);
    }
  }
  return result;
}

}  // namespace

std::vector<Residence> paper_residences(const Step& step) { return residences(step, false); }

std::vector<Residence> lasting_residences(const Step& step) { return residences(step, true); }

}  // namespace spillway::sim
