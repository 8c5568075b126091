#include "analysis/reports/energy_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_figures.hpp"
#include "models/energy/energy_model.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

using models::EnergyByPart;
using models::EnergyModel;
using models::EnergyPart;

namespace {

/// "DRAM read" as "dram_read".
std::string energy_key(std::string_view name) {
  std::string key = underscored(std::string(name));
  std::ranges::transform(key, key.begin(), [](unsigned char c) { return std::tolower(c); });
  return key;
}

std::string no_technology() {
  return fmt::format("the device names no technology (shipped: {})",
                     fmt::join(workloads::shared_names("models/technologies"), ", "));
}

std::string uj_text(double pj) { return fmt::format("{:.3f}", pj * 1e-6); }

/// A part of all energy or area, or the sum of all parts.
struct PartRow {
  std::string name;
  double amount = 0;  ///< pJ or mm2
  double percent = 0;
};

/// Without the DRAM's chips where they are not known.
std::vector<PartRow> energy_parts(const EnergyByPart& energy, bool chips_known) {
  std::vector<PartRow> rows;
  const double total = energy.total();
  for (const auto& [part, name] : models::energy_part_names) {
    if (is_of_chips(part) && !chips_known) continue;
    const double pj = energy.of(part);
    rows.push_back({std::string(name), pj, total == 0 ? 0 : 100 * pj / total});
  }
  return rows;
}

Columns<PartRow> energy_part_columns(const std::string& heading, const std::string& unit,
                                     double units_in_one) {
  using Row = PartRow;
  return {
      {{heading, "", ""}, [](const Row& row) { return row.name; }},
      {.names = {unit, "", ""},
       .value = [](const Row& row) { return row.amount; },
       .in_text = [=](const Row& row) { return fmt::format("{:.3f}", row.amount * units_in_one); }},
      {.names = {"%", "", ""},
       .value = [](const Row& row) { return row.percent; },
       .in_text = [](const Row& row) { return fmt::format("{:.1f}", row.percent); }}};
}

PartRow energy_sum(const std::string& name, double total) {
  return {name, total, total == 0 ? 0.0 : 100.0};
}

std::string part_table(const std::string& heading, const std::string& unit, double units_in_one,
                       const std::vector<PartRow>& rows, const PartRow& sum) {
  const Columns<PartRow> columns = energy_part_columns(heading, unit, units_in_one);
  Table table = text_table(columns, rows);
  table.add_rule();
  table.add(text_cells(columns, sum));
  return table.text();
}

/// A layer's operations in one phase.
struct EnergyLine {
  std::string layer, phase;
  EnergyByPart energy;
  bool chips_known;
};

std::vector<EnergyLine> energy_lines(const EnergyModel& model, const sim::Result& result) {
  std::vector<EnergyLine> rows;
  for (const sim::LayerTime& line : result.timing) {
    rows.push_back({line.name, to_string(line.phase), model.of(line.times, result.execution),
                    model.dram_chips_known()});
  }
  return rows;
}

/// In text the DRAM's chips are one column.
Columns<EnergyLine> energy_line_columns() {
  using Row = EnergyLine;
  Columns<Row> columns{{{"layer", "", "layer"}, [](const Row& row) { return row.layer; }},
                       {{"phase", "", "phase"}, [](const Row& row) { return row.phase; }}};
  const auto energy = [](const ColumnNames& names, bool of_chips, const auto& pj) {
    const auto known = [=](const Row& row) { return row.chips_known || !of_chips; };
    return Column<Row>{
        .names = names,
        .value = [=](const Row& row) -> Json { return known(row) ? Json(pj(row)) : Json(nullptr); },
        .in_text = [=](const Row& row) { return known(row) ? uj_text(pj(row)) : "-"; }};
  };
  columns.push_back(
      energy({"DRAM chips, uJ", "", ""}, true, [](const Row& row) { return row.energy.chips(); }));
  for (const auto& [part, name] : models::energy_part_names) {
    const bool of_chips = is_of_chips(part);
    columns.push_back(energy({of_chips ? "" : std::string(name), "", energy_key(name) + "_pJ"},
                             of_chips,
                             [part = part](const Row& row) { return row.energy.of(part); }));
  }
  columns.push_back(
      energy({"total", "", "total_pJ"}, true, [](const Row& row) { return row.energy.total(); }));
  return columns;
}

struct BufferUserRow {
  std::string name;
  models::Accesses accesses;
  double pj = 0;
};

std::vector<BufferUserRow> buffer_user_rows(const EnergyModel& model,
                                            const models::BufferAccesses& buffer) {
  std::vector<BufferUserRow> rows;
  for (const auto& [user, name] : models::buffer_user_names) {
    const models::Accesses& accesses = buffer.of(user);
    rows.push_back({std::string(name), accesses, model.buffer().of(accesses)});
  }
  return rows;
}

Columns<BufferUserRow> buffer_user_columns() {
  using Row = BufferUserRow;
  return {
      {.names = {"user of the buffer", "", "user"},
       .value = [](const Row& row) { return energy_key(row.name); },
       .in_text = [](const Row& row) { return row.name; }},
      {{"bytes read", "", "read_bytes"}, [](const Row& row) { return row.accesses.read.count(); }},
      {{"bytes written", "", "written_bytes"},
       [](const Row& row) { return row.accesses.written.count(); }},
      {.names = {"uJ", "", "pJ"},
       .value = [](const Row& row) { return row.pj; },
       .in_text = [](const Row& row) { return uj_text(row.pj); }}};
}

std::vector<PartRow> area_rows(const models::Area& area) {
  std::vector<PartRow> rows{{"buffer", area.buffer},
                            {"MACs", area.macs},
                            {"vector unit", area.vector_unit},
                            {"PRNG unit", area.prng}};
  for (PartRow& row : rows) row.percent = area.total() == 0 ? 0 : 100 * row.amount / area.total();
  return rows;
}

std::string buffer_energy_text(const models::BufferEnergy& buffer) {
  return fmt::format(
      "  {} of {} and {:g} bits: a byte read {:.4f} pJ, written {:.4f} pJ{}.\n",
      counted(buffer.banks(), "bank"), readable_bytes(buffer.bank_capacity().count()),
      buffer.bank_width(), buffer.read_pj_per_byte(), buffer.write_pj_per_byte(),
      buffer.extrapolated() ? ", beyond the memories that the law was fitted to" : "");
}

Json constants_json(const EnergyModel& model) {
  Json list = Json::array();
  for (const models::Constant& constant : model.constants()) {
    list.push_back({{"constant", constant.key},
                    {"value", constant.value},
                    {"unit", constant.unit},
                    {"status", name_in(models::evidence_names, constant.provenance.status)},
                    {"source", constant.provenance.source},
                    {"note", constant.provenance.note}});
  }
  return list;
}

}  // namespace

