// Resident tensors between the nests of a step. The cheapest path through the graph is found by
// dynamic programming, where a state is a place and its resident tensors: whole ones, and no more
// than one in part.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <unordered_map>
#include <vector>

#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/residency/edge_mappings.hpp"
#include "sim/plan/residency/part_counts.hpp"
#include "sim/plan/residency/pinned_tensors.hpp"
#include "sim/plan/residency/resident_set.hpp"
#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// More words than any plan moves.
inline constexpr std::uint64_t unreachable = std::numeric_limits<std::uint64_t>::max() / 4;

/// The cheapest path in a buffer.
class PathSearch {
 public:
  /// Tensors in `parts` may be resident in part from one nest to the next, all others whole;
  /// without `parts` none is resident. Those of `pinned` are, from their first use to their last.
  PathSearch(const ScheduleTask& task, const FusionGraph& graph, EdgeMappings& mappings,
             Words buffer, const std::optional<Counts>& parts, TensorList pinned = {});

  struct Found {
    Schedule schedule;
    std::uint64_t cost = 0;
  };
  /// The cheapest way from one node to another, with nothing resident at both, if it costs less
  /// than `limit`.
  std::optional<Found> run(std::size_t from, std::size_t to, std::uint64_t limit = unreachable);

  /// Words that every way from one node to another moves.
  std::uint64_t lower_bound(std::size_t from, std::size_t to) const {
    return words_ahead(to)[from];
  }

 private:
  /// What the pinned tensors mean for ways between two nodes.
  void pin(std::size_t from, std::size_t to);

  struct Reached {
    std::uint64_t cost = unreachable;
    // How it is reached, in reverse.
    ResidentSet before;
    std::size_t edge = 0, choice = 0;
  };
  struct Hash {
    std::size_t operator()(const ResidentSet& resident) const { return resident.hash(); }
  };

  /// Resident sets at a node, of which only the most promising are followed: the cheapest, where
  /// resident tensors are worth the words of bringing them in.
  struct States {
    std::unordered_map<ResidentSet, Reached, Hash> by_resident;
    /// States of a larger `worth` are not followed.
    std::int64_t most = std::numeric_limits<std::int64_t>::max();
  };
  /// How many are followed from a node: fewer in a search with parts, where there are more much
  /// alike, and in deep networks.
  std::size_t beam() const;
  std::size_t most_residents() const {
    return to_pin_.empty() ? limits.residents : limits.residents_if_pinned;
  }
  std::int64_t worth(const ResidentSet& resident, std::uint64_t cost) const;

  std::vector<ResidentSet> most_promising(std::size_t node) const;

  /// Forgets states that can no longer be among the most promising, once there are many.
  void thin_out(States& states) const;

  std::uint64_t size_of(workloads::TensorId id) const { return size_[id]; }
  std::int64_t all_of(workloads::TensorId id) const { return step_.tensor(id).shape[0]; }
  /// Words of `count` elements of the first dimension.
  std::uint64_t size_of(workloads::TensorId id, std::int64_t count) const;
  bool counts(workloads::TensorId id) const { return task_.counted().counts(id); }

  /// Tensors that an edge uses and that may be resident after it. The small ones come first,
  /// so that a larger buffer adds choices and takes none away.
  void find_candidates(std::size_t e, std::uint64_t negligible);

  /// Beside pinned tensors, only those stay long that are given parts.
  bool is_used_soon(workloads::TensorId id, std::size_t node) const;

  /// Parts of a slot's tensor that may be resident; such of less than a word for each
  /// element may not.
  std::vector<std::int64_t> part_counts(const Slot& slot) const {
    return can_be_resident_in_part(slot) ? part_counts_[slot.tensor] : std::vector<std::int64_t>{};
  }

  /// A tensor that may be resident after an edge.
  struct Option {
    workloads::TensorId tensor = 0;
    std::int64_t count = 0;
    std::size_t slot = 0;   ///< of the nest; slots.size(): it is not used there
    bool dirty = false;     ///< afterwards
    std::uint64_t own = 0;  ///< words that it moves itself: loaded if taken, stored if it leaves
  };

  /// Residents of the node before a nest as options, and their slots; false where the nest cannot
  /// have one of them resident.
  bool resident_options(const std::vector<ResidentTensor>& residents, const NestSpec& spec,
                        std::size_t to, std::vector<Option>& options, ResidentSlots& slots) const;
  /// Tensors, whole or in part, that may become resident at a nest.
  std::vector<Option> entering_options(const std::vector<workloads::TensorId>& candidates,
                                       const NestSpec& spec) const;
  /// Every choice of residents on an edge.
  void follow(const Reached& reached, const ResidentSet& resident, std::size_t e);

  bool may_be_resident(const Slot& slot, std::int64_t count) const {
    return count < all_of(slot.tensor) ? can_be_resident_in_part(slot) : sim::can_be_resident(slot);
  }
  bool in_part(const Option& option) const { return option.count < all_of(option.tensor); }

  /// The options of an edge's nest, among which residents are chosen.
  struct Try {
    const Reached& reached;
    const ResidentSet& resident;
    std::size_t edge, choice;
    const std::vector<Option>&entering, &remaining;
  };
  struct Chosen {
    std::uint64_t own = 0, resident_words = 0;
    ResidentSet next;
    ResidentSlots slots;
    bool in_part = false;  ///< something is resident so; no more than one at a time
  };

  /// Known mappings of a nest with all residents decided.
  struct Nests {
    EdgeMappings::Caches& caches;
    const FoundNest* best = nullptr;
    std::uint64_t none_below = 0;  ///< there are none that move fewer words
  };

  void choose_entering(const Try& all, std::size_t i, const Chosen& chosen);

  void choose_remaining(const Try& all, std::size_t i, const Chosen& chosen, Nests& nests);

  void arrive(const Try& all, const Chosen& chosen, Nests& nests);

  /// Words that every way from a node to the last one moves, by node: parameters come once, and
  /// leave once they are updated.
  std::vector<std::uint64_t> words_ahead(std::size_t to) const;

  /// An edge of the path, and the residents on both sides, pinned ones too.
  struct Taken {
    ResidentSet before, after;
    std::size_t edge = 0, choice = 0;
  };
  std::vector<Taken> path(std::size_t from, std::size_t to) const;
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
  TensorList to_pin_;
  std::optional<PinnedTensors> pinned_;
  std::vector<PinnedTensors::OfEdge> pinned_on_;  // by edge
  std::vector<States> by_node_;
  std::uint64_t limit_ = unreachable;
  std::vector<std::uint64_t> ahead_;  // by node
};

}  // namespace spillway::sim
