// What a step costs, as its plan estimates it and as it was simulated.
#pragma once

#include <optional>
#include <string>

#include "analysis/formats/json.hpp"
#include "sim/plan/plan.hpp"
#include "sim/run/trainee.hpp"

namespace spillway::analysis {

struct StepCost {
  double words = 0;      ///< across the border, at both ports
  double bus_bytes = 0;  ///< on the DRAM bus, in whole bursts
  double time_ms = 0;
  std::optional<double> energy_mj;  ///< of DRAM chips and interface; none without currents

  /// In its unit above, energy x delay in mJ ms; 0 for an energy that is not known.
  double by(sim::Objective objective) const;
};

StepCost estimated_cost(const sim::Experiment& experiment, const sim::Plan& plan);
StepCost simulated_cost(const sim::Experiment& experiment, const sim::Result& result);

/// What the plan minimises: "Policy best minimises time".
std::string objective_text(const sim::Experiment& experiment);

/// A table; without `simulated` the estimate alone.
std::string cost_text(const StepCost& estimated, const StepCost* simulated);
/// {"words", "bus_bytes", "time_ms", "energy_mj"}, the last null where it is not known.
Json cost_json(const StepCost& cost);

}  // namespace spillway::analysis
