#include "analysis/sweeps/run_sweep.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <cstring>
#include <map>
#include <set>
#include <utility>

#include "analysis/sweeps/evolution.hpp"
#include "analysis/sweeps/point_command.hpp"
#include "analysis/sweeps/processes.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

constexpr int exit_refused = 2;

ProcessOptions process_options(const Sweep& sweep, const SweepOptions& options) {
  ProcessOptions processes;
  processes.at_once = options.jobs;
  processes.seconds = sweep.limits.seconds;
  processes.memory = sweep.limits.memory;
  return processes;
}

/// Why a point's process gave no result.
PointFailure failure_of(const ProcessEnd& end, const Sweep& sweep, const std::string& command) {
  PointFailure failure{false, "", command};
  if (end.timed_out) {
    failure.reason = fmt::format("took longer than {:g} s", *sweep.limits.seconds);
  } else if (end.signal != 0) {
    failure.reason = fmt::format("ended by signal {} ({}{})", end.signal, strsignal(end.signal),
                                 end.signal == SIGKILL ? ", as when memory is short" : "");
  } else {
    failure.refused = end.exit_code == exit_refused;
    failure.reason =
        end.message.empty() ? fmt::format("ended with code {}", end.exit_code) : end.message;
  }
  return failure;
}

}  // namespace

std::vector<ListedPoint> list_points(const Sweep& sweep, PointReader& reader,
                                     const std::function<void(const SweepProgress&)>& progress) {
  std::vector<ListedPoint> points;
  for_each_point(sweep, [&](const Choice& choice) {
    PointInputs inputs = reader.inputs(choice);
    points.push_back({std::move(inputs.hash), choice, std::move(inputs.schedule)});
    if (progress) progress({points.size(), 0, 0, 0});
    return true;
  });
  if (points.empty()) {
    throw workloads::InputError(sweep.file.string() +
                                ": when: found no point for which all hold; allowed: conditions "
                                "that leave some");
  }
  return points;
}

std::vector<ListedPoint> missing_points(const std::vector<ListedPoint>& points,
                                        const SweepFolder& folder, const SweepOptions& options,
                                        SweepOutcome& outcome) {
  std::vector<ListedPoint> missing;
  std::set<std::string> seen;
  for (std::size_t i = 0; i < points.size(); ++i) {
    if (i % options.shard.of + 1 != options.shard.number) continue;
    const ListedPoint& point = points[i];
    ++outcome.points;
    if (!seen.insert(point.hash).second || folder.has_result(point.hash)) {
      ++outcome.kept;
      continue;
    }
    const std::optional<PointFailure> failure = folder.read_failure(point.hash);
    if (failure && failure->refused && !options.retry_failed) {
      ++outcome.refused;
      continue;
    }
    missing.push_back(point);
  }
  return missing;
}

std::vector<std::vector<std::size_t>> schedule_groups(const std::vector<ListedPoint>& points,
                                                      std::size_t most) {
  std::vector<std::vector<std::size_t>> groups;
  std::map<std::string, std::size_t> open;  // the group that takes more
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string& schedule = points[i].schedule;
    const auto place = schedule.empty() ? open.end() : open.find(schedule);
    if (place != open.end() && groups[place->second].size() < most) {
      groups[place->second].push_back(i);
      continue;
    }
    if (!schedule.empty()) open[schedule] = groups.size();
    groups.push_back({i});
  }
  return groups;
}

namespace {

/// What a run of missing points knows.
struct PointRun {
  const Sweep& sweep;
  const PointReader& reader;
  const SweepFolder& folder;
  const std::vector<ListedPoint>& points;

  int do_one(std::size_t i, const std::optional<sim::Schedule>& schedule) const {
    PointReader own = reader;
    own.forget_files();
    const PointInputs inputs = own.inputs(points[i].choice);
    if (inputs.hash != points[i].hash) {
      throw workloads::Error(
          "its experiment's files changed while the sweep ran; the same command does it anew");
    }
    folder.write_result(points[i].hash, reader.command_line(points[i].choice), inputs.settings,
                        point_result(sweep.command, inputs.experiment, schedule));
    return 0;
  }
  void note_failure(std::size_t i, const ProcessEnd& end) const {
    if (end.exit_code == 0) return;
    folder.write_failure(points[i].hash,
                         failure_of(end, sweep, reader.command_line(points[i].choice)));
  }
  /// In a process of its own: a process for each point of a group, one after the other.
  int do_group(const std::vector<std::size_t>& group) const {
    if (group.size() == 1) return do_one(group[0], std::nullopt);
    const auto schedule = point_schedule(reader.experiment(points[group[0]].choice));
    ProcessOptions options;
    options.seconds = sweep.limits.seconds;
    options.memory = sweep.limits.memory;
    const bool whole = run_processes(
        group.size(), [&](std::size_t g) { return do_one(group[g], schedule); },
        [&](std::size_t g, const ProcessEnd& end) { note_failure(group[g], end); }, options);
    return whole ? 0 : 1;
  }
};

void count_end(const PointRun& run, std::size_t i, SweepOutcome& outcome, SweepProgress& progress) {
  const ListedPoint& point = run.points[i];
  ++progress.done;
  if (run.folder.has_result(point.hash)) {
    ++outcome.done;
    return;
  }
  ++progress.failed;
  const std::optional<PointFailure> failure = run.folder.read_failure(point.hash);
  if (!failure) return;
  ++(failure->refused ? outcome.refused : outcome.failed);
  if (outcome.failures.size() < most_shown_failures) {
    outcome.failures.push_back({failure->command, failure->reason});
  }
}

}  // namespace

