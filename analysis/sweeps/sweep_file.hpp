// A sweep: an experiment, what of it varies, and what is measured, from one YAML file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "analysis/sweeps/condition.hpp"
#include "analysis/sweeps/metrics.hpp"
#include "workloads/support/config.hpp"

namespace spillway::analysis {

struct AxisValue {
  Quantity shown;  ///< its name, and the number that conditions and figures take it for
  /// Keys of the experiment, and what they are set to, as YAML.
  std::vector<std::pair<std::string, std::string>> set;
  std::string where;  ///< begins messages about it: "file:line: axes[0].values[1]"
};

/// What of the experiment varies: one key, or several of which each value sets what it wants.
struct Axis {
  std::string name;
  std::vector<std::string> keys;
  std::vector<AxisValue> values;
};

/// Axes that change together: one, or several of as many values each.
struct Dimension {
  std::vector<Axis> axes;
  std::optional<Condition> when;  ///< of earlier axes; elsewhere the experiment's own value stays
  std::size_t size() const { return axes.front().values.size(); }
};

struct Objective {
  std::string metric;
  bool maximise = false;
};

enum class SearchMethod { grid, random, nsga2 };
inline constexpr workloads::Names<SearchMethod, 3> search_names{{
    {SearchMethod::grid, "grid"},
    {SearchMethod::random, "random"},
    {SearchMethod::nsga2, "nsga2"},
}};

struct Search {
  SearchMethod method = SearchMethod::grid;
  std::uint64_t points = 0;  ///< at most; not of a grid
  std::uint64_t seed = 1;
  std::uint64_t population = 0;  ///< of nsga2
};

/// What a point may take; nothing: as much as it wants.
struct PointLimits {
  std::optional<double> seconds;
  std::optional<workloads::Bytes> memory;
};

/// How an array job is asked for.
struct SlurmSettings {
  std::int64_t tasks = 10;
  std::string time, partition;       ///< "" for what the cluster has by default
  std::vector<std::string> options;  ///< of sbatch, as they are
};

struct Sweep {
  std::string name, title;
  std::filesystem::path file;
  std::string base;                 ///< the experiment as the file names it …
  std::filesystem::path base_file;  ///< … and where it is
  PointCommand command = PointCommand::count;
  std::vector<workloads::Assignment> set;  ///< laid over the experiment at every point
  std::vector<Dimension> dimensions;
  std::vector<Condition> when;  ///< all of them, or the point is left out
  std::vector<Metric> metrics;
  std::vector<Objective> objectives;
  std::vector<Condition> constraints;  ///< of metrics
  Search search;
  PointLimits limits;
  SlurmSettings slurm;

  /// Of all dimensions, in order.
  std::vector<const Axis*> axes() const;
};

/// Read a sweep. Throws InputError for all that can be told without looking into its experiment.
Sweep read_sweep(const std::filesystem::path& path);
/// The copy that lies beside results: its experiment may be elsewhere by now, and is not looked
/// for.
Sweep read_kept_sweep(const std::filesystem::path& path);

}  // namespace spillway::analysis
