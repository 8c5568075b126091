#include "sim/plan/policies/whole_tensors.hpp"

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/allocation/residency_placement.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/lifetimes/whole_tensors.hpp"
#include "sim/plan/policies/policies.hpp"

namespace spillway::sim {

Schedule paper_schedule(const ScheduleTask& task) {
  Schedule schedule{{}, paper_residencies(task.step)};
  place_residencies(task.step, task.device, schedule.residencies);
  return schedule;
}

std::optional<Schedule> best_of_whole_tensors(const ScheduleTask& task) {
  std::optional<Schedule> best;
  Words least;
  for (auto* residencies_of : {lasting_residencies, paper_residencies}) {
    Schedule schedule{{}, residencies_of(task.step)};
    std::erase_if(schedule.residencies, [](const Residency& residency) {
      return residency.begin == Residency::Begin::generate;
    });
    try {
      place_residencies(task.step, task.device, schedule.residencies);
    } catch (const BufferTooSmall&) {
      continue;
    }
    const Words cost = cost_of(schedule, task.step, task.counted());
    if (best && cost >= least) continue;
    best = std::move(schedule);
    least = cost;
  }
  return best;
}

}  // namespace spillway::sim
