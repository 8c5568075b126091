#include "analysis/reports/report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/bound.hpp"
#include "analysis/reports/cost_report.hpp"
#include "analysis/reports/count_differences.hpp"
#include "analysis/reports/dram_figures.hpp"
#include "analysis/reports/energy_report.hpp"
#include "analysis/reports/layer_report.hpp"
#include "analysis/reports/ledger_report.hpp"
#include "analysis/reports/schedule_report.hpp"
#include "analysis/reports/settings_json.hpp"
#include "analysis/reports/timing_report.hpp"
#include "models/dram/placement.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using models::Port;
using sim::Direction;
using sim::Experiment;
using sim::Item;
using sim::Ledger;
using sim::LedgerLine;
using sim::Plan;
using sim::Result;

namespace {

std::string title(const Experiment& experiment) {
  return fmt::format("{} trained with {}: one mini-batch of {} on device {}\n{}.\n",
                     experiment.network.name, experiment.rule, experiment.batch,
                     experiment.device.name, objective_text(experiment));
}

/// What idealised items moved through the host port: what they would cost in DRAM.
std::string idealised_text(const Experiment& experiment, const Ledger& ledger) {
  const double counted = static_cast<double>(
      (ledger.total(Port::dram, Direction::read) + ledger.total(Port::dram, Direction::write))
          .count());
  Table table({"item", "where", "read words", "written words", "added to all DRAM words"});
  for (const Item item : sim::all_items()) {
    workloads::Words read, written;
    for (const LedgerLine& line : ledger.lines()) {
      if (line.key.item != item) continue;
      (line.key.direction == Direction::read ? read : written) += line.words;
    }
    const bool idealised = experiment.idealisations.contains(item);
    const auto words = static_cast<double>((read + written).count());
    const std::string share = !idealised     ? "counted above"
                              : counted == 0 ? ""
                                             : fmt::format("+{:.2f} %", 100 * words / counted);
    table.add({to_string(item), idealised ? "host" : "DRAM", grouped(read.count()),
               grouped(written.count()), share});
  }
  return "\nIdealised items: carried by the host, and what they would cost in DRAM\n" +
         table.text();
}

std::string buffer_text(const Experiment& experiment, const Plan& plan, const Result* result) {
  const auto batch = static_cast<std::uint64_t>(experiment.batch);
  const auto line = [](const char* what, const std::string& size, workloads::Bytes bytes) {
    return fmt::format("  {:<44} {:>10}  ({} words)\n", what, size,
                       grouped(words_of(bytes).count()));
  };
  const auto need = [&](const char* what, workloads::Bytes bytes) {
    return line(what, workloads::needed_size(bytes), bytes);
  };
  std::string text = "\nOn-chip buffer\n";
  const workloads::Bytes capacity = experiment.device.buffer;
  text += line("capacity", readable_bytes(capacity.count()), capacity);
  if (result != nullptr) {
    text += need("high-water mark, engines overlapping", result->execution.high_water);
  }
  text += need("needed, one instruction after another", bytes_of(plan.buffer_words()));
  text += need("need stated by the paper, max |P_i| + |A_i|",
               bytes_of(paper_memory(experiment.network, batch)));
  return text;
}

/// MACs of a plan, and of its run where there is one.
struct MacRow {
  sim::PlannedMacs planned;
  const models::Execution* execution;
  workloads::Macs unused_input_gradient;
};

MacRow macs_of(const Plan& plan, const models::Execution* execution) {
  return {sim::planned_macs(plan), execution, plan.step().unused_input_gradient};
}

/// In text, a line each.
Columns<MacRow> mac_columns() {
  using Row = MacRow;
  const auto column = [](const char* text, const char* json, const auto& macs) {
    return Column<Row>{{text, "", json},
                       [=](const Row& row) { return macs(row).count(); },
                       [=](const Row& row) { return millions(macs(row).count()); }};
  };
  return {
      column("border-exact", "macs",
             [](const Row& row) { return row.execution ? row.execution->macs : row.planned.macs; }),
      column("  of these done again beside the step's own", "macs_again",
             [](const Row& row) { return row.planned.recomputed; }),
      column("executed, taps on padding counted", "macs_padded",
             [](const Row& row) {
               return row.execution ? row.execution->macs_padded : row.planned.macs_padded;
             }),
      column("readout layer, apart", "macs_readout",
             [](const Row& row) {
               return row.execution ? row.execution->macs_apart : row.planned.readout;
             }),
      column("  of these done again", "macs_readout_again",
             [](const Row& row) { return row.planned.readout_recomputed; }),
      column("input gradient that only the paper counts", "",
             [](const Row& row) { return row.unused_input_gradient; })};
}

std::string mac_text(const Plan& plan, const models::Execution* execution) {
  return "\nMACs (millions)\n" + text_lines(mac_columns(), macs_of(plan, execution), 44, 12);
}

std::string time_text(const Experiment& experiment, const models::Execution& execution) {
  const double total = static_cast<double>(execution.time.count());
  const models::DramCounters& dram = execution.dram;
  std::string text = "\nTime and bus\n";
  text += fmt::format("  {} cycles, {:.3f} ms; engines busy: {}\n",
                      grouped(execution.cycles.count()), total / 1e9, engines_text(execution));
  text += fmt::format("  DRAM bus: {} bytes read, {} written in whole bursts\n",
                      grouped(dram.read_bytes.count()), grouped(dram.write_bytes.count()));
  text += fmt::format("  host port: {} bytes read, {} written, {}\n",
                      grouped(execution.host.read_bytes.count()),
                      grouped(execution.host.write_bytes.count()),
                      experiment.device.host_bytes_per_ns ? "timed" : "free of time");
  text += fmt::format("  PRNG unit: {} random words made, none moved\n",
                      grouped(execution.generated_words));
  return text;
}

double row_hit_rate(const models::DramCounters& dram) {
  const std::uint64_t bursts = dram.read_bursts + dram.write_bursts;
  return bursts == 0 ? 0 : static_cast<double>(dram.row_hits) / static_cast<double>(bursts);
}

std::string dram_text(const Experiment& experiment, const models::DramCounters& counters) {
  const models::dram::DramDevice& device = experiment.device.dram;
  const DramFigures figures(device, counters.channel);
  std::string text =
      fmt::format("\nDRAM: {}, {}, mapping {}, controller {}, transactions of at most {}\n",
                  device.name, counted(device.channels, "channel"), device.mapping_name,
                  scheduler_name(device.controller.scheduler),
                  readable_bytes(experiment.device.dram_chunk.count()));
  text += fmt::format("  tensors {}\n", models::dram::describe_placement(device));
  text += fmt::format(
      "  {:.3f} GB/s achieved over the step, {:.1f} % of the peak of {:.1f} GB/s; row hits {:.2f} "
      "%, {} activates\n\n",
      figures.bandwidth, figures.percent_of_peak, device.peak_bytes_per_ns(),
      100 * row_hit_rate(counters), grouped(counters.activates));
  text += dram_bus_text(counters.channel) + "\n" + dram_energy_text(figures);
  if (!figures.energy) text += "  No energy of the chips: " + energy_missing(device) + ".\n";
  return text;
}

Json dram_json(const Experiment& experiment, const models::DramCounters& counters) {
  const models::dram::DramDevice& device = experiment.device.dram;
  const DramFigures figures(device, counters.channel);
  Json json = {
      {"read_words", counters.read_words.count()}, {"write_words", counters.write_words.count()},
      {"read_bytes", counters.read_bytes.count()}, {"write_bytes", counters.write_bytes.count()},
      {"activates", counters.activates},           {"row_hits", counters.row_hits}};
  json["device"] = device.name;
  json["channels"] = device.channels;
  json["mapping"] = device.mapping_name;
  json["controller"] = scheduler_name(device.controller.scheduler);
  json["placement"] = models::dram::placement_name(device.placement);
  json["bandwidth_GBps"] = figures.bandwidth;
  json["pct_of_peak"] = figures.percent_of_peak;
  json["row_hit_rate"] = row_hit_rate(counters);
  Json bus, energy, per_bit;
  const double cycle_ns = device.timing.clock_period_ns();
  for (const auto& [name, cycles] : dram_bus_use(counters.channel)) {
    bus[underscored(name)] = static_cast<double>(cycles) * cycle_ns;
  }
  for (const auto& [name, pj] : dram_energy(figures)) {
    energy[name] = pj;
    per_bit[name] = figures.pj_per_bit(pj);
  }
  json["bus_ns"] = bus;
  json["energy_pJ"] = energy;
  json["energy_pJ_per_bit"] = per_bit;
  if (!figures.energy) json["energy_missing"] = energy_missing(device);
  json["io_energy_pJ"] = figures.io_pj;
  return json;
}

std::string list(const std::vector<std::string>& names) {
  return names.empty() ? "-" : fmt::format("{}", fmt::join(names, " "));
}

Json words_of_port(const Ledger& ledger, Port port) {
  return {{"read_words", ledger.total(port, Direction::read).count()},
          {"write_words", ledger.total(port, Direction::write).count()}};
}

Json idealised_json(const Experiment& experiment, const Ledger& ledger) {
  Json items = Json::object();
  for (const Item item : sim::all_items()) {
    if (experiment.idealisations.contains(item)) {
      items[to_string(item)] = ledger.total(item).count();
    }
  }
  return items;
}

}  // namespace

