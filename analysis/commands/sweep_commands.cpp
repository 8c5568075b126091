// Sweeps: sweep FILE, sweep status, table, pareto, plot.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/sweeps/run_sweep.hpp"
#include "analysis/sweeps/slurm.hpp"
#include "analysis/sweeps/sweep_figures.hpp"
#include "analysis/sweeps/sweep_table.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

namespace {

namespace fs = std::filesystem;
using workloads::InputError;

const Arguments engines{"local", "slurm"};

po::options_description sweep_options() {
  po::options_description options = json_option();
  const auto text = [] { return po::value<std::string>(); };
  options.add_options()("out", text()->value_name("DIR"),
                        "folder for the results (made when missing); the sweep's name when not "
                        "given")("jobs,j", text()->value_name("N"),
                                 "points done at once; one for each core when not given. The "
                                 "result is the same")(
      "dry-run", "list the points and estimate how long those that are missing take")(
      "retry-failed", "do points again that their experiments refused, too")(
      "shard", text()->value_name("I/N"),
      "every N-th point alone, from the I-th on; in an array job of Slurm its task's share when "
      "not "
      "given")("engine", text()->default_value("local")->value_name("NAME"),
               "local, or slurm: as an array job")(
      "no-wait", "with --engine slurm: return when the job is submitted")(
      "csv", text()->value_name("FILE"),
      "table, pareto: write the rows as CSV; - for standard "
      "output")("minimise", po::value<Arguments>()->composing()->value_name("METRIC"),
                "pareto, plot: an objective in the place of the sweep's (may be repeated)")(
      "maximise", po::value<Arguments>()->composing()->value_name("METRIC"), "the same")(
      "where", po::value<Arguments>()->composing()->value_name("CONDITION"),
      "table, pareto, plot: the points for which it holds alone, as "
      "\"rule == bp and batch <= 64\" (may be repeated)")("kind", text()->value_name("KIND"),
                                                          "plot: lines, heat-map or scatter")(
      "x", text()->value_name("NAME"), "plot: an axis, or of a scatter a metric")(
      "y", text()->value_name("NAME"), "plot: the same of a heat map or scatter")(
      "value", text()->value_name("METRIC"), "plot: what lines and heat maps show")(
      "series", text()->value_name("AXIS"), "plot: an axis that gives colours")(
      "svg", text()->value_name("FILE"),
      "plot: where the figure goes; DIR/KIND.svg when not given")(
      "file", po::value<Arguments>()->value_name("FILE"), "");
  return options;
}

std::string text_option(const po::variables_map& values, const char* name) {
  return values.count(name) != 0 ? values[name].as<std::string>() : std::string();
}

/// "2/8".
Shard parse_shard(const std::string& text) {
  const std::size_t slash = text.find('/');
  const auto number = [](const std::string& part) -> std::size_t {
    if (part.empty() || part.size() > 6 ||
        part.find_first_not_of("0123456789") != std::string::npos) {
      return 0;
    }
    return std::stoul(part);
  };
  Shard shard{number(text.substr(0, slash)),
              slash == std::string::npos ? 0 : number(text.substr(slash + 1))};
  if (shard.number == 0 || shard.of == 0 || shard.number > shard.of) {
    throw InputError(
        fmt::format("--shard: found \"{}\"; allowed: I/N with I from 1 to N, such as "
                    "2/8",
                    workloads::printable(text)));
  }
  return shard;
}

/// That of --shard, of an array job's task, or all.
Shard shard_of(const po::variables_map& values) {
  if (values.count("shard") != 0) return parse_shard(text_option(values, "shard"));
  return slurm_task_shard().value_or(Shard{});
}

fs::path folder_of(const po::variables_map& values, const Sweep& sweep) {
  const std::string out = text_option(values, "out");
  return out.empty() ? fs::path(sweep.name) : fs::path(out);
}

/// "12 of 24 points, 1 without a result, 3.1/s, 4 s left".
class SweepPace {
 public:
  std::string text(const SweepProgress& at) {
    const Moment now = std::chrono::steady_clock::now();
    if (at.of == 0) return fmt::format("reading experiments: {}", grouped(at.listed));
    if (!begin_) begin_ = now;
    std::string line = fmt::format("{} of {}", grouped(at.done), counted(at.of, "point"));
    if (at.failed > 0) line += fmt::format(", {} without a result", at.failed);
    const double seconds = std::chrono::duration<double>(now - *begin_).count();
    if (at.done > 0 && seconds > 0) {
      line += fmt::format(", {:.3g}/s", static_cast<double>(at.done) / seconds);
    }
    if (const auto left = seconds_left(*begin_, now, at.done, at.of - at.done)) {
      line += ", " + duration_text(*left) + " left";
    }
    return line;
  }

