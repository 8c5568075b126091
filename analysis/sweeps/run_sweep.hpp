// Does what a sweep asks for: each of its points in a process of its own, results in a folder.
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/sweeps/point_inputs.hpp"
#include "analysis/sweeps/sweep_folder.hpp"

namespace spillway::analysis {

/// Every `of`-th point, from the `number`-th on, counted from 1.
struct Shard {
  std::size_t number = 1, of = 1;
};

struct SweepProgress {
  std::size_t listed = 0;        ///< points whose experiments were read so far
  std::size_t done = 0, of = 0;  ///< of those that were missing
  std::size_t failed = 0;
};

struct SweepOptions {
  std::size_t jobs = 1;
  bool retry_failed = false;  ///< points that their experiments refused, too
  Shard shard;
  std::function<void(const SweepProgress&)> progress;  ///< often
};

struct FailedPoint {
  std::string command, reason;
};

struct SweepOutcome {
  std::size_t points = 0;   ///< of the sweep, or of the shard
  std::size_t kept = 0;     ///< had a result before, or share that of another point
  std::size_t done = 0;     ///< got one now
  std::size_t refused = 0;  ///< by their experiments, before or now
  std::size_t failed = 0;   ///< now, in another way
  bool interrupted = false;
  std::vector<FailedPoint> failures;  ///< of now, the first `most_shown_failures`
};

/// How many failures are printed when a sweep ends.
inline constexpr std::size_t most_shown_failures = 10;

/// All points of a grid or a random search, in order. Throws InputError for the first whose
/// experiment is none.
std::vector<ListedPoint> list_points(const Sweep& sweep, PointReader& reader,
                                     const std::function<void(const SweepProgress&)>& progress);

/// Those that a run would do: of the shard, without a result, each hash once.
std::vector<ListedPoint> missing_points(const std::vector<ListedPoint>& points,
                                        const SweepFolder& folder, const SweepOptions& options,
                                        SweepOutcome& outcome);

/// Places of the points in groups of at most `most`: those that share a schedule.
std::vector<std::vector<std::size_t>> schedule_groups(const std::vector<ListedPoint>& points,
                                                      std::size_t most);

/// Does points; false when interrupted. Points with one schedule are done by one process, which
/// searches for it and forks one of its own for each of them.
bool do_points(const Sweep& sweep, const PointReader& reader, const SweepFolder& folder,
               const std::vector<ListedPoint>& missing, const SweepOptions& options,
               SweepOutcome& outcome);

/// Everything: reads all points' experiments, writes the folder's list, does what is missing.
/// Throws InputError before anything is written.
SweepOutcome run_sweep(const Sweep& sweep, const std::filesystem::path& folder,
                       const SweepOptions& options = {});

/// Seconds that some of the points take, tried in processes whose results are thrown away; a point
/// that takes longer than `most` counts as that.
struct TriedPoints {
  std::size_t tried = 0, too_long = 0;
  double seconds = 0;  ///< of all that were tried together
};
TriedPoints try_points(const Sweep& sweep, const PointReader& reader,
                       const std::vector<ListedPoint>& missing, double most);

}  // namespace spillway::analysis
