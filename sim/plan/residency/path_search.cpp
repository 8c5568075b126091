#include "sim/plan/residency/path_search.hpp"

#include <algorithm>
#include <map>

#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/fitted_nest.hpp"

namespace spillway::sim {

using workloads::Lifetime;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

PathSearch::PathSearch(const ScheduleTask& task, const FusionGraph& graph, EdgeMappings& mappings,
                       Words buffer, const std::optional<Counts>& parts, TensorList pinned)
    : task_(task),
      step_(task.step),
      graph_(graph),
      mappings_(mappings),
      words_(buffer.count()),
      to_pin_(std::move(pinned)) {
  for (const Tensor& tensor : step_.tensors) size_.push_back(words_of(tensor.bytes()).count());
  part_counts_.resize(size_.size());
  for (const auto& [id, counts] : parts.value_or(Counts{})) {
    for (const std::int64_t count : counts) {
      if (size_of(id, count) <= words_) part_counts_[id].push_back(count);
    }
  }
  // Tensors so small are not worth a choice.
  const std::uint64_t negligible = counted_words(task).count() / limits.negligible;
  candidates_.resize(graph.edges().size());
  if (!parts) return;
  with_parts_ = !parts->empty();
  for (std::size_t e = 0; e < candidates_.size(); ++e) find_candidates(e, negligible);
}

std::optional<PathSearch::Found> PathSearch::run(std::size_t from, std::size_t to,
                                                 std::uint64_t limit) {
  by_node_.assign(graph_.nodes_in_order().size(), {});
  limit_ = limit;
  ahead_ = words_ahead(to);
  pin(from, to);
  by_node_[from].by_resident[{}].cost = 0;
  for (const std::size_t node : graph_.nodes_in_order()) {
    States& states = by_node_[node];
    if (states.by_resident.empty()) continue;
    States followed;
    for (const ResidentSet& set : most_promising(node)) {
      followed.by_resident.emplace(set, states.by_resident.at(set));
      for (const std::size_t e : graph_.leaving(node)) follow(states.by_resident.at(set), set, e);
    }
    if (node != to) states = std::move(followed);
  }
  const auto end = by_node_[to].by_resident.find({});
  if (end == by_node_[to].by_resident.end()) return std::nullopt;
  return Found{trace_back(from, to), end->second.cost};
}

void PathSearch::pin(std::size_t from, std::size_t to) {
  pinned_.emplace(task_, graph_, to_pin_, from, to);
  pinned_on_.clear();
  for (const Edge& edge : graph_.edges()) pinned_on_.push_back(pinned_->on(edge));
}

std::size_t PathSearch::beam() const {
  if (graph_.is_deep()) return limits.beam_if_deep;
  return with_parts_ ? limits.beam_with_parts : limits.beam;
}

std::int64_t PathSearch::worth(const ResidentSet& resident, std::uint64_t cost) const {
  auto result = static_cast<std::int64_t>(cost);
  for (const ResidentTensor& each : resident)
    result -= static_cast<std::int64_t>(size_of(each.tensor, each.count));
  return result;
}

std::vector<ResidentSet> PathSearch::most_promising(std::size_t node) const {
  struct State {
    std::int64_t cost = 0;
    ResidentSet resident;
    auto operator<=>(const State&) const = default;
  };
  std::vector<State> states;
  for (const auto& [resident, reached] : by_node_[node].by_resident) {
    states.push_back({worth(resident, reached.cost), resident});
  }
  std::sort(states.begin(), states.end());
  states.resize(std::min(states.size(), beam()));
  std::vector<ResidentSet> result;
  for (const State& state : states) result.push_back(state.resident);
  return result;
}

void PathSearch::thin_out(States& states) const {
  if (states.by_resident.size() < limits.beams_kept * beam()) return;
  std::vector<std::int64_t> costs;
  for (const auto& [resident, reached] : states.by_resident)
    costs.push_back(worth(resident, reached.cost));
  const auto last = costs.begin() + static_cast<std::ptrdiff_t>(beam() - 1);
  std::nth_element(costs.begin(), last, costs.end());
  states.most = *last;
  std::erase_if(states.by_resident, [&](const auto& state) {
    return worth(state.first, state.second.cost) > states.most;
  });
}

std::uint64_t PathSearch::size_of(TensorId id, std::int64_t count) const {
  if (count == all_of(id)) return size_of(id);
  return size_of(id) / static_cast<std::uint64_t>(all_of(id)) * static_cast<std::uint64_t>(count);
}

void PathSearch::find_candidates(std::size_t e, std::uint64_t negligible) {
  const Edge& edge = graph_.edges()[e];
  std::vector<TensorId>& result = candidates_[e];
  for (const NestSpec& spec : edge.choice) {
    for (const Slot& slot : spec.slots) {
      const TensorId id = slot.tensor;
      if (slot.source == Slot::Source::streamed || slot.source == Slot::Source::recomputed)
        continue;
      if (!counts(id) || size_of(id) < negligible) continue;
      if (size_of(id) > words_ && part_counts(slot).empty()) continue;
      if (!is_used_soon(id, edge.to)) continue;
      if (std::find(result.begin(), result.end(), id) == result.end()) result.push_back(id);
    }
  }
  std::stable_sort(result.begin(), result.end(),
                   [&](TensorId a, TensorId b) { return size_of(a) < size_of(b); });
}

bool PathSearch::is_used_soon(TensorId id, std::size_t node) const {
  if (to_pin_.empty()) return graph_.used_within(id, node, limits.idle_distance);
  return !part_counts_[id].empty() || graph_.used_within(id, node, limits.idle_if_pinned);
}

bool PathSearch::resident_options(const std::vector<ResidentTensor>& residents,
                                  const NestSpec& spec, std::size_t to,
                                  std::vector<Option>& options, ResidentSlots& slots) const {
  for (const ResidentTensor& each : residents) {
    Option option{each.tensor, each.count, spec.slot_of(each.tensor), each.dirty, 0};
    if (option.slot < spec.slots.size()) {
      const Slot& slot = spec.slots[option.slot];
      if (!may_be_resident(slot, each.count)) return false;
      option.dirty = option.dirty || slot.changed;
      slots.insert({option.slot, each.count});
    }
    if (option.dirty && graph_.wanted(each.tensor, to)) {
      option.own = size_of(each.tensor, each.count);
    }
    options.push_back(option);
  }
  return true;
}

std::vector<PathSearch::Option> PathSearch::entering_options(
    const std::vector<TensorId>& candidates, const NestSpec& spec) const {
  std::vector<Option> result;
  for (const TensorId id : candidates) {
    const std::size_t s = spec.slot_of(id);
    if (s == spec.slots.size()) continue;
    const Slot& slot = spec.slots[s];
    std::vector<std::int64_t> counts = part_counts(slot);
    if (may_be_resident(slot, all_of(id))) counts.push_back(all_of(id));
    for (const std::int64_t count : counts) {
      const bool outside = slot.source == Slot::Source::outside;
      result.push_back({id, count, s, slot.changed, outside ? size_of(id, count) : 0});
    }
  }
  return result;
}

void PathSearch::follow(const Reached& reached, const ResidentSet& resident, std::size_t e) {
  const Edge& edge = graph_.edges()[e];
  const PinnedTensors::OfEdge& pinned = pinned_on_[e];
  if (!pinned.possible || reached.cost + ahead_[edge.to] >= limit_) return;
  std::vector<TensorId> candidates;
  for (const TensorId id : candidates_[e]) {
    if (!resident.has(id) && !pinned_->has(id)) candidates.push_back(id);
  }
  // Residents that are not used any more leave; each of the others may leave or remain.
  std::vector<ResidentTensor> may_remain, leave;
  std::uint64_t resident_words = pinned.words;
  for (const ResidentTensor& each : resident) {
    (graph_.used(each.tensor, edge.to) ? may_remain : leave).push_back(each);
    resident_words += size_of(each.tensor, each.count);
  }
  if (resident_words >= words_) return;
  if (candidates.size() + may_remain.size() > limits.candidates) {
    candidates.resize(limits.candidates - may_remain.size());
  }
  for (std::size_t c = 0; c < edge.choice.size(); ++c) {
    const NestSpec& spec = edge.choice[c];
    ResidentSlots slots = pinned.slots;
    std::vector<Option> leaving, remaining;
    if (!resident_options(leave, spec, edge.to, leaving, slots)) continue;
    if (!resident_options(may_remain, spec, edge.to, remaining, slots)) continue;
    std::uint64_t own = pinned.own;
    for (const Option& option : leaving) own += option.own;
    const std::vector<Option> entering = entering_options(candidates, spec);
    choose_entering({reached, resident, e, c, entering, remaining}, 0,
                    {own, resident_words, {}, slots});
  }
}

void PathSearch::choose_entering(const Try& all, std::size_t i, const Chosen& chosen) {
  if (i == all.entering.size()) {
    if (all.reached.cost + chosen.own >= limit_) return;
    Nests nests{mappings_.caches(all.edge, chosen.slots)};
    choose_remaining(all, 0, chosen, nests);
    return;
  }
  choose_entering(all, i + 1, chosen);
  const Option& option = all.entering[i];
  if (chosen.next.size() == most_residents() || (chosen.in_part && in_part(option))) return;
  Chosen more = chosen;
  more.own += option.own;
  more.resident_words += size_of(option.tensor, option.count);
  if (more.resident_words >= words_) return;
  more.next.insert({option.tensor, option.count, option.dirty});
  more.slots.insert({option.slot, option.count});
  more.in_part = more.in_part || in_part(option);
  while (i < all.entering.size() && all.entering[i].tensor == option.tensor) ++i;
  choose_entering(all, i, more);
}

void PathSearch::choose_remaining(const Try& all, std::size_t i, const Chosen& chosen,
                                  Nests& nests) {
  if (all.reached.cost + chosen.own >= limit_) return;
  if (i == all.remaining.size()) {
    arrive(all, chosen, nests);
    return;
  }
  const Option& option = all.remaining[i];
  Chosen more = chosen;
  more.own += option.own;
  // Where it is not used it could have left before.
  const NestSpec& spec = graph_.edges()[all.edge].choice[all.choice];
  if (option.slot < spec.slots.size()) choose_remaining(all, i + 1, more, nests);
  if (chosen.next.size() == most_residents() || (chosen.in_part && in_part(option))) return;
  more = chosen;
  more.next.insert({option.tensor, option.count, option.dirty});
  more.in_part = more.in_part || in_part(option);
  choose_remaining(all, i + 1, more, nests);
}

void PathSearch::arrive(const Try& all, const Chosen& chosen, Nests& nests) {
  const std::size_t to = graph_.edges()[all.edge].to;
  const std::uint64_t cost = all.reached.cost + chosen.own;
  std::uint64_t later = ahead_[to];
  for (const ResidentTensor& each : chosen.next) {
    if (each.dirty && graph_.stored_last(each.tensor)) later += size_of(each.tensor, each.count);
  }
  if (cost + later >= limit_) return;
  States& states = by_node_[to];
  std::uint64_t bound = limit_ - later;
  if (states.most != std::numeric_limits<std::int64_t>::max()) {
    const std::int64_t end = states.most - worth(chosen.next, 0) + 1;
    if (end <= 0) return;
    bound = std::min(bound, static_cast<std::uint64_t>(end));
  }
  const auto reaches_less = [&] {
    if (cost >= bound || bound - cost <= nests.none_below) return false;
    return nests.best == nullptr || cost + nests.best->cost < bound;
  };
  if (!reaches_less()) return;
  const auto known = states.by_resident.find(chosen.next);
  if (known != states.by_resident.end()) {
    bound = std::min(bound, known->second.cost);
    if (!reaches_less()) return;
  }
  if (nests.best == nullptr) {
    const FoundNest* found = mappings_.find(all.edge, all.choice, chosen.slots, nests.caches,
                                            words_ - chosen.resident_words, bound - cost);
    if (found == nullptr || cost + found->cost >= bound) {
      nests.none_below = bound - cost;
      return;
    }
    nests.best = found;
  }
  const Reached better{cost + nests.best->cost, all.resident, all.edge, all.choice};
  if (known != states.by_resident.end()) {
    known->second = better;
  } else {
    states.by_resident.emplace(chosen.next, better);
    thin_out(states);
  }
}

std::vector<std::uint64_t> PathSearch::words_ahead(std::size_t to) const {
  std::vector<std::uint64_t> result(graph_.nodes_in_order().size());
  for (std::size_t node = 0; node < result.size(); ++node) {
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.lifetime != Lifetime::parameter || !counts(tensor.id)) continue;
      if (graph_.first_read(tensor.id, node, to)) result[node] += size_of(tensor.id);
      if (graph_.written(tensor.id, node, to)) result[node] += size_of(tensor.id);
    }
  }
  return result;
}

