// How much of a tensor may stay in the buffer where not all of it does.
#pragma once

#include <cstdint>
#include <map>
#include <vector>

#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// By tensor, parts of it that may be resident: elements of its first dimension.
using Counts = std::map<workloads::TensorId, std::vector<std::int64_t>>;

/// Words that a tensor takes in DRAM, and that all of a step's take.
Words words_in_dram(const ScheduleTask& task, const workloads::Tensor& tensor);
Words words_in_dram(const ScheduleTask& task);

/// Of every tensor large enough to matter, parts of all sizes, coarsely.
Counts coarse_parts(const ScheduleTask& task);

/// Of the tensors of which a part stays in a schedule, that part and others a little larger: the
/// finer the more rounds there were.
Counts finer_parts(const Schedule& schedule, const workloads::Step& step, int rounds);

}  // namespace spillway::sim
