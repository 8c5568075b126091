#include "sim/plan/plan.hpp"

#include "sim/plan/allocation/layouts.hpp"
#include "sim/plan/allocation/memory_map.hpp"
#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/emission/order_check.hpp"
#include "sim/plan/emission/schedule_program.hpp"
#include "sim/plan/policies/policies.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using workloads::Step;

namespace {

Schedule schedule_of(Policy policy, const ScheduleTask& task) {
  if (heeds_objective(policy) && task.objective != Objective::words) {
    return cheapest_schedule(task, policy == Policy::best_with_recomputation);
  }
  switch (policy) {
    case Policy::paper: return paper_schedule(task);
    case Policy::layer: return layer_schedule(task);
    case Policy::best: return best_schedule(task, false);
    case Policy::best_with_recomputation: return best_schedule(task, true);
  }
  throw workloads::ConsistencyError("a policy without a schedule");
}

}  // namespace

Plan::Plan(Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
           Policy policy, const PlanOptions& options)
    : Plan(
          std::move(step), device, idealisations,
          [&](ScheduleTask task) {
            task.objective = options.objective;
            return schedule_of(policy, task);
          },
          options) {}

Plan::Plan(Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
           Schedule schedule, const PlanOptions& options)
    : Plan(
          std::move(step), device, idealisations,
          [&](const ScheduleTask&) { return std::move(schedule); }, options) {}

Plan::Plan(Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
           const std::function<Schedule(const ScheduleTask&)>& schedule,
           const PlanOptions& options) {
  auto content = std::make_shared<Content>();
  content->step = std::move(step);
  content->map = place_tensors(content->step, idealisations, device);
  content->schedule = schedule({content->step, content->map, device});
  check_complete(content->schedule, content->step);
  check_order(content->schedule, content->step);
  if (options.layouts) {
    const std::vector<models::Layout> layouts =
        choose_layouts(content->schedule, content->step, content->map, device);
    for (std::size_t id = 0; id < layouts.size(); ++id) content->map[id].layout = layouts[id];
  }
  content->lines = book(content->schedule, content->step, content->map, content->ledger);
  content->objective = options.objective;
  content->buffer_words = most_words(content->schedule, content->step);
  content_ = std::move(content);
}

PlanCost Plan::cost(const models::DeviceConfig& device) const {
  return plan_cost(schedule(), {step(), map(), device}, DevicePace(device), {});
}

models::Program Plan::program(const workloads::StepControl& control) const {
  auto program = std::make_shared<ScheduleProgram>(content_->schedule, content_->step,
                                                   content_->lines, control);
  return [program, content = content_] { return program->next(); };
}

std::vector<StageReason> Plan::reasons() const {
  const Step& s = step();
  std::vector<StageReason> reasons;
  for (const workloads::Stage& stage : s.stages) reasons.push_back({stage.name, {}, {}, {}});
  if (!schedule().by_operations()) return reasons;
  for (const Residency& residency : schedule().residencies) {
    const std::string& name = s.tensor(residency.tensor).name;
    const std::size_t first = s.ops[residency.first].stage;
    const std::size_t last = s.ops[residency.last].stage;
    if (residency.begin == Residency::Begin::load) reasons[first].arrives.push_back(name);
    for (std::size_t stage = first + 1; stage <= last; ++stage)
      reasons[stage].stays.push_back(name);
    if (residency.stored) reasons[last].stored.push_back(name);
  }
  return reasons;
}

PlanOptions plan_options(const Experiment& experiment) {
  return {experiment.objective,
          heeds_objective(experiment.policy) && experiment.objective != Objective::words};
}

Plan make_plan(const Experiment& experiment, int only_layer) {
  return make_plan(experiment, only_layer, plan_options(experiment));
}

Plan make_plan(const Experiment& experiment, int only_layer, const PlanOptions& options) {
  return Plan(training_step(experiment, only_layer), experiment.device, experiment.idealisations,
              experiment.policy, options);
}

}  // namespace spillway::sim
