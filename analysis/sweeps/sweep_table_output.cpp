// A sweep's rows as text, CSV and JSON.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/formats/columns.hpp"
#include "analysis/reports/version.hpp"
#include "analysis/sweeps/sweep_table.hpp"

namespace spillway::analysis {

namespace {

constexpr double largest_exact = 9007199254740992;  // 2^53: integers above are not all there

bool is_whole(double value) {
  return std::floor(value) == value && std::abs(value) < largest_exact;
}

Json number_json(const std::optional<double>& value) {
  if (!value || !std::isfinite(*value)) return nullptr;
  if (is_whole(*value)) return static_cast<std::int64_t>(*value);
  return *value;
}

bool is_numeric(const Axis& axis) {
  return std::ranges::all_of(axis.values,
                             [](const AxisValue& value) { return value.shown.number.has_value(); });
}

std::string csv_cell(const Json& value) {
  if (value.is_null()) return "";
  return value.is_string() ? csv_text(value.get<std::string>()) : value.dump();
}

bool is_shown(const SweepRow& row, bool front_alone) { return row.front || !front_alone; }

/// Text of a table's cell: what it is called in the sweep's file.
std::string cell_text(const AxisValue* value) { return value == nullptr ? "-" : value->shown.text; }

/// Points that gave nothing, with the reason, below the table.
std::string reasons_text(const SweepTable& table) {
  std::string text;
  for (const SweepRow& row : table.rows) {
    if (row.status != PointStatus::refused && row.status != PointStatus::failed) continue;
    text += fmt::format("  point {} {}: {}\n", row.number, name_in(point_status_names, row.status),
                        row.message);
  }
  return text.empty() ? text : "\nWithout a result:\n" + text;
}

std::string objectives_text(const SweepTable& table) {
  std::string text;
  for (const Objective& objective : table.objectives) {
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", objective.maximise ? "most " : "least ",
                        objective.metric);
  }
  return text;
}

std::string counts_text(const SweepTable& table) {
  std::string text = fmt::format("{}: {}", table.title, counted(table.rows.size(), "point"));
  for (const PointStatus status :
       {PointStatus::done, PointStatus::refused, PointStatus::failed, PointStatus::missing}) {
    const std::size_t count = table.count(status);
    if (count == 0 && status != PointStatus::done) continue;
    text += fmt::format(", {} {}", grouped(count), name_in(point_status_names, status));
  }
  return text + "\n";
}

Json axes_json(const Sweep& sweep) {
  Json json = Json::array();
  for (const Axis* axis : sweep.axes())
    json.push_back({{"name", axis->name}, {"keys", axis->keys}});
  return json;
}

Json metrics_json(const Sweep& sweep) {
  Json json = Json::array();
  for (const Metric& metric : sweep.metrics) {
    json.push_back({{"name", metric.name}, {"unit", metric.unit}});
  }
  return json;
}

Json objectives_json(const SweepTable& table) {
  Json json = Json::array();
  for (const Objective& objective : table.objectives) {
    json.push_back({{"metric", objective.metric}, {"maximise", objective.maximise}});
  }
  return json;
}

Json row_json(const SweepTable& table, const SweepRow& row) {
  Json json = {{"point", row.number},
               {"hash", row.hash},
               {"status", name_in(point_status_names, row.status)}};
  json["settings"] = Json::object();
  const std::vector<const Axis*> axes = table.sweep.axes();
  const std::vector<const AxisValue*> values = table.values(row);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    json["settings"][axes[i]->name] = axis_value_json(*axes[i], values[i]);
  }
  json["metrics"] = Json::object();
  for (std::size_t i = 0; i < row.metrics.size(); ++i) {
    json["metrics"][table.sweep.metrics[i].name] = number_json(row.metrics[i]);
  }
  json["feasible"] = row.feasible;
  json["front"] = row.front;
  if (!row.message.empty()) json["message"] = row.message;
  if (!row.command.empty()) json["command"] = row.command;
  return json;
}

}  // namespace