std::string energy_text(const models::DeviceConfig& device, const sim::Result& result) {
  if (!device.technology) {
    return "\nEnergy on the chip, and its area: not known, " + no_technology() + ".\n";
  }
  const EnergyModel model(device);
  const EnergyByPart energy = model.total(result.execution);
  const bool known = model.dram_chips_known();
  std::string text = fmt::format("\nEnergy by part: technology {}\n", device.technology->name);
  text += part_table("part of the device", "uJ", 1e-6, energy_parts(energy, known),
                     energy_sum(known ? "total" : "total of these", energy.total()));
  if (!known) text += "  Without the DRAM's chips: " + energy_missing(device.dram) + ".\n";

  text += "\nEnergy by layer and phase, in uJ\n";
  const std::vector<EnergyLine> rows = energy_lines(model, result);
  const Columns<EnergyLine> columns = energy_line_columns();
  Table table = text_table(columns, rows);
  table.add_rule();
  table.add(text_cells(columns, EnergyLine{"all", "", energy, known}));
  text += table.text() +
          "  Accesses, operations, bits and bursts are the line's own. Activations are shared out\n"
          "  by bursts; refresh, background and static power by the times in which any engine\n"
          "  worked for the line.\n";

  text += "\nAccesses to the on-chip buffer\n" +
          text_table(buffer_user_columns(), buffer_user_rows(model, result.execution.counts.buffer))
              .text() +
          buffer_energy_text(model.buffer());

  const models::Area area = model.area();
  text +=
      "\nArea of the chip's parts; control, wires and pads are not among them\n" +
      part_table("part of the chip", "mm2", 1, area_rows(area), energy_sum("total", area.total()));
  return text + "  The constants and where they come from: --json.\n";
}

Json energy_json(const models::DeviceConfig& device, const sim::Result& result) {
  if (!device.technology) {
    return {{"energy", nullptr}, {"energy_missing", no_technology()}};
  }
  const EnergyModel model(device);
  const EnergyByPart energy = model.total(result.execution);
  const bool known = model.dram_chips_known();
  Json of_step;
  of_step["technology"] = device.technology->name;
  for (const PartRow& part : energy_parts(energy, known)) {
    of_step["parts_pJ"][energy_key(part.name)] = part.amount;
  }
  of_step["total_pJ"] = known ? Json(energy.total()) : Json(nullptr);
  if (!known) of_step["total_missing"] = energy_missing(device.dram);
  const models::WorkCounts& counts = result.execution.counts;
  of_step["macs"] = counts.macs.count();
  of_step["elements"] = counts.elements;
  of_step["random_bits"] = counts.random_bits;
  of_step["static_mW"] = model.static_milliwatts();
  of_step["buffer"] = json_rows(buffer_user_columns(), buffer_user_rows(model, counts.buffer));
  of_step["by_layer"] = json_rows(energy_line_columns(), energy_lines(model, result));
  of_step["constants"] = constants_json(model);
  return {{"energy", of_step}};
}

Json area_json(const models::DeviceConfig& device) {
  if (!device.technology) return {{"area", nullptr}, {"area_missing", no_technology()}};
  const models::Area area = EnergyModel(device).area();
  Json parts;
  for (const PartRow& part : area_rows(area)) parts[energy_key(part.name) + "_mm2"] = part.amount;
  parts["total_mm2"] = area.total();
  return {{"area", parts}};
}

}  // namespace spillway::analysis