bool counts_agree(const Plan& plan, const Result& result) {
  return count_differences(plan, result).empty();
}

std::string run_text(const Experiment& experiment, const Plan& plan, const Result& result,
                     const TextOptions& options) {
  const StepCost simulated = simulated_cost(experiment, result);
  std::string text = title(experiment) + bound_text(experiment.device, result);
  text += "\n" + cost_text(estimated_cost(experiment, plan), &simulated);
  text += options.ledger ? ledger_text(plan.ledger(), &result.ledger)
                         : ledger_totals_text(result.ledger);
  text += count_differences_text(count_differences(plan, result));
  if (!options.values) text += "  No values were computed: counts and times alone.\n";
  text += idealised_text(experiment, result.ledger);
  text += mac_text(plan, &result.execution);
  text += time_text(experiment, result.execution);
  text += timing_text(result.timing, result.execution, experiment.device);
  text += dram_text(experiment, result.execution.dram);
  text += energy_text(experiment.device, result);
  text += buffer_text(experiment, plan, &result);
  return text;
}

std::string plan_text(const Experiment& experiment, const Plan& plan, const TextOptions& options) {
  std::string text =
      title(experiment) + "\n" + cost_text(estimated_cost(experiment, plan), nullptr);
  const models::dram::DramDevice& dram = experiment.device.dram;
  if (!dram.currents) text += "  No energy: " + energy_missing(dram) + ".\n";
  text += options.ledger ? ledger_text(plan.ledger(), nullptr) : ledger_totals_text(plan.ledger());
  text += idealised_text(experiment, plan.ledger());
  text += mac_text(plan, nullptr);
  text += buffer_text(experiment, plan, nullptr);
  text += layer_traffic_text(layer_traffic(experiment, plan));
  if (!plan.schedule().nests.empty()) return text + schedule_text(plan);
  text += "\nStages: what arrives, what stays from the stage before, what is stored\n";
  for (const sim::StageReason& reason : plan.reasons()) {
    text += fmt::format("  {:<6} arrives: {}\n", reason.stage, list(reason.arrives));
    text += fmt::format("         stays:   {}\n", list(reason.stays));
    text += fmt::format("         stored:  {}\n", list(reason.stored));
  }
  text += "  Tensors move whole. A random classifier is made in the buffer anew for each use.\n";
  return text;
}

