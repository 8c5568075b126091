#include "analysis/sweeps/point_command.hpp"

#include "analysis/reports/report.hpp"
#include "analysis/reports/train_report.hpp"
#include "sim/run/simulation.hpp"
#include "sim/run/training.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

sim::Plan plan_of(const sim::Experiment& experiment, const std::optional<sim::Schedule>& schedule) {
  if (!schedule) return sim::make_plan(experiment);
  return sim::Plan(sim::training_step(experiment), experiment.device, experiment.idealisations,
                   *schedule);
}

std::string run_result(const sim::Experiment& experiment, sim::Plan plan, bool values) {
  models::DeviceOptions options;
  options.values = values;
  sim::Overview overview(experiment.device.dram);
  options.observers.push_back(&overview);
  sim::Simulation simulation(experiment, std::move(plan), options);
  const sim::Batch batch = values ? sim::first_batch(experiment) : sim::Batch{};
  const sim::Result result = simulation.run_step(batch);
  if (!counts_agree(simulation.plan(), result)) {
    throw workloads::ConsistencyError("counts of the plan and of the run differ");
  }
  overview.finish(result.execution.time);
  return run_json(experiment, simulation.plan(), result, {values, &overview});
}

std::string train_result(const sim::Experiment& experiment) {
  const workloads::DataSplit data = sim::load_data(experiment);
  return train_json(experiment, sim::train(experiment, data), false);
}

}  // namespace

std::optional<sim::Schedule> point_schedule(const sim::Experiment& experiment) {
  try {
    return sim::make_plan(experiment).schedule();
  } catch (const workloads::Error&) {
    return std::nullopt;  // each of those that would have shared it says so itself
  }
}

std::string point_result(PointCommand command, const sim::Experiment& experiment,
                         const std::optional<sim::Schedule>& schedule) {
  switch (command) {
    case PointCommand::plan: return plan_json(experiment, plan_of(experiment, schedule));
    case PointCommand::count: return run_result(experiment, plan_of(experiment, schedule), false);
    case PointCommand::run: return run_result(experiment, plan_of(experiment, schedule), true);
    case PointCommand::train: return train_result(experiment);
  }
  return "";
}

}  // namespace spillway::analysis
