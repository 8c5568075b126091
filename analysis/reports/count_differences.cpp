#include "analysis/reports/count_differences.hpp"

#include <fmt/format.h>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "sim/plan/reports/planned_macs.hpp"

namespace spillway::analysis {

using workloads::Macs;

namespace {

Columns<CountDifference> difference_columns() {
  return {{{"port", "", "port"}, [](const CountDifference& d) { return d.port; }},
          {{"layer", "", "layer"}, [](const CountDifference& d) { return d.layer; }},
          {{"phase", "", "phase"}, [](const CountDifference& d) { return d.phase; }},
          {{"tensor", "", "tensor"}, [](const CountDifference& d) { return d.tensor; }},
          {{"direction", "", "direction"}, [](const CountDifference& d) { return d.direction; }},
          {{"planned", "", "planned"}, [](const CountDifference& d) { return d.planned; }},
          {{"simulated", "", "simulated"}, [](const CountDifference& d) { return d.simulated; }},
          {{"simulated - planned", "", ""}, [](const CountDifference& d) {
             return d.simulated < d.planned ? "-" + grouped(d.planned - d.simulated)
                                            : "+" + grouped(d.simulated - d.planned);
           }}};
}

}  // namespace

std::vector<CountDifference> count_differences(const sim::Plan& plan, const sim::Result& result) {
  std::vector<CountDifference> differences;
  for (std::size_t i = 0; i < plan.ledger().lines().size(); ++i) {
    const sim::LedgerLine& planned = plan.ledger().lines()[i];
    const sim::LedgerLine& simulated = result.ledger.lines().at(i);
    if (planned.words == simulated.words) continue;
    differences.push_back({planned.key.port == models::Port::dram ? "DRAM" : "host", planned.layer,
                           to_string(planned.key.phase), to_string(planned.key.tensor),
                           to_string(planned.key.direction), planned.words.count(),
                           simulated.words.count()});
  }
  const sim::PlannedMacs macs = sim::planned_macs(plan);
  const auto compare = [&](const char* what, Macs planned, Macs simulated) {
    if (planned == simulated) return;
    differences.push_back({"", "", "", what, "", planned.count(), simulated.count()});
  };
  compare("MACs", macs.macs, result.execution.macs);
  compare("MACs, padding counted", macs.macs_padded, result.execution.macs_padded);
  compare("MACs of the readout", macs.readout, result.execution.macs_apart);
  return differences;
}

std::string count_differences_text(const std::vector<CountDifference>& differences) {
  if (differences.empty()) return "  Planned and simulated counts agree in every line.\n";
  return fmt::format("  PLANNED AND SIMULATED COUNTS DIFFER in {}:\n\n{}",
                     counted(differences.size(), "line"),
                     text_table(difference_columns(), differences).text());
}

Json count_differences_json(const std::vector<CountDifference>& differences) {
  return json_rows(difference_columns(), differences);
}

}  // namespace spillway::analysis
