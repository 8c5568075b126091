// Schedules that move whole tensors.
#pragma once

#include <optional>

#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// Of the schedules of whole tensors that fit the buffer the one that moves the fewest words: with
/// the lifetimes of policy `paper`, or each tensor from its first use to its last. Generated
/// tensors are streamed out of the PRNG unit. None where neither fits.
std::optional<Schedule> best_of_whole_tensors(const ScheduleTask& task);

}  // namespace spillway::sim