std::string run_json(const Experiment& experiment, const Plan& plan, const Result& result,
                     const RunDetails& details) {
  const models::Execution& execution = result.execution;
  const workloads::Picoseconds period = experiment.device.clock_period;
  Json json = result_head(experiment, "run");
  json["values_computed"] = details.values;
  json["estimated"] = cost_json(estimated_cost(experiment, plan));
  json["simulated"] = cost_json(simulated_cost(experiment, result));
  json["bound"] = name_in(bound_names, bound_of(usage_of(execution)));
  json["dram"] = dram_json(experiment, execution.dram);
  json["host"] = {{"read_words", execution.host.read_words.count()},
                  {"write_words", execution.host.write_words.count()}};
  add_json(json, mac_columns(), macs_of(plan, &execution));
  json["cycles"] = execution.cycles.count();
  json["time_ns"] = static_cast<double>(execution.time.count()) / 1000;
  json["engines"] = engines_json(execution, period);
  json["not_issued"] = not_issued_json(execution);
  json["buffer"] = {{"capacity_bytes", experiment.device.buffer.count()},
                    {"high_water_bytes", execution.high_water.count()}};
  json["ledger"] = ledger_json(result.ledger, Port::dram);
  json["host_ledger"] = ledger_json(result.ledger, Port::host);
  json["idealised_words"] = idealised_json(experiment, result.ledger);
  const std::vector<CountDifference> differences = count_differences(plan, result);
  json["planned_agrees"] = differences.empty();
  json["planned_differs"] = count_differences_json(differences);
  json["time_by_layer"] = timing_json(result.timing, experiment.device);
  if (details.overview != nullptr) json["overview"] = overview_json(*details.overview);
  json.update(energy_json(experiment.device, result));
  json.update(area_json(experiment.device));
  return dump(json);
}

std::string plan_json(const Experiment& experiment, const Plan& plan) {
  Json json = result_head(experiment, "plan");
  json["estimated"] = cost_json(estimated_cost(experiment, plan));
  json["dram"] = words_of_port(plan.ledger(), Port::dram);
  json["host"] = words_of_port(plan.ledger(), Port::host);
  add_json(json, mac_columns(), macs_of(plan, nullptr));
  json["buffer"] = {{"capacity_bytes", experiment.device.buffer.count()},
                    {"high_water_bytes", bytes_of(plan.buffer_words()).count()}};
  json["ledger"] = ledger_json(plan.ledger(), Port::dram);
  json["host_ledger"] = ledger_json(plan.ledger(), Port::host);
  json["idealised_words"] = idealised_json(experiment, plan.ledger());
  json["layers"] = layer_traffic_json(layer_traffic(experiment, plan));
  json.update(area_json(experiment.device));
  if (!plan.schedule().nests.empty()) json["nests"] = schedule_json(plan);
  return dump(json);
}

}  // namespace spillway::analysis
