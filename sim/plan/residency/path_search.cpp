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
                       Words buffer, const std::optional<Counts>& parts)
    : task_(task), step_(task.step), graph_(graph), mappings_(mappings), words_(buffer.count()) {
  for (const Tensor& tensor : step_.tensors) size_.push_back(words_of(tensor.bytes()).count());
  part_counts_.resize(size_.size());
  for (const auto& [id, counts] : parts.value_or(Counts{})) {
    for (const std::int64_t count : counts) {
      if (size_of(id, count) <= words_) part_counts_[id].push_back(count);
    }
  }
  // Tensors so small are not worth a choice.
  const std::uint64_t negligible = words_in_dram(task).count() / limits.negligible;
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
      if (slot.source == Slot::Source::streamed || slot.source == Slot::Source::remade) continue;
      if (!on_dram(id) || size_of(id) < negligible) continue;
      if (size_of(id) > words_ && part_counts(slot).empty()) continue;
      if (!graph_.used_within(id, edge.to, limits.idle_distance)) continue;
      if (std::find(result.begin(), result.end(), id) == result.end()) result.push_back(id);
    }
  }
  std::stable_sort(result.begin(), result.end(),
                   [&](TensorId a, TensorId b) { return size_of(a) < size_of(b); });
}

void PathSearch::follow(const Reached& reached, const ResidentSet& resident, std::size_t e) {
  const Edge& edge = graph_.edges()[e];
  if (reached.cost + ahead_[edge.to] >= limit_) return;
  std::vector<TensorId> candidates;
  for (const TensorId id : candidates_[e]) {
    if (!resident.has(id)) candidates.push_back(id);
  }
  // Of those resident before, what nobody uses any more goes; each of the others may go or stay.
  std::vector<ResidentTensor> may_stay, go;
  std::uint64_t resident_words = 0;
  for (const ResidentTensor& each : resident) {
    (graph_.used(each.tensor, edge.to) ? may_stay : go).push_back(each);
    resident_words += size_of(each.tensor, each.count);
  }
  if (resident_words >= words_) return;
  if (candidates.size() + may_stay.size() > limits.candidates) {
    candidates.resize(limits.candidates - may_stay.size());
  }
  for (std::size_t c = 0; c < edge.choice.size(); ++c) {
    const NestSpec& spec = edge.choice[c];
    ResidentSlots slots;
    bool possible = true;
    std::uint64_t own = 0;
    const auto resident_option = [&](const ResidentTensor& each) {
      Option option{each.tensor, each.count, spec.slot_of(each.tensor), each.dirty, 0};
      if (option.slot < spec.slots.size()) {
        const Slot& slot = spec.slots[option.slot];
        possible = possible && can_stay(slot, each.count);
        option.dirty = option.dirty || slot.changed;
        slots.insert({option.slot, each.count});
      }
      if (option.dirty && graph_.wanted(each.tensor, edge.to)) {
        option.own = size_of(each.tensor, each.count);
      }
      return option;
    };
    for (const ResidentTensor& each : go) own += resident_option(each).own;
    std::vector<Option> take, stay;
    for (const ResidentTensor& each : may_stay) stay.push_back(resident_option(each));
    if (!possible) continue;
    for (const TensorId id : candidates) {
      const std::size_t s = spec.slot_of(id);
      if (s == spec.slots.size()) continue;
      const Slot& slot = spec.slots[s];
      std::vector<std::int64_t> counts = part_counts(slot);
      if (can_stay(slot, all_of(id))) counts.push_back(all_of(id));
      for (const std::int64_t count : counts) {
        const bool outside = slot.source == Slot::Source::outside;
        take.push_back({id, count, s, slot.changed, outside ? size_of(id, count) : 0});
      }
    }
    Try all{reached, resident, e, c, take, stay};
    choose_taken(all, 0, {own, resident_words, {}, slots});
  }
}

void PathSearch::choose_taken(const Try& all, std::size_t i, const Chosen& chosen) {
  if (i == all.take.size()) {
    if (all.reached.cost + chosen.own >= limit_) return;
    Nests nests{mappings_.caches(all.edge, chosen.slots)};
    choose_staying(all, 0, chosen, nests);
    return;
  }
  choose_taken(all, i + 1, chosen);
  const Option& option = all.take[i];
  if (chosen.next.size() == limits.residents || (chosen.in_part && in_part(option))) return;
  Chosen more = chosen;
  more.own += option.own;
  more.resident_words += size_of(option.tensor, option.count);
  if (more.resident_words >= words_) return;
  more.next.insert({option.tensor, option.count, option.dirty});
  more.slots.insert({option.slot, option.count});
  more.in_part = more.in_part || in_part(option);
  while (i < all.take.size() && all.take[i].tensor == option.tensor) ++i;
  choose_taken(all, i, more);
}

void PathSearch::choose_staying(const Try& all, std::size_t i, const Chosen& chosen, Nests& nests) {
  if (all.reached.cost + chosen.own >= limit_) return;
  if (i == all.stay.size()) {
    arrive(all, chosen, nests);
    return;
  }
  const Option& option = all.stay[i];
  Chosen more = chosen;
  more.own += option.own;
  choose_staying(all, i + 1, more, nests);
  if (chosen.next.size() == limits.residents || (chosen.in_part && in_part(option))) return;
  more = chosen;
  more.next.insert({option.tensor, option.count, option.dirty});
  more.in_part = more.in_part || in_part(option);
  choose_staying(all, i + 1, more, nests);
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
    return nests.best == nullptr || cost + nests.best->dram_words < bound;
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
    if (found == nullptr || cost + found->dram_words >= bound) {
      nests.none_below = bound - cost;
      return;
    }
    nests.best = found;
  }
  const Reached better{cost + nests.best->dram_words, all.resident, all.edge, all.choice};
  if (known != states.by_resident.end()) {
    known->second = better;
  } else {
    states.by_resident.emplace(chosen.next, better);
    thin_out(states);
  }
}

std::vector<std::uint64_t> PathSearch::words_ahead(std::size_t to) const {
  std::vector<std::uint64_t> result(by_node_.size());
  for (std::size_t node = 0; node < result.size(); ++node) {
    for (const Tensor& tensor : step_.tensors) {
      if (tensor.lifetime != Lifetime::parameter || !on_dram(tensor.id)) continue;
      if (graph_.first_read(tensor.id, node, to)) result[node] += size_of(tensor.id);
      if (graph_.written(tensor.id, node, to)) result[node] += size_of(tensor.id);
    }
  }
  return result;
}

Schedule PathSearch::trace_back(std::size_t from, std::size_t to) {
  struct Taken {
    ResidentSet before, after;
    std::size_t edge = 0, choice = 0;
  };
  std::vector<Taken> path;
  for (ResidentSet resident; to != from;) {
    const Reached& reached = by_node_[to].by_resident.at(resident);
    path.push_back({reached.before, resident, reached.edge, reached.choice});
    to = graph_.edges()[reached.edge].from;
    resident = reached.before;
  }
  std::reverse(path.begin(), path.end());
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
        make_nest(spec, found, slots.standing(spec.slots.size()), words_ - resident_words));
  }
  return schedule;
}

}  // namespace spillway::sim
