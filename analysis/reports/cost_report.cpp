#include "analysis/reports/cost_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <vector>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_figures.hpp"

namespace spillway::analysis {

using sim::Experiment;
using sim::Objective;

namespace {

constexpr double pj_per_mj = 1e9, ps_per_ms = 1e9;

std::string name_of(Objective objective) {
  switch (objective) {
    case Objective::words: return "words across the border";
    case Objective::bytes: return "bytes on the DRAM bus";
    case Objective::time: return "time";
    case Objective::energy: return "energy of the DRAM";
    case Objective::energy_delay: return "energy of the DRAM x delay";
  }
  return "";
}

/// With four digits, or all before the point.
std::string four_digits(double value) {
  const double size = value > 0 ? std::floor(std::log10(value)) : 0;
  return fmt::format("{:.{}f}", value, std::clamp(3 - static_cast<int>(size), 0, 12));
}

std::string whole(double value) { return grouped(static_cast<std::uint64_t>(std::llround(value))); }

/// One currency.
struct CostRow {
  const char* name;
  const char* unit;
  double estimated, simulated;
  std::string (*text)(double);
};

std::vector<CostRow> rows_of(const StepCost& estimated, const StepCost& simulated) {
  std::vector<CostRow> rows{
      {"words across the border, DRAM and host", "words", estimated.words, simulated.words, whole},
      {"bytes on the DRAM bus", "bytes", estimated.bus_bytes, simulated.bus_bytes, whole},
      {"time", "ms", estimated.time_ms, simulated.time_ms, four_digits}};
  if (!estimated.energy_mj) return rows;
  const double planned = *estimated.energy_mj, found = simulated.energy_mj.value_or(0);
  rows.push_back({"energy of DRAM chips and interface", "mJ", planned, found, four_digits});
  rows.push_back({"energy x delay", "mJ ms", planned * estimated.time_ms, found * simulated.time_ms,
                  four_digits});
  return rows;
}

/// Of an estimate from what was simulated.
std::string deviation_text(const CostRow& row) {
  if (row.simulated == 0) return row.estimated == 0 ? "+0.0 %" : "-";
  return fmt::format("{:+.1f} %", 100 * (row.estimated / row.simulated - 1));
}

Columns<CostRow> cost_columns(bool simulated) {
  using Row = CostRow;
  Columns<Row> columns{
      {{"cost", "", ""}, [](const Row& row) { return row.name; }},
      {{"unit", "", ""}, [](const Row& row) { return row.unit; }},
      {{"estimated", "", ""}, [](const Row& row) { return row.text(row.estimated); }}};
  if (!simulated) return columns;
  columns.push_back({{"simulated", "", ""}, [](const Row& r) { return r.text(r.simulated); }});
  columns.push_back({{"deviation", "", ""}, deviation_text});
  return columns;
}

}  // namespace

double StepCost::by(Objective objective) const {
  const double energy = energy_mj.value_or(0);
  switch (objective) {
    case Objective::words: return words;
    case Objective::bytes: return bus_bytes;
    case Objective::time: return time_ms;
    case Objective::energy: return energy;
    case Objective::energy_delay: return energy * time_ms;
  }
  return 0;
}

StepCost estimated_cost(const Experiment& experiment, const sim::Plan& plan) {
  const sim::PlanCost cost = plan.cost(experiment.device);
  StepCost result{cost.words, cost.bytes, cost.time_ps / ps_per_ms, {}};
  if (experiment.device.dram.currents) result.energy_mj = cost.energy_pj / pj_per_mj;
  return result;
}

StepCost simulated_cost(const Experiment& experiment, const sim::Result& result) {
  const models::Execution& execution = result.execution;
  const models::DramCounters& dram = execution.dram;
  const workloads::Words words =
      dram.read_words + dram.write_words + execution.host.read_words + execution.host.write_words;
  const DramFigures figures(experiment.device.dram, dram.channel);
  StepCost cost{static_cast<double>(words.count()),
                static_cast<double>((dram.read_bytes + dram.write_bytes).count()),
                static_cast<double>(execution.time.count()) / ps_per_ms,
                {}};
  if (figures.energy) cost.energy_mj = (figures.energy->total() + figures.io_pj) / pj_per_mj;
  return cost;
}

std::string objective_text(const Experiment& experiment) {
  const std::string policy = to_string(experiment.policy);
  if (sim::heeds_objective(experiment.policy)) {
    return fmt::format("Policy {} minimises {}", policy, name_of(experiment.objective));
  }
  return fmt::format("Policy {} ignores the objective, {}", policy, name_of(experiment.objective));
}

std::string cost_text(const StepCost& estimated, const StepCost* simulated) {
  const StepCost& found = simulated != nullptr ? *simulated : estimated;
  return text_table(cost_columns(simulated != nullptr), rows_of(estimated, found)).text();
}

Json cost_json(const StepCost& cost) {
  return {{"words", std::llround(cost.words)},
          {"bus_bytes", std::llround(cost.bus_bytes)},
          {"time_ms", cost.time_ms},
          {"energy_mj", cost.energy_mj ? Json(*cost.energy_mj) : Json(nullptr)}};
}

}  // namespace spillway::analysis
