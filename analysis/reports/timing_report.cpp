#include "analysis/reports/timing_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "analysis/formats/output.hpp"

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

std::uint64_t first_cycle(const LayerTime& line, Picoseconds period) {
  return line.times.first.count() / period.count();
}
/// The cycle in which the last piece of work was still going on.
std::uint64_t last_cycle(const LayerTime& line, Picoseconds period) {
  const std::uint64_t end = ceil_div(line.times.last.count(), period.count());
  return std::max(first_cycle(line, period), end - (end > 0));
}

/// By engine and line.
std::array<std::vector<std::uint64_t>, engine_names.size()> busy_cycles(
    const std::vector<LayerTime>& lines, Picoseconds period) {
  std::array<std::vector<std::uint64_t>, engine_names.size()> cycles;
  for (std::size_t e = 0; e < engine_names.size(); ++e) {
    std::vector<Picoseconds> column;
    for (const LayerTime& line : lines) column.push_back(line.times.busy.*engine_names[e].busy);
    cycles[e] = cycles_that_add_up(column, period);
  }
  return cycles;
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
                        Picoseconds period) {
  std::vector<std::string> header{"layer", "phase"};
  for (const EngineName& engine : engine_names) header.emplace_back(engine.name);
  header.insert(header.end(), {"first cycle", "last cycle"});
  for (const EngineName& engine : engine_names) header.push_back(engine.name + std::string(", ns"));
  Table table(header);
  const auto cycles = busy_cycles(lines, period);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const LayerTime& line = lines[i];
    std::vector<std::string> row{line.name, to_string(line.phase)};
    for (const auto& of_engine : cycles) row.push_back(grouped(of_engine[i]));
    if (line.times.any) {
      row.push_back(grouped(first_cycle(line, period)));
      row.push_back(grouped(last_cycle(line, period)));
    } else {
      row.insert(row.end(), {"-", "-"});
    }
    for (const EngineName& engine : engine_names) {
      row.push_back(ns_text(line.times.busy.*engine.busy));
    }
    table.add(row);
  }
  table.add_rule();
  std::vector<std::string> sum{"all", ""};
  for (const EngineName& engine : engine_names) {
    sum.push_back(grouped(ceil_div((execution.busy.*engine.busy).count(), period.count())));
  }
  sum.insert(sum.end(), {"", ""});
  for (const EngineName& engine : engine_names) {
    sum.push_back(ns_text(execution.busy.*engine.busy));
  }
  table.add(sum);
  return fmt::format(
      "\nTime by layer and phase: cycles of {:g} ns and ns in which each engine was busy\n{}"
      "  Engines overlap. A load counts for the operation that it is made for, a store for the "
      "one\n"
      "  that made the values. Cycles are rounded so that each column adds up.\n",
      ns_of(period), table.text());
}

Json engines_json(const models::Execution& execution, Picoseconds period) {
  Json json;
  const auto total = static_cast<double>(execution.time.count());
  for (const EngineName& engine : engine_names) {
    const Picoseconds busy = execution.busy.*engine.busy;
    json[engine.name] = {
        {"busy_cycles", ceil_div(busy.count(), period.count())},
        {"busy_ns", ns_of(busy)},
        {"busy_pct", total == 0 ? 0 : 100 * static_cast<double>(busy.count()) / total}};
  }
  return json;
}

Json timing_json(const std::vector<LayerTime>& lines, Picoseconds period) {
  Json rows = Json::array();
  const auto cycles = busy_cycles(lines, period);
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const LayerTime& line = lines[i];
    Json row = {{"layer", line.name}, {"phase", to_string(line.phase)}};
    if (line.times.any) {
      row["first_cycle"] = first_cycle(line, period);
      row["last_cycle"] = last_cycle(line, period);
      row["begin_ns"] = ns_of(line.times.first);
      row["end_ns"] = ns_of(line.times.last);
    }
    for (std::size_t e = 0; e < engine_names.size(); ++e) {
      row[engine_names[e].name] = {{"busy_cycles", cycles[e][i]},
                                   {"busy_ns", ns_of(line.times.busy.*engine_names[e].busy)}};
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace spillway::analysis
