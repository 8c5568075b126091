#include "analysis/reports/timing_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/bound.hpp"

namespace spillway::analysis {

using models::EngineTimes;
using sim::LayerTime;
using workloads::ceil_div;
using workloads::Picoseconds;

namespace {

struct EngineName {
  const char* name;
  Picoseconds EngineTimes::*busy;
};
constexpr std::array engine_names{
    EngineName{"load", &EngineTimes::load}, EngineName{"store", &EngineTimes::store},
    EngineName{"compute", &EngineTimes::compute}, EngineName{"generate", &EngineTimes::generate}};

double ns_of(Picoseconds time) { return static_cast<double>(time.count()) / 1000; }

std::string ns_text(Picoseconds time) {
  return fmt::format("{}.{:03}", grouped(time.count() / 1000), time.count() % 1000);
}

/// Of the whole step's time.
double busy_percent(const models::Execution& execution, const EngineName& engine) {
  const auto total = static_cast<double>(execution.time.count());
  return total == 0 ? 0 : 100 * static_cast<double>((execution.busy.*engine.busy).count()) / total;
}

std::uint64_t first_cycle(const LayerTime& line, Picoseconds period) {
  return line.times.first.count() / period.count();
}
/// The cycle in which the last piece of work was still going on.
std::uint64_t last_cycle(const LayerTime& line, Picoseconds period) {
  const std::uint64_t end = ceil_div(line.times.last.count(), period.count());
  return std::max(first_cycle(line, period), end - (end > 0));
}

/// A line's times, and the cycles that stand for them.
struct TimeRow {
  LayerTime line;
  Picoseconds period;
  std::array<std::uint64_t, engine_names.size()> busy_cycles;  ///< by engine
  double array_percent = 0;  ///< useful MACs of those that it could do while the line was active
};

std::vector<TimeRow> rows_of(const std::vector<LayerTime>& lines,
                             const models::DeviceConfig& device) {
  const Picoseconds period = device.clock_period;
  std::vector<TimeRow> rows;
  for (const LayerTime& line : lines) {
    const models::WorkTimes& times = line.times;
    rows.push_back({line, period, {}, 100 * array_share(times.compute.macs, times.active, device)});
  }
  for (std::size_t e = 0; e < engine_names.size(); ++e) {
    std::vector<Picoseconds> column;
    for (const LayerTime& line : lines) column.push_back(line.times.busy.*engine_names[e].busy);
    const std::vector<std::uint64_t> cycles = cycles_that_add_up(column, period);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].busy_cycles[e] = cycles[i];
  }
  return rows;
}

/// A column of lines that were worked on at all.
template <class Value>
Column<TimeRow> if_any(const ColumnNames& names, Value value) {
  return {names, [value](const TimeRow& row) {
            return row.line.times.any ? Json(value(row)) : Json(nullptr);
          }};
}

Columns<TimeRow> time_columns() {
  using Row = TimeRow;
  Columns<Row> columns{
      {{"layer", "", "layer"}, [](const Row& row) { return row.line.name; }},
      {{"phase", "", "phase"}, [](const Row& row) { return to_string(row.line.phase); }}};
  for (std::size_t e = 0; e < engine_names.size(); ++e) {
    const EngineName& engine = engine_names[e];
    columns.push_back({.names = {engine.name, "", engine.name},
                       .value = [&engine, e](const Row& row) -> Json {
                         return {{"busy_cycles", row.busy_cycles[e]},
                                 {"busy_ns", ns_of(row.line.times.busy.*engine.busy)}};
                       },
                       .in_text = [e](const Row& row) { return grouped(row.busy_cycles[e]); },
                       .json_last = true});
  }
  columns.push_back(if_any({"first cycle", "", "first_cycle"},
                           [](const Row& row) { return first_cycle(row.line, row.period); }));
  columns.push_back(if_any({"last cycle", "", "last_cycle"},
                           [](const Row& row) { return last_cycle(row.line, row.period); }));
  columns.push_back(
      if_any({"", "", "begin_ns"}, [](const Row& row) { return ns_of(row.line.times.first); }));
  columns.push_back(
      if_any({"", "", "end_ns"}, [](const Row& row) { return ns_of(row.line.times.last); }));
  columns.push_back({{"bound by", "", "bound"}, [](const Row& row) -> Json {
                       if (row.line.times.active == Picoseconds(0)) return nullptr;
                       return name_in(bound_names, bound_of(usage_of(row.line.times)));
                     }});
  columns.push_back({.names = {"array %", "", "array_pct"},
                     .value = [](const Row& row) -> Json {
                       if (row.line.times.compute.macs == workloads::Macs(0)) return nullptr;
                       return row.array_percent;
                     },
                     .in_text = [](const Row& row) -> std::string {
                       if (row.line.times.compute.macs == workloads::Macs(0)) return "-";
                       return fmt::format("{:.1f}", row.array_percent);
                     }});
  for (const EngineName& engine : engine_names) {
    columns.push_back({{engine.name + std::string(", ns"), "", ""}, [&engine](const Row& row) {
                         return ns_text(row.line.times.busy.*engine.busy);
                       }});
  }
  return columns;
}

}  // namespace

