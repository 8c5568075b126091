#include "analysis/sweeps/sweep_table.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>

#include "analysis/sweeps/axes.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

void mark_front(SweepTable& table) {
  if (table.objectives.empty()) return;
  std::vector<std::vector<double>> values;
  std::vector<SweepRow*> candidates;
  for (SweepRow& row : table.rows) {
    if (!row.feasible) continue;
    std::vector<double> of_row;
    for (const Objective& objective : table.objectives) {
      const std::optional<double>& value = row.metrics[table.metric(objective.metric)];
      if (value) of_row.push_back(objective.maximise ? -*value : *value);
    }
    if (of_row.size() != table.objectives.size()) continue;
    values.push_back(std::move(of_row));
    candidates.push_back(&row);
  }
  for (const std::size_t place : pareto_front(values)) candidates[place]->front = true;
}

SweepRow row_of(const Sweep& sweep, const SweepFolder& folder, const ListedPoint& point) {
  SweepRow row;
  row.hash = point.hash;
  row.choice = point.choice;
  row.metrics.resize(sweep.metrics.size());
  if (const std::optional<Json> result = folder.read_result(point.hash)) {
    row.status = PointStatus::done;
    row.metrics = metrics_of(sweep, *result);
    row.feasible = is_feasible(sweep, row.metrics);
  } else if (const std::optional<PointFailure> failure = folder.read_failure(point.hash)) {
    row.status = failure->refused ? PointStatus::refused : PointStatus::failed;
    row.message = failure->reason;
    row.command = failure->command;
  }
  return row;
}

/// Conditions that were given on the command line.
std::vector<Condition> conditions_of(const Sweep& sweep, const std::vector<std::string>& texts) {
  std::vector<ConditionName> names = condition_names(sweep.dimensions);
  for (const Metric& metric : sweep.metrics) names.push_back({metric.name, {}});
  std::vector<Condition> conditions;
  for (const std::string& text : texts) {
    const Json quoted = text;  // a text of JSON is one of YAML
    conditions.emplace_back(workloads::Config::from_text(quoted.dump(), "--where"), names);
  }
  return conditions;
}

/// What a name stands for in a row: an axis's value, or a metric.
std::optional<Quantity> quantity_of(const SweepTable& table, const SweepRow& row,
                                    const std::string& name) {
  const auto metric = std::ranges::find(table.sweep.metrics, name, &Metric::name);
  if (metric != table.sweep.metrics.end()) {
    const auto& value = row.metrics[static_cast<std::size_t>(metric - table.sweep.metrics.begin())];
    return value ? std::optional(Quantity{"", value}) : std::nullopt;
  }
  const std::vector<const Axis*> axes = table.sweep.axes();
  const auto axis = std::ranges::find(axes, name, &Axis::name);
  const AxisValue* value = table.values(row)[static_cast<std::size_t>(axis - axes.begin())];
  return value != nullptr ? std::optional(value->shown) : std::nullopt;
}

/// A metric of the file's own whose key no result has is a mistake in the file.
void require_metrics_found(const SweepTable& table) {
  if (table.count(PointStatus::done) == 0) return;
  for (std::size_t m = 0; m < table.sweep.metrics.size(); ++m) {
    const Metric& metric = table.sweep.metrics[m];
    if (!metric.unit.empty()) continue;
    const bool found = std::ranges::any_of(
        table.rows, [&](const SweepRow& row) { return row.metrics[m].has_value(); });
    if (found) continue;
    throw workloads::InputError(fmt::format(
        "{}: metric {}: found no result with a number at {}; allowed: a key of the "
        "JSON that `{}` writes, such as dram.read_words",
        table.sweep.file.string(), metric.name, workloads::printable(metric.keys.front()),
        name_in(point_command_names, table.sweep.command)));
  }
}

/// What a row has where one axis is left out: rows that are equal there differ in that axis alone.
std::string key_without(const Choice& choice, std::size_t dimension) {
  std::string key;
  for (std::size_t i = 0; i < choice.size(); ++i) {
    key += i == dimension ? "*," : std::to_string(choice[i]) + ",";
  }
  return key;
}

