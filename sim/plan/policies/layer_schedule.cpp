#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/policies/policies.hpp"
#include "sim/plan/policies/single_operations.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

Schedule layer_schedule(const ScheduleTask& task) {
  const Words words = words_of(task.device.buffer);
  const std::vector<NestChoice> choices = single_operations(task);
  const models::ComputeArray array = task.device.array();
  Schedule schedule;
  for (const NestChoice& choice : choices) {
    const std::optional<Nest> nest = choose(choice, words.count(), array);
    if (!nest) refuse_buffer(task, largest_need(choices));
    schedule.nests.push_back(*nest);
  }
  if (!place(schedule, task.step, words)) {
    throw workloads::ConsistencyError("nests without residencies do not fit where each alone does");
  }
  return schedule;
}

}  // namespace spillway::sim
