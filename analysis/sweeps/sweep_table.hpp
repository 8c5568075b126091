// What a sweep's folder holds: a row for each point, and which of them are on the Pareto front.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "analysis/sweeps/sweep_folder.hpp"
#include "workloads/support/names.hpp"

namespace spillway::analysis {

enum class PointStatus { done, refused, failed, missing };
inline constexpr workloads::Names<PointStatus, 4> point_status_names{{
    {PointStatus::done, "done"},
    {PointStatus::refused, "refused"},
    {PointStatus::failed, "failed"},
    {PointStatus::missing, "missing"},
}};

struct SweepRow {
  std::size_t number = 0;  ///< from 1, in the order of the sweep
  std::string hash;
  Choice choice;
  PointStatus status = PointStatus::missing;
  std::vector<std::optional<double>> metrics;
  bool feasible = false;  ///< done, and all constraints hold
  bool front = false;     ///< feasible, and none is better in one objective and worse in none
  std::string message, command;  ///< of one that was refused or failed
};

struct SweepTable {
  Sweep sweep;
  std::vector<SweepRow> rows;
  std::vector<Objective> objectives;  ///< that the front is of
  std::string title;                  ///< the sweep's, and the conditions that chose the rows

  std::size_t count(PointStatus status) const;
  /// Of a row, by axis: null where the axis does not apply.
  std::vector<const AxisValue*> values(const SweepRow& row) const;
  std::size_t metric(const std::string& name) const;  ///< its place; it must be there
};

/// What of a folder is read.
struct TableSelection {
  std::vector<Objective> objectives;  ///< in the place of the sweep's own, where there are any
  /// Conditions on axes and metrics, all of which hold for the rows that are read.
  std::vector<std::string> where;
};

/// Throws InputError when the folder is no sweep's, or a condition is none.
SweepTable read_table(const std::filesystem::path& folder, const TableSelection& selection = {});

/// Whether the metrics of a result keep to the sweep's constraints.
bool is_feasible(const Sweep& sweep, const std::vector<std::optional<double>>& metrics);
std::vector<std::optional<double>> metrics_of(const Sweep& sweep, const Json& point);

/// Places in `rows` of those that none dominates; each row has as many numbers, all to minimise.
std::vector<std::size_t> pareto_front(const std::vector<std::vector<double>>& rows);

/// The axes of several values whose metrics were the same whatever value they had.
std::vector<std::string> silent_axes(const SweepTable& table);

std::string table_text(const SweepTable& table, bool front_alone);
/// Line by line, so that it need not be held.
using Sink = std::function<void(std::string_view)>;
void table_csv(const SweepTable& table, bool front_alone, const Sink& sink);
void table_json(const SweepTable& table, bool front_alone, const Sink& sink);

/// A value of an axis as the tables have it: a number where all values of the axis are.
Json axis_value_json(const Axis& axis, const AxisValue* value);
/// A metric with as many digits as matter: "5 868 000", "12.35".
std::string metric_text(const std::optional<double>& value);

}  // namespace spillway::analysis
