// The policies. Each gives a schedule that fits the buffer, or throws BufferTooSmall.
#pragma once

#include <vector>

#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// Policy `paper`: operations on whole tensors, which are resident for as long as Table 1 of the
/// paper assumes (paper_residencies). Throws when the buffer cannot hold a stage's tensors.
Schedule paper_schedule(const ScheduleTask& task);

/// Policy `layer`: each operation alone, its operands from and to memory, in the tiles that move
/// the fewest words. Throws when the buffer cannot hold the smallest tiles.
Schedule layer_schedule(const ScheduleTask& task);

/// Policy `best`: operations joined, tensors kept in the buffer, layers grouped, in whatever way
/// moves the fewest words among the schedules searched; with `recompute`, activations may be made
/// again in the backward pass instead of being stored. Where whole tensors move no more words, they
/// do. Throws as layer_schedule does.
Schedule best_schedule(const ScheduleTask& task, bool recompute);

/// That of policy `best`, and others of few words in buffers of these sizes, found in less time.
/// Throws as layer_schedule does.
std::vector<Schedule> schedules_of_few_words(const ScheduleTask& task, bool recompute,
                                             const std::vector<Words>& sizes);

/// The same policies where another objective than words is minimised: the cheapest, by an estimate
/// (estimate/plan_cost.hpp), of schedules in which each operation stands alone and of those of the
/// fewest words in buffers up to the given one, each with loops and double buffers that make its
/// nests cheap. Throws as layer_schedule does.
Schedule cheapest_schedule(const ScheduleTask& task, bool recompute);

}  // namespace spillway::sim