std::vector<PathSearch::Taken> PathSearch::path(std::size_t from, std::size_t to) const {
  const auto with_pinned = [&](ResidentSet resident, std::size_t node) {
    for (const TensorId id : pinned_->tensors()) {
      if (!pinned_->at(node, id)) continue;
      resident.insert({id, all_of(id), graph_.written_before(id, node)});
    }
    return resident;
  };
  std::vector<Taken> result;
  for (ResidentSet resident; to != from;) {
    const Reached& reached = by_node_[to].by_resident.at(resident);
    const std::size_t before = graph_.edges()[reached.edge].from;
    result.push_back({with_pinned(reached.before, before), with_pinned(resident, to), reached.edge,
                      reached.choice});
    to = before;
    resident = reached.before;
  }
  std::reverse(result.begin(), result.end());
  return result;
}

Schedule PathSearch::trace_back(std::size_t from, std::size_t to) {
  const std::vector<Taken> path = this->path(from, to);
  Schedule schedule;
  std::map<TensorId, std::size_t> open;  // residencies
  for (std::size_t n = 0; n < path.size(); ++n) {
    const auto& [before, after, e, c] = path[n];
    const Edge& edge = graph_.edges()[e];
    const NestSpec& spec = edge.choice[c];
    std::vector<ResidentTensor> all(before.begin(), before.end());
    for (const ResidentTensor& each : after) {
      if (!before.has(each.tensor)) all.push_back(each);
    }
    std::uint64_t resident_words = 0;
    ResidentSlots slots;
    for (const ResidentTensor& each : all) {
      const std::size_t s = spec.slot_of(each.tensor);
      const bool here = s < spec.slots.size();
      resident_words += size_of(each.tensor, each.count);
      if (here) slots.insert({s, each.count});
      if (!open.contains(each.tensor)) {
        using Begin = Residency::Begin;
        const bool loads = spec.slots[s].source == Slot::Source::outside;
        open[each.tensor] = schedule.residencies.size();
        schedule.residencies.push_back(
            {each.tensor, each.count, n, n, loads ? Begin::load : Begin::make, false, Words(0)});
      }
      Residency& residency = schedule.residencies[open[each.tensor]];
      residency.last = n;
      if (after.has(each.tensor)) continue;
      const bool dirty = each.dirty || (here && spec.slots[s].changed);
      residency.stored = dirty && graph_.wanted(each.tensor, edge.to);
      open.erase(each.tensor);
    }
    const FoundNest& found = mappings_.quickest(e, c, slots, words_ - resident_words);
    schedule.nests.push_back(
        make_nest(spec, found, slots.prefixes(spec.slots.size()), words_ - resident_words));
  }
  return schedule;
}

}  // namespace spillway::sim
