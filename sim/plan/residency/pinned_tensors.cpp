#include "sim/plan/residency/pinned_tensors.hpp"

#include <algorithm>

#include "sim/plan/limits.hpp"
#include "sim/plan/residency/part_counts.hpp"

namespace spillway::sim {

using workloads::Tensor;
using workloads::TensorId;

TensorList worth_pinning(const ScheduleTask& task, const FusionGraph& graph) {
  struct Waiting {
    bool given = false;
    std::size_t wait = 0;
    TensorId id = 0;
    auto operator<=>(const Waiting&) const = default;
  };
  std::vector<Waiting> waiting;
  const std::uint64_t negligible = counted_words(task).count() / limits.negligible;
  for (const Tensor& tensor : task.step.tensors) {
    if (counted_words(task, tensor).count() <= negligible) continue;
    const std::size_t wait = graph.longest_wait(tensor.id);
    if (wait < limits.pinned_wait) continue;
    waiting.push_back({tensor.is_given(), wait, tensor.id});
  }
  std::sort(waiting.begin(), waiting.end());
  TensorList result;
  for (const Waiting& each : waiting) result.push_back(each.id);
  return result;
}

PinnedTensors::PinnedTensors(const ScheduleTask& task, const FusionGraph& graph,
                             const TensorList& tensors, std::size_t from, std::size_t to)
    : task_(task), graph_(graph), index_(task.step.tensors.size(), none) {
  const auto is_live = [&](TensorId id, std::size_t node) {
    return graph.used_before(id, node) && graph.used(id, node);
  };
  for (const TensorId id : tensors) {
    if (graph.used_before(id, from) || graph.used(id, to)) continue;
    index_[id] = tensors_.size();
    tensors_.push_back(id);
  }
  live_.resize(graph.nodes_in_order().size());
  for (std::size_t node = 0; node < live_.size(); ++node) {
    for (const TensorId id : tensors_) live_[node].push_back(is_live(id, node));
  }
}

PinnedTensors::OfEdge PinnedTensors::on(const Edge& edge) const {
  OfEdge result;
  const NestSpec& spec = edge.choice.front();
  for (const TensorId id : tensors_) {
    const bool before = at(edge.from, id), after = at(edge.to, id);
    if (!before && !after) continue;
    const std::uint64_t size = words_of(task_.step.tensor(id).bytes()).count();
    result.words += size;
    const std::size_t s = spec.slot_of(id);
    if (s == spec.slots.size()) continue;
    const Slot& slot = spec.slots[s];
    const bool possible = std::ranges::all_of(edge.choice, [&](const NestSpec& each) {
      return can_be_resident(each.slots[each.slot_of(id)]);
    });
    if (!possible) {
      result.possible = false;
      return result;
    }
    result.slots.insert({s, task_.step.tensor(id).shape[0]});
    if (!before && slot.source == Slot::Source::outside) result.own += size;
    if (!after && graph_.wanted(id, edge.to) &&
        (slot.changed || graph_.written_before(id, edge.from)))
      result.own += size;
  }
  return result;
}

}  // namespace spillway::sim