bool do_points(const Sweep& sweep, const PointReader& reader, const SweepFolder& folder,
               const std::vector<ListedPoint>& missing, const SweepOptions& options,
               SweepOutcome& outcome) {
  constexpr std::size_t largest_group = 8;
  const PointRun run{sweep, reader, folder, missing};
  SweepProgress progress{0, 0, missing.size(), 0};
  for (const ListedPoint& point : missing) folder.forget_failure(point.hash);
  // Few groups would leave processors without work at the end.
  const std::size_t most =
      std::clamp(missing.size() / (4 * options.jobs), std::size_t{1}, largest_group);
  std::vector<std::vector<std::size_t>> groups = schedule_groups(missing, most), alone;
  const auto do_groups = [&] {
    ProcessOptions processes = process_options(sweep, options);
    processes.times = [&](std::size_t g) {
      return groups[g].size() == 1 ? 1 : static_cast<double>(groups[g].size() + 1);
    };
    processes.tick = [&] {
      if (options.progress) options.progress(progress);
    };
    const auto ended = [&](std::size_t g, const ProcessEnd& end) {
      if (groups[g].size() == 1) run.note_failure(groups[g][0], end);
      for (const std::size_t i : groups[g]) {
        const std::string& hash = missing[i].hash;
        // The process that was to share a schedule died: each by itself will show which one did it.
        const bool lost = groups[g].size() > 1 && !folder.has_result(hash) &&
                          !folder.read_failure(hash).has_value();
        if (lost) {
          alone.push_back({i});
        } else {
          count_end(run, i, outcome, progress);
        }
      }
      if (options.progress) options.progress(progress);
    };
    return run_processes(
        groups.size(), [&](std::size_t g) { return run.do_group(groups[g]); }, ended, processes);
  };
  bool whole = do_groups();
  if (whole && !alone.empty()) {
    groups = std::exchange(alone, {});
    whole = do_groups();
  }
  outcome.interrupted = !whole;
  if (outcome.interrupted) {  // some were done that nobody was told of
    outcome.done = static_cast<std::size_t>(std::ranges::count_if(
        missing, [&](const ListedPoint& point) { return folder.has_result(point.hash); }));
  }
  return whole;
}

SweepOutcome run_sweep(const Sweep& sweep, const std::filesystem::path& path,
                       const SweepOptions& options) {
  const SweepFolder folder(path);
  folder.require_usable();
  PointReader reader(sweep);
  SweepOutcome outcome;
  if (sweep.search.method == SearchMethod::nsga2) {
    return evolve(sweep, reader, folder, options);
  }
  const std::vector<ListedPoint> points = list_points(sweep, reader, options.progress);
  folder.prepare();
  folder.write_list(sweep, points);
  const std::vector<ListedPoint> missing = missing_points(points, folder, options, outcome);
  do_points(sweep, reader, folder, missing, options, outcome);
  return outcome;
}

TriedPoints try_points(const Sweep& sweep, const PointReader& reader,
                       const std::vector<ListedPoint>& missing, double most) {
  using Clock = std::chrono::steady_clock;
  TriedPoints tried;
  std::set<std::size_t> some;
  if (!missing.empty()) some = {0, missing.size() / 2, missing.size() - 1};
  const std::vector<std::size_t> numbers(some.begin(), some.end());
  ProcessOptions options;
  options.seconds = std::min(most, sweep.limits.seconds.value_or(most));
  options.memory = sweep.limits.memory;
  const auto begin = Clock::now();
  run_processes(
      numbers.size(),
      [&](std::size_t i) {
        PointReader own = reader;
        point_result(sweep.command, own.inputs(missing[numbers[i]].choice).experiment);
        return 0;
      },
      [&](std::size_t, const ProcessEnd& end) {
        ++tried.tried;
        if (end.timed_out) ++tried.too_long;
      },
      options);
  tried.seconds = std::chrono::duration<double>(Clock::now() - begin).count();
  return tried;
}

}  // namespace spillway::analysis
