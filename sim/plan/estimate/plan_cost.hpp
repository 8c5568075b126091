// What a schedule costs on the device, estimated from its loops before anything runs.
#pragma once

#include "sim/experiment.hpp"
#include "sim/plan/mapping/nest_work.hpp"
#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"

namespace spillway::sim {

/// In the currencies of the objectives; words at both ports.
struct PlanCost {
  double words = 0, bytes = 0;
  double time_ps = 0;
  double energy_pj = 0;  ///< 0 where the device states no currents

  double by(Objective objective) const;
};

struct CostOptions {
  /// In the layouts that the schedule's tiles move the fewest bursts in; else in those of the map.
  bool layouts = false;
  /// Every word as if it crossed the DRAM port, as plans are compared; else the host port is free.
  bool all_in_dram = false;
};
PlanCost plan_cost(const Schedule& schedule, const ScheduleTask& task, const DevicePace& pace,
                   const CostOptions& options);

}  // namespace spillway::sim
