// Commands about one training step on a device: run, plan, check.
#include <fmt/format.h>

#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/comparisons/check.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_trace_file.hpp"
#include "analysis/reports/report.hpp"
#include "analysis/reports/timeline.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"

namespace spillway::analysis {

namespace {

po::options_description planning_options() {
  po::options_description options = experiment_options();
  options.add_options()("ledger",
                        "print the words by layer, phase, tensor and direction, which JSON has in "
                        "any case");
  return options;
}

po::options_description run_options() {
  po::options_description options = planning_options();
  options.add_options()("no-values",
                        "count and time without computing: the same report, sooner and in less "
                        "memory")("timeline", po::value<std::string>()->value_name("FILE"),
                                  "write what each engine and DRAM channel does when, as trace "
                                  "events for Perfetto or chrome://tracing")(
      "vcd", po::value<std::string>()->value_name("FILE"),
      "write the main signals of the device's modules, for viewers of waveforms")(
      "dram-trace", po::value<std::string>()->value_name("FILE"),
      "write every burst sent to DRAM, for other simulators")(
      "format", po::value<std::string>()->value_name("FORMAT"),
      "of the trace: dramsim3 (unless the file ends in .stl), ramulator2 or dramsys");
  return options;
}

struct TraceTarget {
  std::filesystem::path path;
  models::dram::TraceFormat format;
};

/// Where --dram-trace writes, reserved; nothing when it was not given.
std::optional<TraceTarget> trace_target(const po::variables_map& values) {
  if (values.count("dram-trace") == 0) {
    if (values.count("format") == 0) return std::nullopt;
    throw workloads::InputError("--format: found without --dram-trace; allowed: beside it");
  }
  const std::filesystem::path path = values["dram-trace"].as<std::string>();
  if (path == "-") {
    throw workloads::InputError("--dram-trace: found \"-\"; allowed: a file or a pipe");
  }
  std::string name = path.extension() == ".stl" ? "dramsys" : "dramsim3";
  if (values.count("format") != 0) name = values["format"].as<std::string>();
  const auto format = models::dram::trace_format(name, models::dram::written_format_names());
  reserve_output(path);
  return TraceTarget{path, format};
}

/// The period of the command clock.
std::uint64_t dram_clock_period_fs(const models::DeviceConfig& device) {
  return device.dram.timing.clock_period_fs;
}

/// A file's path as an option gives it, tried before anything runs; "" when it was not given.
std::string file_option(const po::variables_map& values, const std::string& name) {
  if (values.count(name) != 0 && values[name].as<std::string>() == "-") {
    throw workloads::InputError(fmt::format("--{}: found \"-\"; allowed: a file", name));
  }
  return target_of(values, name.c_str());
}

/// Of a timeline's row hits.
models::Picoseconds sampling_interval(const sim::PlanCost& estimated) {
  constexpr double samples = 1000;
  return models::Picoseconds(static_cast<std::uint64_t>(estimated.time_ps / samples) + 1);
}

int run_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::optional<TraceTarget> target = trace_target(values);
  const std::string timeline_path = file_option(values, "timeline");
  const sim::Experiment experiment = experiment_of(values, sim::Objective::time);
  std::optional<DramTraceFile> trace;
  models::DeviceOptions options;
  options.values = values.count("no-values") == 0;
  options.waveform = file_option(values, "vcd");
  if (target) {
    trace.emplace(target->path, target->format, dram_clock_period_fs(experiment.device),
                  experiment.device.dram.geometry.burst_bytes);
    options.observers.push_back(&*trace);
  }
  sim::Overview overview(experiment.device.dram);
  options.observers.push_back(&overview);
  sim::Plan plan = sim::make_plan(experiment);
  std::optional<Timeline> timeline;
  if (!timeline_path.empty()) {
    timeline.emplace(experiment.device, sampling_interval(plan.cost(experiment.device)));
    options.observers.push_back(&*timeline);
  }
  sim::Simulation simulation(experiment, std::move(plan), options);
  if (timeline) timeline->begin(simulation.plan().map());
  const sim::Batch batch = options.values ? sim::first_batch(experiment) : sim::Batch{};
  Progress progress;
  progress.show("running " + experiment.name);
  const sim::Result result = simulation.run_step(batch);
  progress.show("");
  std::string text = run_text(experiment, simulation.plan(), result,
                              {options.values, values.count("ledger") != 0});
  if (trace) {
    trace->finish();
    text += fmt::format("\nDRAM trace: {} written to {} ({})\n", counted(trace->bursts(), "burst"),
                        target->path.string(), models::dram::format_name(target->format));
  }
  if (timeline) {
    write_file(timeline_path, timeline->json(experiment.name, result));
    text += fmt::format(
        "\nTimeline: {} written to {}{}\n", counted(timeline->slices(), "slice"), timeline_path,
        timeline->is_aggregated() ? ", instructions joined by windows of time" : "");
  }
  if (!options.waveform.empty()) {
    text += fmt::format("\nSignals written to {}\n", options.waveform.string());
  }
  overview.finish(result.execution.time);
  give(json, text, run_json(experiment, simulation.plan(), result, {options.values, &overview}));
  return counts_agree(simulation.plan(), result) ? 0 : 1;
}

int plan_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const sim::Experiment experiment = experiment_of(values, sim::Objective::time);
  const sim::Plan plan = sim::make_plan(experiment);
  give(json, plan_text(experiment, plan, {true, values.count("ledger") != 0}),
       plan_json(experiment, plan));
  return 0;
}

