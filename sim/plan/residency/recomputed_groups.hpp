// Recomputation: which layers do not keep their activations, and in which groups the backward pass
// makes them again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <vector>

#include "sim/plan/residency/path_search.hpp"

namespace spillway::sim {

/// Lower layers in groups that are made again in the backward pass: the cheapest groups of layers
/// 1 to r for every r, and which r are worth a search of the layers above. Kept by the
/// buffer's size.
class RecomputedGroups {
 public:
  RecomputedGroups(const ScheduleTask& task, const FusionGraph& graph, EdgeMappings& mappings,
                   const models::ComputeArray& array)
      : task_(task), graph_(graph), mappings_(mappings), array_(array) {}

  /// Layers 1 to r: the last of their groups, and the words that all of them move.
  struct Lower {
    std::uint64_t cost = 0;
    int first = 1;  ///< layer of the last group
    FoundNest forward, backward;
  };
  struct Choice {
    std::vector<std::optional<Lower>> lower;  ///< by r
    std::vector<int> worth_it;                ///< values of r, in order
  };
  const Choice& in(Words buffer);

  /// The groups of layers 1 to r around the schedule of the others.
  Schedule around(int r, Schedule upper, Words buffer);

 private:
  Choice choose(Words buffer) const;

  std::optional<Lower> cheapest(const std::vector<std::optional<Lower>>& lower, int r,
                                Words buffer) const;

  /// Deeper networks are searched for a few r alone, the best ones where nothing is resident.
  void keep_most_promising(Choice& choice, Words buffer) const;

  Nest nest_of(const NestSpec& spec, const FoundNest& found, Words buffer) const {
    return LoopSearch(spec).quickest_nest(found, ResidentPrefixes(spec.slots.size()),
                                          buffer.count(), array_);
  }

  const ScheduleTask& task_;
  const FusionGraph& graph_;
  EdgeMappings& mappings_;
  const models::ComputeArray& array_;
  std::map<Words, Choice> by_buffer_;
};

/// The cheapest path of less than `limit` words; with `groups` lower layers may be made again.
std::optional<PathSearch::Found> cheapest_path(PathSearch& path, const FusionGraph& graph,
                                               RecomputedGroups* groups, Words buffer,
                                               std::uint64_t limit);

}  // namespace spillway::sim
