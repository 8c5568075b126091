// Prefixes of tensors that may be resident where not all of a tensor is.
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
Words counted_words(const ScheduleTask& task, const workloads::Tensor& tensor);
Words counted_words(const ScheduleTask& task);

/// Of every tensor large enough to matter, parts of all sizes, coarsely.
Counts coarse_parts(const ScheduleTask& task);

/// Of the tensors that are resident in part in a schedule, that part and others a little larger:
/// the finer the more rounds there were.
Counts finer_parts(const Schedule& schedule, const workloads::Step& step, int rounds);

}  // namespace spillway::sim
