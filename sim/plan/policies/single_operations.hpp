// Every operation in a nest of its own, and the buffer that the largest of them needs.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/mapping/candidates.hpp"
#include "sim/plan/schedule_task.hpp"
#include "workloads/support/units.hpp"

namespace spillway::sim {

/// Every operation alone.
std::vector<NestChoice> single_operations(const ScheduleTask& task);

/// The nest that needs the most words of buffer.
struct BufferNeeded {
  std::string name;
  workloads::Words words;
};
BufferNeeded largest_need(const std::vector<NestChoice>& choices);
[[noreturn]] void refuse_buffer(const ScheduleTask& task, const BufferNeeded& needed);

}  // namespace spillway::sim