po::options_description check_options() {
  po::options_description options = experiment_options();
  options.add_options()("update", "rewrite the baselines, and print what changed")(
      "junit", po::value<std::string>()->value_name("FILE"), "write the results as JUnit XML");
  return options;
}

/// The files given; else the experiments of the working folder; else the shipped ones.
std::vector<std::filesystem::path> checked_files(const po::variables_map& values) {
  std::vector<std::filesystem::path> paths = files(values, "workloads/experiments");
  if (paths.empty()) paths = experiments_in("");
  if (paths.empty()) paths = shipped_experiments();
  return paths;
}

/// Baselines are results, too: whether they can be written shows before anything runs.
void try_baselines(const std::vector<std::filesystem::path>& experiments) {
  for (const std::filesystem::path& path : experiments) {
    if (!std::filesystem::is_regular_file(path)) continue;  // which is said of it by itself
    std::error_code error;
    std::filesystem::create_directories(baseline_path(path).parent_path(), error);
    require_writable(baseline_path(path));
  }
}

int check_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::string junit =
      values.count("junit") != 0 ? values["junit"].as<std::string>() : std::string();
  if (!junit.empty()) reserve_output(junit);
  const bool update = values.count("update") != 0;
  const std::vector<workloads::Assignment> overrides = overrides_of(values);
  const std::vector<std::filesystem::path> paths = checked_files(values);
  for (const std::filesystem::path& path : paths) workloads::will_read(path);
  if (update) try_baselines(paths);
  std::vector<CheckResult> results;
  std::string text;
  Progress progress;
  for (const std::filesystem::path& path : paths) {
    progress.show("checking " + path.string());
    results.push_back(check_experiment(path, update, overrides));
    const CheckResult& result = results.back();
    progress.show("");
    if (!result.error.empty()) std::cerr << "spillway: " << check_text(result);
    if (result.error.empty()) text += check_text(result);
  }
  give(json, text, check_json(results));
  if (!junit.empty()) write_file(junit, check_junit(results));
  int code = 0;
  for (const CheckResult& result : results) {
    if (!result.error.empty()) return 2;
    if (result.drifted()) code = 1;
  }
  return code;
}

}  // namespace

std::vector<Command> device_commands() {
  return {
      {"run",
       "EXPERIMENT.yaml [--no-values] [--ledger] [--timeline FILE] [--vcd FILE] [--dram-trace "
       "FILE]",
       "run one training step through the device and report its traffic", run_options, run_command},
      {"plan", "EXPERIMENT.yaml [--ledger]",
       "the planned counts and an estimate of the cost, without running the device",
       planning_options, plan_command},
      {"check", "[EXPERIMENT.yaml…] [--set KEY=VALUE] [--update] [--junit FILE]",
       "compare traffic counts with their baselines: of the files given, or of the experiments in "
       "this folder, or else of the shipped ones",
       check_options, check_command},
  };
}

}  // namespace spillway::analysis