std::vector<std::uint64_t> cycles_that_add_up(const std::vector<Picoseconds>& column,
                                              Picoseconds period) {
  std::vector<std::uint64_t> cycles;
  Picoseconds sum;
  std::uint64_t before = 0;
  for (const Picoseconds time : column) {
    sum += time;
    const std::uint64_t now = ceil_div(sum.count(), period.count());
    cycles.push_back(now - before);
    before = now;
  }
  return cycles;
}

std::string timing_text(const std::vector<LayerTime>& lines, const models::Execution& execution,
                        const models::DeviceConfig& device) {
  const Picoseconds period = device.clock_period;
  Table table = text_table(time_columns(), rows_of(lines, device));
  table.add_rule();
  std::vector<std::string> sum{"all", ""};
  for (const EngineName& engine : engine_names) {
    sum.push_back(grouped(ceil_div((execution.busy.*engine.busy).count(), period.count())));
  }
  sum.insert(sum.end(), {"", ""});
  sum.push_back(name_in(bound_names, bound_of(usage_of(execution))));
  sum.push_back(
      fmt::format("{:.1f}", 100 * array_share(execution.compute.macs, execution.time, device)));
  for (const EngineName& engine : engine_names) {
    sum.push_back(ns_text(execution.busy.*engine.busy));
  }
  table.add(sum);
  return fmt::format(
      "\nTime by layer and phase: cycles of {:g} ns and ns in which each engine was busy\n{}"
      "  Engines overlap. A load counts for the operation that it is made for, a store for the "
      "one\n"
      "  that made the values. Cycles are rounded so that each column adds up.\n"
      "  Bound by: what was busy most, for at least {:.0f} % of the time in which any engine\n"
      "  worked for the line; else latency: engines wait for each other. Array %: useful MACs\n"
      "  of those that the array could do in that time.\n",
      ns_of(period), table.text(), 100 * bound_share);
}

std::string engines_text(const models::Execution& execution) {
  std::string text;
  for (const EngineName& engine : engine_names) {
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", engine.name,
                        busy_percent(execution, engine));
  }
  return text;
}

Json engines_json(const models::Execution& execution, Picoseconds period) {
  Json json;
  for (const EngineName& engine : engine_names) {
    const Picoseconds busy = execution.busy.*engine.busy;
    json[engine.name] = {{"busy_cycles", ceil_div(busy.count(), period.count())},
                         {"busy_ns", ns_of(busy)},
                         {"busy_pct", busy_percent(execution, engine)}};
  }
  return json;
}

Json timing_json(const std::vector<LayerTime>& lines, const models::DeviceConfig& device) {
  return json_rows(time_columns(), rows_of(lines, device));
}

}  // namespace spillway::analysis
