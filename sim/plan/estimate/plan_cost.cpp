#include "sim/plan/estimate/plan_cost.hpp"

#include <algorithm>

#include "models/kernel_cost.hpp"
#include "sim/plan/emission/booking.hpp"

namespace spillway::sim {

double PlanCost::by(Objective objective) const {
  switch (objective) {
    case Objective::words: return words;
    case Objective::bytes: return bytes;
    case Objective::time: return time_ps;
    case Objective::energy: return energy_pj;
    case Objective::energy_delay: return energy_pj * time_ps;
  }
  return 0;
}

namespace {

std::vector<NestWork> work_of_nests(const Schedule& schedule, const DevicePace& pace) {
  std::vector<NestWork> works;
  for (const Nest& nest : schedule.nests) {
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    works.push_back(nest_work(nest.spec, shape, nest.loops, nest.parts, nest.resident, pace));
  }
  return works;
}

/// Whole tensors come and go while other operations run.
std::vector<NestWork> work_of_operations(const ScheduleTask& task, const DevicePace& pace) {
  std::vector<NestWork> works;
  for (const workloads::Op& op : task.step.ops) {
    NestWork& work = works.emplace_back();
    double bytes = 0;
    for (const auto* ids : {&op.inputs, &op.outputs}) {
      for (const workloads::TensorId id : *ids) {
        if (task.step.tensor(id).generated) continue;
        bytes += static_cast<double>(task.step.tensor(id).bytes().count());
      }
    }
    const models::KernelCost cost = models::kernel_cost(op.kernel);
    work.compute = pace.compute(models::kernel_cycles(cost, pace.array()), bytes);
  }
  return works;
}

}  // namespace

PlanCost plan_cost(const Schedule& schedule, const ScheduleTask& task, const DevicePace& pace) {
  std::vector<NestWork> works =
      schedule.by_operations() ? work_of_operations(task, pace) : work_of_nests(schedule, pace);
  PlanCost cost;
  for (const ScheduledMove& move : moves_of(schedule, task.step)) {
    cost.words += static_cast<double>(move.size.words.count());
    if (!move.residency) continue;
    const Residency& residency = schedule.residencies[*move.residency];
    const bool read = move.direction == Direction::read;
    NestWork& work = works[read ? residency.first : residency.last];
    const double bytes = static_cast<double>(move.size.bytes.count());
    const double time = pace.bus(bytes) + (read ? pace.latency() : 0);
    (read ? work.load : work.store) += time;
    work.time += time;
    work.bytes += bytes;
  }
  if (schedule.by_operations()) {
    NestWork all;
    for (const NestWork& work : works) {
      all.load += work.load;
      all.store += work.store;
      all.compute += work.compute;
      all.bytes += work.bytes;
    }
    all.time = std::max(all.load + all.store, all.compute);
    works = {all};
  }
  for (const NestWork& work : works) {
    cost.bytes += work.bytes;
    cost.time_ps += work.time;
  }
  cost.energy_pj = pace.energy_per_byte() * cost.bytes + pace.energy_per_ps() * cost.time_ps;
  return cost;
}

}  // namespace spillway::sim
