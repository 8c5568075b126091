#include "analysis/reports/timing_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/bound.hpp"

namespace spillway::analysis {

using models::all_engines;
using models::all_stall_causes;
using models::EngineKind;
using models::StallCause;
using sim::LayerTime;
using workloads::ceil_div;
using workloads::Picoseconds;

namespace {

double ns_of(Picoseconds time) { return static_cast<double>(time.count()) / 1000; }

std::string ns_text(Picoseconds time) {
  return fmt::format("{}.{:03}", grouped(time.count() / 1000), time.count() % 1000);
}

/// Of the whole step's time.
double percent(const models::Execution& execution, Picoseconds time) {
  const auto total = static_cast<double>(execution.time.count());
  return total == 0 ? 0 : 100 * static_cast<double>(time.count()) / total;
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
  std::array<std::uint64_t, all_engines.size()> busy_cycles;  ///< by engine
  double array_percent = 0;  ///< useful MACs of those that it could do while the line was active

  std::uint64_t& cycles_of(EngineKind engine) {
    return busy_cycles[static_cast<std::size_t>(engine)];
  }
  std::uint64_t cycles_of(EngineKind engine) const {
    return busy_cycles[static_cast<std::size_t>(engine)];
  }
};

std::vector<TimeRow> rows_of(const std::vector<LayerTime>& lines,
                             const models::DeviceConfig& device) {
  const Picoseconds period = device.clock_period;
  std::vector<TimeRow> rows;
  for (const LayerTime& line : lines) {
    const models::WorkTimes& times = line.times;
    rows.push_back({line, period, {}, 100 * array_share(times.compute.macs, times.active, device)});
  }
  for (const EngineKind engine : all_engines) {
    std::vector<Picoseconds> column;
    for (const LayerTime& line : lines) column.push_back(line.times.busy.of(engine));
    const std::vector<std::uint64_t> cycles = cycles_that_add_up(column, period);
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i].cycles_of(engine) = cycles[i];
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
  for (const EngineKind engine : all_engines) {
    const std::string name = engine_name(engine);
    columns.push_back(
        {.names = {name, "", name},
         .value = [engine](const Row& row) -> Json {
           const models::WorkTimes& times = row.line.times;
           return {{"busy_cycles", row.cycles_of(engine)},
                   {"busy_ns", ns_of(times.busy.of(engine))},
                   {"stalled_ns", ns_of(times.stalled.of(engine).total())}};
         },
         .in_text = [engine](const Row& row) { return grouped(row.cycles_of(engine)); },
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
  for (const EngineKind engine : all_engines) {
    columns.push_back(
        {{engine_name(engine) + std::string(", ns"), "", ""},
         [engine](const Row& row) { return ns_text(row.line.times.busy.of(engine)); }});
  }
  return columns;
}

std::string engine_states_text(const models::Execution& execution) {
  const auto cell = [&](Picoseconds time) {
    return time == Picoseconds(0) ? std::string("-")
                                  : fmt::format("{:.1f}", percent(execution, time));
  };
  std::vector<std::string> head{"engine", "busy"};
  for (const StallCause cause : all_stall_causes) {
    head.push_back(std::string("on ") + stall_cause_name(cause));
  }
  head.push_back("idle");
  Table table(head);
  for (const EngineKind engine : all_engines) {
    std::vector<std::string> row{engine_name(engine), cell(execution.busy.of(engine))};
    for (const StallCause cause : all_stall_causes) {
      row.push_back(cell(execution.stalled.of(engine).on(cause)));
    }
    row.push_back(cell(execution.idle.of(engine)));
    table.add(row);
  }
  const models::IssueTimes& blocked = execution.not_issued;
  return fmt::format(
      "\nEngines: % of the step's {} ns busy, stalled on what still uses a tile, and idle without "
      "an instruction\n{}"
      "  Instructions are issued in order: the next one waited for its place in the buffer {:.1f} "
      "% "
      "of\n  the time, for a place in its engine's queue {:.1f} %.\n",
      ns_text(execution.time), table.text(), percent(execution, blocked.buffer_space),
      percent(execution, blocked.full_queue));
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
  for (const EngineKind engine : all_engines) {
    sum.push_back(grouped(ceil_div(execution.busy.of(engine).count(), period.count())));
  }
  sum.insert(sum.end(), {"", ""});
  sum.push_back(name_in(bound_names, bound_of(usage_of(execution))));
  sum.push_back(
      fmt::format("{:.1f}", 100 * array_share(execution.compute.macs, execution.time, device)));
  for (const EngineKind engine : all_engines) sum.push_back(ns_text(execution.busy.of(engine)));
  table.add(sum);
  return engine_states_text(execution) +
         fmt::format(
             "\nTime by layer and phase: cycles of {:g} ns and ns in which each engine was busy\n{}"
             "  Engines overlap. A load counts for the operation that it is made for, a store for "
             "the "
             "one\n"
             "  that made the values. Cycles are rounded so that each column adds up.\n"
             "  Bound by: what was busy most, for at least {:.0f} % of the time in which any "
             "engine\n"
             "  worked for the line; else latency: engines wait for each other. Array %: useful "
             "MACs\n"
             "  of those that the array could do in that time.\n",
             ns_of(period), table.text(), 100 * bound_share);
}

std::string engines_text(const models::Execution& execution) {
  std::string text;
  for (const EngineKind engine : all_engines) {
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", engine_name(engine),
                        percent(execution, execution.busy.of(engine)));
  }
  return text;
}

Json engines_json(const models::Execution& execution, Picoseconds period) {
  Json json;
  for (const EngineKind engine : all_engines) {
    const Picoseconds busy = execution.busy.of(engine);
    const models::Stalls& stalled = execution.stalled.of(engine);
    Json causes;
    for (const StallCause cause : all_stall_causes) {
      causes[stall_cause_name(cause)] = ns_of(stalled.on(cause));
    }
    json[engine_name(engine)] = {{"busy_cycles", ceil_div(busy.count(), period.count())},
                                 {"busy_ns", ns_of(busy)},
                                 {"busy_pct", percent(execution, busy)},
                                 {"stalled_ns", ns_of(stalled.total())},
                                 {"idle_ns", ns_of(execution.idle.of(engine))},
                                 {"stalled_on_ns", causes}};
  }
  return json;
}

Json not_issued_json(const models::Execution& execution) {
  return {{"buffer_space_ns", ns_of(execution.not_issued.buffer_space)},
          {"full_queue_ns", ns_of(execution.not_issued.full_queue)}};
}

Json overview_json(const sim::Overview& overview) {
  const auto window = static_cast<double>(overview.window().count());
  Json busy, buffer = Json::array(), bytes = Json::array();
  for (const EngineKind engine : all_engines) busy[engine_name(engine)] = Json::array();
  for (const sim::OverviewWindow& at : overview.windows()) {
    for (const EngineKind engine : all_engines) {
      const double share = static_cast<double>(at.busy.of(engine).count()) / window;
      busy[engine_name(engine)].push_back(std::round(share * 10'000) / 100);
    }
    buffer.push_back(at.buffer.count());
    std::uint64_t sum = 0;
    for (const auto& [read, written] : at.channels) sum += (read + written).count();
    bytes.push_back(sum);
  }
  return {{"window_ns", window / 1000},
          {"windows", overview.windows().size()},
          {"buffer_bytes", buffer},
          {"busy_pct", busy},
          {"dram_bytes", bytes}};
}

Json timing_json(const std::vector<LayerTime>& lines, const models::DeviceConfig& device) {
  return json_rows(time_columns(), rows_of(lines, device));
}

}  // namespace spillway::analysis