 private:
  std::optional<Moment> begin_;
};

/// A line that is overwritten at a terminal; a line a minute where there is none.
class SweepReporter {
 public:
  void show(const SweepProgress& at) {
    const Moment now = std::chrono::steady_clock::now();
    const bool terminal = progress_.is_shown();
    if (now - shown_ < (terminal ? std::chrono::milliseconds(100) : std::chrono::minutes(1))) {
      pace_.text(at);  // the clock starts with the first point
      return;
    }
    shown_ = now;
    if (terminal) {
      progress_.show(pace_.text(at));
    } else {
      std::cerr << "spillway: " << pace_.text(at) << std::endl;
    }
  }
  void clear() { progress_.show(""); }

 private:
  Progress progress_;
  SweepPace pace_;
  Moment shown_ = std::chrono::steady_clock::now();
};

std::string outcome_text(const SweepOutcome& outcome, const fs::path& folder) {
  std::string text =
      fmt::format("{}: {} done", counted(outcome.points, "point"), grouped(outcome.done));
  if (outcome.kept > 0) text += fmt::format(", {} there before", grouped(outcome.kept));
  if (outcome.refused > 0) text += fmt::format(", {} refused", grouped(outcome.refused));
  if (outcome.failed > 0) text += fmt::format(", {} failed", grouped(outcome.failed));
  text += fmt::format("; results in {}\n", folder.string());
  for (const FailedPoint& failed : outcome.failures) {
    text += fmt::format("  {}\n    {}\n", failed.reason, failed.command);
  }
  if (outcome.failures.size() == most_shown_failures) {
    text += "  (the others: `spillway sweep table`)\n";
  }
  return text;
}

Json outcome_json(const SweepOutcome& outcome) {
  Json failures = Json::array();
  for (const FailedPoint& failed : outcome.failures) {
    failures.push_back({{"message", failed.reason}, {"command", failed.command}});
  }
  return {{"points", outcome.points},   {"done", outcome.done},     {"kept", outcome.kept},
          {"refused", outcome.refused}, {"failed", outcome.failed}, {"failures", failures}};
}

void write_table(const fs::path& target, const SweepTable& table, bool front_alone, bool json) {
  if (target == "-") {
    (json ? table_json : table_csv)(table, front_alone, [](std::string_view part) {
      write_standard_output(std::string(part));
    });
    return;
  }
  workloads::UnfinishedFile file(target);
  (json ? table_json : table_csv)(table, front_alone,
                                  [&](std::string_view part) { file.write(part); });
  file.finish();
}

/// What lies beside the points when all of them are there: the table, the page, and axes that
/// changed nothing.
std::string finish_sweep(const fs::path& folder) {
  constexpr std::size_t most_on_a_page = 20'000;
  const SweepTable table = read_table(folder);
  write_table(folder / "sweep.csv", table, false, false);
  if (table.rows.size() <= most_on_a_page) write_file(folder / "sweep.html", sweep_page(table));
  std::string text;
  for (const std::string& axis : silent_axes(table)) {
    text += fmt::format("axis {}: all of its values gave equal metrics\n", axis);
  }
  return text;
}

std::string points_text(const Sweep& sweep, const std::vector<ListedPoint>& points,
                        const SweepFolder& folder) {
  std::vector<std::string> header{"point", "hash"};
  for (const Axis* axis : sweep.axes()) header.push_back(axis->name);
  header.emplace_back("result");
  Table table(header);
  const PointSpace space(sweep);
  for (std::size_t i = 0; i < points.size(); ++i) {
    std::vector<std::string> cells{std::to_string(i + 1), points[i].hash};
    for (const AxisValue* value : space.values(points[i].choice)) {
      cells.push_back(value == nullptr ? "-" : value->shown.text);
    }
    cells.emplace_back(folder.has_result(points[i].hash) ? "there" : "missing");
    table.add(cells);
  }
  return table.text();
}

int dry_run(const Sweep& sweep, const fs::path& out, const SweepOptions& options) {
  constexpr double most_seconds = 20;
  PointReader reader(sweep);
  const SweepFolder folder(out);
  folder.require_usable();
  if (sweep.search.method == SearchMethod::nsga2) {
    const PointSpace space(sweep);
    write_standard_output(fmt::format(
        "{}: at most {} of {}, in generations of {}; which ones depends on what they give\n",
        sweep.title, grouped(sweep.search.points), counted(space.size(), "point"),
        sweep.search.population));
    return 0;
  }
  const std::vector<ListedPoint> points = list_points(sweep, reader, options.progress);
  SweepOutcome outcome;
  const std::vector<ListedPoint> missing = missing_points(points, folder, options, outcome);
  std::string text = points_text(sweep, points, folder);
  text += fmt::format("\n{}, {} to do", counted(points.size(), "point"), grouped(missing.size()));
  if (!missing.empty()) {
    const TriedPoints tried = try_points(sweep, reader, missing, most_seconds);
    const double each = tried.seconds / static_cast<double>(std::max<std::size_t>(tried.tried, 1));
    const double all = each * static_cast<double>(missing.size()) /
                       static_cast<double>(std::min(options.jobs, missing.size()));
    text += fmt::format(": {}about {} with -j {} ({} tried, {:.2g} s each)",
                        tried.too_long > 0 ? "more than " : "", duration_text(all), options.jobs,
                        tried.tried, each);
  }
  write_standard_output(text + "\n");
  return 0;
}

/// What an interrupted sweep says.
int say_how_to_go_on(const SweepOutcome& outcome, const fs::path& folder) {
  std::cerr << fmt::format(
      "spillway: stopped; {} of {} have results in {}, and the same command does the rest\n",
      grouped(outcome.kept + outcome.done), counted(outcome.points, "point"), folder.string());
  return exit_interrupted;
}

int run_sweep_command(const po::variables_map& values) {
  const Sweep sweep = read_sweep(single_file(values, "workloads/sweeps"));
  const fs::path out = folder_of(values, sweep);
  const std::string engine = name_option(values, "engine", engines);
  SweepOptions options;
  options.jobs = jobs_option(values);
  options.retry_failed = values.count("retry-failed") != 0;
  options.shard = shard_of(values);
  const std::string json = json_target(values);
  SweepReporter reporter;
  options.progress = [&](const SweepProgress& at) { reporter.show(at); };
  if (values.count("dry-run") != 0) {
    const int code = dry_run(sweep, out, options);
    reporter.clear();
    return code;
  }
  SweepOutcome outcome;
  if (engine == "slurm") {
    const std::size_t at_once = values.count("jobs") != 0 ? options.jobs : 1;
    const SlurmOptions slurm{
        at_once, options.retry_failed, values.count("no-wait") == 0,
        [](const std::string& text) { std::cerr << "spillway: " << text << std::endl; }};
    const EndOnInterrupt end_on_interrupt([&] {
      std::cerr << fmt::format(
          "\nspillway: stopped waiting; the job goes on, and the same command joins it (`spillway "
          "sweep status {}` tells which; `scancel` ends it)\n",
          out.string());
    });
    const std::optional<SweepOutcome> ended = run_with_slurm(sweep, out, slurm);
    if (!ended) return 0;
    outcome = *ended;
  } else {
    outcome = run_sweep(sweep, out, options);
  }
  reporter.clear();
  if (outcome.interrupted) return say_how_to_go_on(outcome, out);
  std::string text = outcome_text(outcome, out);
  if (options.shard.of == 1) text += finish_sweep(out);
  give(json, text, dump(outcome_json(outcome)));
  return outcome.failed > 0 ? 1 : 0;
}

fs::path result_folder(const po::variables_map& values, const std::string& action) {
  const Arguments given = values["file"].as<Arguments>();
  if (given.size() != 2) {
    throw InputError(
        fmt::format("sweep {}: found {}; allowed: one folder, the --out of `spillway "
                    "sweep FILE`",
                    action, counted(given.size() - 1, "argument")));
  }
  return given[1];
}

/// What the options choose of a folder.
TableSelection selection_of(const po::variables_map& values, const fs::path& folder) {
  TableSelection selection;
  if (values.count("where") != 0) selection.where = values["where"].as<Arguments>();
  for (const bool maximise : {false, true}) {
    const char* option = maximise ? "maximise" : "minimise";
    if (values.count(option) == 0) continue;
    Arguments metrics;
    for (const Metric& metric : read_table(folder).sweep.metrics) metrics.push_back(metric.name);
    for (const std::string& name : names_option(values, option, {}, metrics)) {
      selection.objectives.push_back({name, maximise});
    }
  }
  return selection;
}

int table_command(const po::variables_map& values, bool front_alone) {
  const fs::path folder = result_folder(values, front_alone ? "pareto" : "table");
  const std::string json = json_target(values), csv = text_option(values, "csv");
  if (!csv.empty()) reserve_output(csv);
  if (json == "-" && csv == "-") {
    throw InputError("--json, --csv: \"-\" given twice; allowed: one on standard output");
  }
  const SweepTable table = read_table(folder, selection_of(values, folder));
  if (front_alone && table.objectives.empty()) {
    throw InputError(
        "sweep pareto: found no objectives in the sweep; allowed: --minimise METRIC "
        "or --maximise METRIC");
  }
  if (!csv.empty()) write_table(csv, table, front_alone, false);
  if (!json.empty()) write_table(json, table, front_alone, true);
  if (json != "-" && csv != "-") write_standard_output(table_text(table, front_alone));
  return 0;
}

int plot_command(const po::variables_map& values) {
  const fs::path folder = result_folder(values, "plot");
  std::optional<FigureKind> kind;
  if (values.count("kind") != 0) {
    const std::string name = name_option(values, "kind", workloads::names_in(figure_kind_names));
    kind = workloads::value_in(figure_kind_names, name);
  }
  const SweepTable table = read_table(folder, selection_of(values, folder));
  FigureRequest request;
  request.x = text_option(values, "x");
  request.y = text_option(values, "y");
  request.value = text_option(values, "value");
  request.series = text_option(values, "series");
  request = complete(table, kind, request);
  const std::string given = text_option(values, "svg");
  const fs::path target = given.empty()
                              ? folder / (name_in(figure_kind_names, request.kind) + ".svg")
                              : fs::path(given);
  reserve_output(target);
  const std::string svg = figure_svg(table, request);
  write_file(target, svg);
  if (target == "-") return 0;
  const fs::path page = folder / "sweep.html";
  write_file(page, sweep_page(table));
  write_standard_output(fmt::format("{}\n{}\n", target.string(), page.string()));
  return 0;
}

int status_command(const po::variables_map& values) {
  const fs::path folder = result_folder(values, "status");
  const std::string json = json_target(values);
  const SweepTable table = read_table(folder);
  Json counts = {{"points", table.rows.size()}};
  std::string text = fmt::format("{}: {}", table.sweep.title, counted(table.rows.size(), "point"));
  for (const PointStatus status :
       {PointStatus::done, PointStatus::refused, PointStatus::failed, PointStatus::missing}) {
    const std::string name = name_in(point_status_names, status);
    counts[name] = table.count(status);
    text += fmt::format(", {} {}", grouped(table.count(status)), name);
  }
  text += "\n";
  const std::string job = slurm_job_text(folder);
  if (!job.empty()) {
    text += job + "\n";
    counts["slurm_job"] = job;
  }
  give(json, text, dump(counts));
  return 0;
}

int sweep_command(const po::variables_map& values) {
  const Arguments given = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  const std::string action = given.empty() ? "" : given.front();
  if (action == "table") return table_command(values, false);
  if (action == "pareto") return table_command(values, true);
  if (action == "plot") return plot_command(values);
  if (action == "status") return status_command(values);
  return run_sweep_command(values);
}

}  // namespace

std::vector<Command> sweep_commands() {
  return {
      {"sweep",
       "SWEEP.yaml [--out DIR] [-j N] [--dry-run] [--shard I/N] | table DIR | pareto DIR | plot "
       "DIR "
       "| status DIR",
       "many points of an experiment, in parallel and resumable; their table, Pareto front and "
       "figures",
       sweep_options, sweep_command},
  };
}

}  // namespace spillway::analysis
