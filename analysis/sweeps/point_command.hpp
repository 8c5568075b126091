// What a command gives at a point.
#pragma once

#include <optional>
#include <string>

#include "analysis/sweeps/metrics.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::analysis {

/// The JSON that the command writes of the experiment, to the byte. Throws what the command throws,
/// and ConsistencyError when counts of plan and run differ. With the schedule of another experiment
/// that has the same one it is not searched for again.
std::string point_result(PointCommand command, const sim::Experiment& experiment,
                         const std::optional<sim::Schedule>& schedule = std::nullopt);

/// Searches for an experiment's schedule; nothing where it has none.
std::optional<sim::Schedule> point_schedule(const sim::Experiment& experiment);

}  // namespace spillway::analysis
