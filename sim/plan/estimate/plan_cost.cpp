#include "sim/plan/estimate/plan_cost.hpp"

#include <algorithm>
#include <limits>

#include "models/kernel_cost.hpp"
#include "sim/plan/allocation/layouts.hpp"
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

/// By tensor.
std::vector<BusRuns> bus_runs(const Schedule& schedule, const ScheduleTask& task,
                              const CostOptions& options) {
  models::MemoryMap map = task.map;
  if (options.all_in_dram) {
    for (models::TensorPlacement& place : map) place.port = models::Port::dram;
  }
  if (options.layouts) {
    const auto chosen = choose_layouts(schedule, task.step, map, task.device);
    for (std::size_t id = 0; id < map.size(); ++id) map[id].layout = chosen[id];
  }
  const std::vector<BurstsAndRuns> moved = dram_bursts(schedule, task.step, map, task.device);
  std::vector<double> asked(map.size());
  for (const ScheduledMove& move : moves_of(schedule, task.step)) {
    asked[move.tensor] += static_cast<double>(move.size.bytes.count());
  }
  std::vector<BusRuns> result(map.size());
  for (std::size_t id = 0; id < map.size(); ++id) {
    if (asked[id] == 0) continue;
    const double bytes =
        static_cast<double>(moved[id].bursts) * task.device.dram.geometry.burst_bytes;
    result[id].share = bytes / asked[id];
    if (moved[id].runs != 0) result[id].bytes = bytes / static_cast<double>(moved[id].runs);
  }
  return result;
}

std::vector<NestWork> work_of_nests(const Schedule& schedule, const DevicePace& pace,
                                    const std::vector<BusRuns>& runs) {
  std::vector<NestWork> works;
  for (const Nest& nest : schedule.nests) {
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    works.push_back(
        nest_work(nest.spec, shape, nest.loops, nest.parts, nest.resident, pace, {false, &runs}));
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
    work.compute = pace.compute(product_cycles(cost, pace.array()),
                                pace.elements(static_cast<double>(cost.elements)), bytes);
  }
  return works;
}

/// An engine that goes through the operations in order.
struct InOrder {
  std::size_t done = 0;
  double left = 0;  ///< of the work that it is at
  bool busy = false;

  void begin(const std::vector<NestWork>& works, double NestWork::*work) {
    busy = true;
    left = works[done].*work;
  }
  void spend(double time) {
    if (!busy || (left -= time) > 1e-3) return;
    busy = false;
    ++done;
  }
};

/// By operation, how many have to be computed, and stored, before its loads find their places free.
struct PlacesFree {
  std::vector<std::size_t> computed, stored;

  PlacesFree(const Schedule& schedule, const workloads::Step& step)
      : computed(step.ops.size()), stored(step.ops.size()) {
    for (const Residency& later : schedule.residencies) {
      if (later.begin != Residency::Begin::load) continue;
      for (const Residency& earlier : schedule.residencies) {
        if (earlier.last >= later.first) continue;
        const bool apart = earlier.address + words_of(earlier, step) <= later.address ||
                           later.address + words_of(later, step) <= earlier.address;
        if (apart) continue;
        std::size_t& wait = (earlier.stored ? stored : computed)[later.first];
        wait = std::max(wait, earlier.last + 1);
      }
    }
  }
};

/// Loads run ahead of the operations by as many as wait in front of an engine, as far as there is
/// room, and stores come after them; where both go on, they share the bus.
NestWork side_by_side(const std::vector<NestWork>& works, const PlacesFree& free, std::size_t ahead,
                      double mixed) {
  NestWork all;
  for (const NestWork& work : works) {
    all.load += work.load;
    all.store += work.store;
    all.compute += work.compute;
    all.bytes += work.bytes;
  }
  InOrder load, compute, store;
  while (store.done < works.size()) {
    if (!load.busy && load.done < std::min(works.size(), compute.done + ahead) &&
        compute.done >= free.computed[load.done] && store.done >= free.stored[load.done]) {
      load.begin(works, &NestWork::load);
    }
    if (!compute.busy && compute.done < load.done) compute.begin(works, &NestWork::compute);
    if (!store.busy && store.done < compute.done) store.begin(works, &NestWork::store);
    const double slower = load.busy && store.busy ? 2 + mixed : 1;
    double step = std::numeric_limits<double>::max();
    if (load.busy) step = std::min(step, load.left * slower);
    if (store.busy) step = std::min(step, store.left * slower);
    if (compute.busy) step = std::min(step, compute.left);
    load.spend(step / slower);
    store.spend(step / slower);
    compute.spend(step);
    all.time += step;
  }
  return all;
}

}  // namespace

PlanCost plan_cost(const Schedule& schedule, const ScheduleTask& task, const DevicePace& pace,
                   const CostOptions& options) {
  const std::vector<BusRuns> runs = bus_runs(schedule, task, options);
  std::vector<NestWork> works = schedule.by_operations() ? work_of_operations(task, pace)
                                                         : work_of_nests(schedule, pace, runs);
  PlanCost cost;
  for (const ScheduledMove& move : moves_of(schedule, task.step)) {
    cost.words += static_cast<double>(move.size.words.count());
    if (!move.residency) continue;
    const Residency& residency = schedule.residencies[*move.residency];
    const bool read = move.direction == Direction::read;
    NestWork& work = works[read ? residency.first : residency.last];
    const double bytes = static_cast<double>(move.size.bytes.count()) * runs[move.tensor].share;
    const double time =
        pace.bus(bytes, runs[move.tensor].bytes) + (read && bytes > 0 ? pace.latency() : 0);
    (read ? work.load : work.store) += time;
    work.time += time;
    work.bytes += bytes;
  }
  if (schedule.by_operations())
    works = {side_by_side(works, {schedule, task.step}, task.device.queue_depth,
                          pace.mixed(static_cast<double>(task.device.dram.grain_bytes)))};
  for (const NestWork& work : works) {
    cost.bytes += work.bytes;
    cost.time_ps += work.time;
  }
  cost.energy_pj = pace.energy_per_byte() * cost.bytes + pace.energy_per_ps() * cost.time_ps;
  return cost;
}

}  // namespace spillway::sim