Json axis_value_json(const Axis& axis, const AxisValue* value) {
  if (value == nullptr) return nullptr;
  return is_numeric(axis) ? number_json(value->shown.number) : Json(value->shown.text);
}

std::string metric_text(const std::optional<double>& value) {
  if (!value) return "-";
  if (is_whole(*value) && *value >= 0) return grouped(static_cast<std::uint64_t>(*value));
  return fmt::format("{:.5g}", *value);
}

std::string table_text(const SweepTable& table, bool front_alone) {
  std::vector<std::string> header{"point"};
  const std::vector<const Axis*> axes = table.sweep.axes();
  for (const Axis* axis : axes) header.push_back(axis->name);
  for (const Metric& metric : table.sweep.metrics) header.push_back(metric.name);
  const bool front = !table.objectives.empty();
  if (front && !front_alone) header.emplace_back("front");
  const bool constrained = !table.sweep.constraints.empty();
  if (constrained && !front_alone) header.emplace_back("feasible");
  Table text(header);
  for (const SweepRow& row : table.rows) {
    if (row.status != PointStatus::done || !is_shown(row, front_alone)) continue;
    std::vector<std::string> cells{std::to_string(row.number)};
    for (const AxisValue* value : table.values(row)) cells.push_back(cell_text(value));
    for (const auto& value : row.metrics) cells.push_back(metric_text(value));
    if (front && !front_alone) cells.emplace_back(row.front ? "yes" : "");
    if (constrained && !front_alone) cells.emplace_back(row.feasible ? "yes" : "");
    text.add(cells);
  }
  std::string result = counts_text(table);
  if (front_alone) result += fmt::format("Pareto front: {}\n", objectives_text(table));
  result += "\n" + text.text();
  if (!front_alone) result += reasons_text(table);
  return result;
}

void table_csv(const SweepTable& table, bool front_alone, const Sink& sink) {
  const std::vector<const Axis*> axes = table.sweep.axes();
  std::string line = "point,hash,status";
  for (const Axis* axis : axes) line += "," + csv_text(axis->name);
  for (const Metric& metric : table.sweep.metrics) line += "," + csv_text(metric.name);
  sink(line + ",feasible,front,message\n");
  for (const SweepRow& row : table.rows) {
    if (!is_shown(row, front_alone)) continue;
    line = fmt::format("{},{},{}", row.number, row.hash, name_in(point_status_names, row.status));
    const std::vector<const AxisValue*> values = table.values(row);
    for (std::size_t i = 0; i < axes.size(); ++i) {
      line += "," + csv_cell(axis_value_json(*axes[i], values[i]));
    }
    for (const auto& value : row.metrics) line += "," + csv_cell(number_json(value));
    sink(line + fmt::format(",{},{},{}\n", row.feasible, row.front, csv_text(row.message)));
  }
}

void table_json(const SweepTable& table, bool front_alone, const Sink& sink) {
  Json head = {{"sweep", table.title},
               {"version", version()},
               {"command", name_in(point_command_names, table.sweep.command)},
               {"base", table.sweep.base}};
  head["axes"] = axes_json(table.sweep);
  head["metrics"] = metrics_json(table.sweep);
  head["objectives"] = objectives_json(table);
  head["constraints"] = Json::array();
  for (const Condition& constraint : table.sweep.constraints) {
    head["constraints"].push_back(constraint.text());
  }
  std::string text = head.dump(2);
  text.resize(text.size() - 2);  // the end of the line and the bracket, which come after the points
  sink(text + ",\n  \"points\": [");
  bool first = true;
  for (const SweepRow& row : table.rows) {
    if (!is_shown(row, front_alone)) continue;
    sink((first ? "\n    " : ",\n    ") + row_json(table, row).dump());
    first = false;
  }
  sink("\n  ]\n}\n");
}

}  // namespace spillway::analysis
