// Tensors that are resident from their first use to their last, decided before the search of a
// path: then they make no states of it, and there can be any number of them.
#pragma once

#include <cstdint>
#include <limits>
#include <vector>

#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/residency/resident_set.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

using TensorList = std::vector<workloads::TensorId>;

/// Tensors that are used again after many other parts of the step, in the order in which they are
/// worth being pinned: first those made by the step, which would be stored and loaded, then given
/// ones. Among these the ones that wait the shortest time come first, which are those of the upper
/// layers.
TensorList worth_pinning(const ScheduleTask& task, const FusionGraph& graph);

/// What a list of pinned tensors means for ways from one node to another. A tensor that is used
/// elsewhere, too, is not pinned.
class PinnedTensors {
 public:
  PinnedTensors(const ScheduleTask& task, const FusionGraph& graph, const TensorList& tensors,
                std::size_t from, std::size_t to);

  /// Resident at a node: some of its uses are done there, and some are not.
  bool at(std::size_t node, workloads::TensorId id) const { return live_[node][index_[id]]; }
  bool has(workloads::TensorId id) const { return index_[id] != none; }
  const TensorList& tensors() const { return tensors_; }

  struct OfEdge {
    bool possible = true;     ///< its nests can have the tensors resident
    std::uint64_t words = 0;  ///< words of the buffer
    std::uint64_t own = 0;    ///< words that they move themselves: loaded first, stored last
    ResidentSlots slots;      ///< of the edge's nests, which have the same ones
  };
  OfEdge on(const Edge& edge) const;

 private:
  static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

  const ScheduleTask& task_;
  const FusionGraph& graph_;
  TensorList tensors_;
  std::vector<std::size_t> index_;       // in `tensors_`, by tensor
  std::vector<std::vector<bool>> live_;  // by node and index
};

}  // namespace spillway::sim
