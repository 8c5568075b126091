#include "sim/plan/policies/whole_tensors.hpp"

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/allocation/placement.hpp"
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
  Words fewest;
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
    const Words words = dram_words(schedule, task.step, task.map);
    if (best && words >= fewest) continue;
    best = std::move(schedule);
    fewest = words;
  }
  return best;
}

}  // namespace spillway::sim
