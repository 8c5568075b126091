#include "sim/plan/residency/recomputed_groups.hpp"

#include <algorithm>

#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/nest_search.hpp"

namespace spillway::sim {

const RecomputedGroups::Choice& RecomputedGroups::in(Words buffer) {
  const auto [known, is_new] = by_buffer_.try_emplace(buffer);
  if (is_new) known->second = choose(buffer);
  return known->second;
}

Schedule RecomputedGroups::around(int r, Schedule upper, Words buffer) {
  const Choice& choice = in(buffer);
  std::vector<Nest> forward, backward;
  for (int last = r; last > 0;) {
    const Lower& group = *choice.lower[static_cast<std::size_t>(last)];
    const FusionGraph::Recomputation specs = *graph_.recomputation(group.first, last);
    forward.push_back(nest_of(specs.forward, group.forward, buffer));
    backward.push_back(nest_of(specs.backward, group.backward, buffer));
    last = group.first - 1;
  }
  Schedule schedule;
  schedule.nests.assign(forward.rbegin(), forward.rend());
  for (Residency& residency : upper.residencies) {
    residency.first += forward.size();
    residency.last += forward.size();
  }
  schedule.residencies = std::move(upper.residencies);
  schedule.nests.insert(schedule.nests.end(), upper.nests.begin(), upper.nests.end());
  schedule.nests.insert(schedule.nests.end(), backward.begin(), backward.end());
  return schedule;
}

RecomputedGroups::Choice RecomputedGroups::choose(Words buffer) const {
  Choice choice{std::vector<std::optional<Lower>>(static_cast<std::size_t>(graph_.depth()) + 1),
                {}};
  choice.lower[0] = Lower{};
  for (int r = 1; r < graph_.depth() && graph_.has_backward(r); ++r) {
    choice.lower[static_cast<std::size_t>(r)] = cheapest(choice.lower, r, buffer);
    const bool tried = r <= limits.recomputed_to || r % (r / 4) == 0;
    if (tried && choice.lower[static_cast<std::size_t>(r)]) choice.worth_it.push_back(r);
  }
  if (graph_.depth() > limits.recomputed_to) keep_most_promising(choice, buffer);
  return choice;
}

std::optional<RecomputedGroups::Lower> RecomputedGroups::cheapest(
    const std::vector<std::optional<Lower>>& lower, int r, Words buffer) const {
  std::optional<Lower> best;
  for (int i = 1; i <= r; ++i) {
    const std::optional<Lower>& below = lower[static_cast<std::size_t>(i - 1)];
    if (!below || !graph_.may_go_together(i, r)) continue;
    const std::optional<FusionGraph::Recomputation> recomputed = graph_.recomputation(i, r);
    if (!recomputed) continue;
    const auto find = [&](const NestSpec& spec) {
      return LoopSearch(spec).find(ResidentPrefixes(spec.slots.size()), buffer.count());
    };
    const auto forward = find(recomputed->forward), backward = find(recomputed->backward);
    if (!forward || !backward) continue;
    const std::uint64_t cost = below->cost + forward->cost + backward->cost;
    if (!best || cost < best->cost) best = Lower{cost, i, *forward, *backward};
  }
  return best;
}

void RecomputedGroups::keep_most_promising(Choice& choice, Words buffer) const {
  std::vector<std::pair<std::uint64_t, int>> by_cost;
  PathSearch path(task_, graph_, mappings_, buffer, std::nullopt);
  for (const int r : choice.worth_it) {
    const auto upper = path.run(graph_.above(r), graph_.below(r));
    if (!upper) continue;
    by_cost.emplace_back(choice.lower[static_cast<std::size_t>(r)]->cost + upper->cost, r);
  }
  std::sort(by_cost.begin(), by_cost.end());
  by_cost.resize(std::min(by_cost.size(), limits.recomputed_searched));
  choice.worth_it.clear();
  for (const auto& [cost, r] : by_cost) choice.worth_it.push_back(r);
  std::sort(choice.worth_it.begin(), choice.worth_it.end());
}

std::optional<PathSearch::Found> cheapest_path(PathSearch& path, const FusionGraph& graph,
                                               RecomputedGroups* groups, Words buffer,
                                               std::uint64_t limit) {
  std::optional<PathSearch::Found> best = path.run(graph.first(), graph.last(), limit);
  if (groups == nullptr) return best;
  const RecomputedGroups::Choice& choice = groups->in(buffer);
  for (const int r : choice.worth_it) {
    const std::uint64_t lower = choice.lower[static_cast<std::size_t>(r)]->cost;
    const std::uint64_t most = best ? best->cost : limit;
    if (lower >= most) continue;
    std::optional<PathSearch::Found> upper = path.run(graph.above(r), graph.below(r), most - lower);
    if (!upper) continue;
    best = PathSearch::Found{groups->around(r, std::move(upper->schedule), buffer),
                             lower + upper->cost};
  }
  return best;
}

}  // namespace spillway::sim