bool is_silent(const SweepTable& table, std::size_t dimension) {
  std::map<std::string, const SweepRow*> first;
  bool compared = false;
  for (const SweepRow& row : table.rows) {
    if (row.status == PointStatus::missing || row.choice[dimension] == no_choice) continue;
    const auto [place, fresh] = first.try_emplace(key_without(row.choice, dimension), &row);
    if (fresh) continue;
    const SweepRow& other = *place->second;
    if (other.status != row.status || other.metrics != row.metrics) return false;
    compared = true;
  }
  return compared;
}

}  // namespace

std::size_t SweepTable::count(PointStatus status) const {
  return static_cast<std::size_t>(std::ranges::count(rows, status, &SweepRow::status));
}

std::vector<const AxisValue*> SweepTable::values(const SweepRow& row) const {
  return PointSpace(sweep).values(row.choice);
}

std::size_t SweepTable::metric(const std::string& name) const {
  const auto found = std::ranges::find(sweep.metrics, name, &Metric::name);
  return static_cast<std::size_t>(found - sweep.metrics.begin());
}

std::vector<std::optional<double>> metrics_of(const Sweep& sweep, const Json& point) {
  std::vector<std::optional<double>> values;
  for (const Metric& metric : sweep.metrics) values.push_back(value_of(metric, point.at("result")));
  return values;
}

bool is_feasible(const Sweep& sweep, const std::vector<std::optional<double>>& metrics) {
  const auto value_named = [&](const std::string& name) -> std::optional<Quantity> {
    const auto found = std::ranges::find(sweep.metrics, name, &Metric::name);
    const auto& value = metrics[static_cast<std::size_t>(found - sweep.metrics.begin())];
    if (!value) return std::nullopt;
    return Quantity{"", value};
  };
  return std::ranges::all_of(sweep.constraints, [&](const Condition& constraint) {
    return constraint.holds(value_named);
  });
}

std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& rows) {
  std::vector<std::size_t> order(rows.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::stable_sort(order, [&](std::size_t a, std::size_t b) { return rows[a] < rows[b]; });
  const auto dominates = [](const std::vector<double>& a, const std::vector<double>& b) {
    bool better = false;
    for (std::size_t i = 0; i < a.size(); ++i) {
      if (a[i] > b[i]) return false;
      better = better || a[i] < b[i];
    }
    return better;
  };
  // In lexical order none is dominated by one that comes later.
  std::vector<std::size_t> front;
  for (const std::size_t candidate : order) {
    const bool dominated = std::ranges::any_of(
        front, [&](std::size_t other) { return dominates(rows[other], rows[candidate]); });
    if (!dominated) front.push_back(candidate);
  }
  std::ranges::sort(front);
  return front;
}

SweepTable read_table(const std::filesystem::path& path, const TableSelection& selection) {
  const SweepFolder folder(path);
  if (!std::filesystem::is_regular_file(folder.sweep_file())) {
    throw workloads::InputError(fmt::format(
        "{}: found no sweep; allowed: the --out folder of `spillway sweep FILE`", path.string()));
  }
  SweepTable table{read_kept_sweep(folder.sweep_file()), {}, {}, ""};
  table.title = table.sweep.title;
  table.objectives = selection.objectives.empty() ? table.sweep.objectives : selection.objectives;
  const std::vector<Condition> where = conditions_of(table.sweep, selection.where);
  for (const Condition& condition : where) table.title += "; " + condition.text();
  std::size_t number = 0;
  folder.for_each_listed([&](const ListedPoint& point) {
    SweepRow row = row_of(table.sweep, folder, point);
    row.number = ++number;
    const bool wanted = std::ranges::all_of(where, [&](const Condition& condition) {
      return condition.holds(
          [&](const std::string& name) { return quantity_of(table, row, name); });
    });
    if (wanted) table.rows.push_back(std::move(row));
  });
  require_metrics_found(table);
  mark_front(table);
  return table;
}

std::vector<std::string> silent_axes(const SweepTable& table) {
  std::vector<std::string> names;
  for (std::size_t i = 0; i < table.sweep.dimensions.size(); ++i) {
    if (table.sweep.dimensions[i].size() < 2 || !is_silent(table, i)) continue;
    for (const Axis& axis : table.sweep.dimensions[i].axes) names.push_back(axis.name);
  }
  return names;
}

}  // namespace spillway::analysis
