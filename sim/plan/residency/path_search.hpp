// What is resident between the nests of a step. The cheapest path through the graph is found by
// dynamic programming, where a state is a place and what is resident there: whole tensors, and no
// more than one in part.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/residency/edge_mappings.hpp"
#include "sim/plan/residency/part_counts.hpp"
#include "sim/plan/residency/resident_set.hpp"
#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// More words than any plan moves.
inline constexpr std::uint64_t unreachable = std::numeric_limits<std::uint64_t>::max() / 4;

/// The cheapest path in a buffer.
class PathSearch {
 public:
  /// Of tensors in `parts` a part may stay in the buffer from one nest to the next, of all others
  /// the whole; without `parts` nothing does.
  PathSearch(const ScheduleTask& task, const FusionGraph& graph, EdgeMappings& mappings,
             Words buffer, const std::optional<Counts>& parts);

  struct Found {
    Schedule schedule;
    std::uint64_t cost = 0;
  };
  /// The cheapest way from one node to another, with nothing resident at both, if it costs less
  /// than `limit`.
  std::optional<Found> run(std::size_t from, std::size_t to, std::uint64_t limit = unreachable);

 private:
  struct Reached {
    std::uint64_t cost = unreachable;
    // How it is reached, in reverse.
    ResidentSet before;
    std::size_t edge = 0, choice = 0;
  };
  struct Hash {
    std::size_t operator()(const ResidentSet& resident) const { return resident.hash(); }
  };

  /// What may be resident at a node, of which only the most promising are followed: those that cost
  /// the least, once what is resident is worth as much as bringing it in.
  struct States {
    std::unordered_map<ResidentSet, Reached, Hash> by_resident;
    /// What is worth more than this is not followed.
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
  };
  /// How many are followed from a node: fewer where parts may be resident, as there are more much
  /// alike, and in deep networks.
  std::size_t beam() const;
  std::int64_t worth(const ResidentSet& resident, std::uint64_t cost) const;

  std::vector<ResidentSet> most_promising(std::size_t node) const;

  /// Forgets what can no longer be among the most promising, once there is much of it.
  void thin_out(States& states) const;

  std::uint64_t size_of(workloads::TensorId id) const { return size_[id]; }
  std::int64_t all_of(workloads::TensorId id) const { return step_.tensor(id).shape[0]; }
  /// Of so many elements of the first dimension.
  std::uint64_t size_of(workloads::TensorId id, std::int64_t count) const;
  bool on_dram(workloads::TensorId id) const { return task_.map[id].port == models::Port::dram; }

  /// Tensors that an edge uses and that may stay in the buffer after it. The small ones come first,
  /// so that a larger buffer adds choices and takes none away.
  void find_candidates(std::size_t e, std::uint64_t negligible);

  /// Parts of a slot's tensor that may be resident; such of less than a word for each
  /// element may not.
  std::vector<std::int64_t> part_counts(const Slot& slot) const {
    return can_stand_in_part(slot) ? part_counts_[slot.tensor] : std::vector<std::int64_t>{};
  }

  /// A tensor that may be resident after an edge.
  struct Option {
    workloads::TensorId tensor = 0;
    std::int64_t count = 0;
    std::size_t slot = 0;   ///< of the nest; slots.size(): it is not used there
    bool dirty = false;     ///< afterwards
    std::uint64_t own = 0;  ///< words that it moves itself: loaded if taken, stored if it leaves
  };

  /// All that may be resident on an edge.
  void follow(const Reached& reached, const ResidentSet& resident, std::size_t e);

  bool can_stay(const Slot& slot, std::int64_t count) const {
    return count < all_of(slot.tensor) ? can_stand_in_part(slot) : sim::can_stand(slot);
  }
  bool in_part(const Option& option) const { return option.count < all_of(option.tensor); }

  /// What choices are made among.
  struct Try {
    const Reached& reached;
    const ResidentSet& resident;
    std::size_t edge, choice;
    const std::vector<Option>&take, &stay;
  };
  struct Chosen {
    std::uint64_t own = 0, resident_words = 0;
    ResidentSet next;
    ResidentSlots slots;
    bool in_part = false;  ///< something is resident so; no more than one at a time
  };

  /// What is known of the nests of a choice with all slots decided.
  struct Nests {
    EdgeMappings::Caches& caches;
    const FoundNest* best = nullptr;
    std::uint64_t none_below = 0;  ///< there are none that move fewer words
  };

  void choose_taken(const Try& all, std::size_t i, const Chosen& chosen);

  void choose_staying(const Try& all, std::size_t i, const Chosen& chosen, Nests& nests);

  void arrive(const Try& all, const Chosen& chosen, Nests& nests);

  /// Words that every way from a node to the last one moves, by node: parameters come once, and
  /// leave once they are updated.
  std::vector<std::uint64_t> words_ahead(std::size_t to) const;

  Schedule trace_back(std::size_t from, std::size_t to);

  const ScheduleTask& task_;
  const workloads::Step& step_;
  const FusionGraph& graph_;
  EdgeMappings& mappings_;
  std::uint64_t words_;
  std::vector<std::uint64_t> size_;                     // words, by tensor
  std::vector<std::vector<std::int64_t>> part_counts_;  // that fit, by tensor
  bool with_parts_ = false;
  std::vector<std::vector<workloads::TensorId>> candidates_;  // by edge
  std::vector<States> by_node_;
  std::uint64_t limit_ = unreachable;
  std::vector<std::uint64_t> ahead_;  // by node
};

}  // namespace spillway::sim
