#include "analysis/benchmarks/dram_bench.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_run.hpp"
#include "sim/run/simulation.hpp"

namespace spillway::analysis {

namespace dram = models::dram;

namespace {

// What we want to reach, in bursts per CPU second.
constexpr double stream_target = 40e6, random_target = 5e6, run_target = 20e6;

/// The one-directional streams and the random accesses have a target.
double target_of(const std::string& pattern) {
  if (pattern.starts_with("a_") || pattern.starts_with("b_")) return stream_target;
  if (pattern.starts_with("g_") || pattern.starts_with("h_")) return random_target;
  return 0;
}

/// What other programs on the machine do makes a measurement slower and never faster.
template <class Measure>
double fastest_of(int repeats, Measure measure) {
  double fastest = 0;
  for (int i = 0; i < repeats; ++i) fastest = std::max(fastest, measure());
  return fastest;
}

double pattern_speed(const dram::DramDevice& device, const std::string& pattern) {
  const DramRun run = run_dram_pattern(device, pattern, usual_pattern_size(device, pattern));
  return static_cast<double>(run.statistics.bursts()) / std::max(run.cpu_seconds, 1e-9);
}

double run_speed(const sim::Experiment& experiment) {
  const double begin = cpu_seconds();
  models::DeviceOptions options;
  options.values = false;
  sim::Simulation simulation(experiment, options);
  const sim::Result result = simulation.run_step({});
  const double seconds = cpu_seconds() - begin;
  return static_cast<double>(result.execution.dram.channel.bursts()) / std::max(seconds, 1e-9);
}

std::string speed_text(double speed, double target) {
  return fmt::format("{:.1f}{}", speed / 1e6, speed < target ? " !" : "");
}

}  // namespace

DramBench run_dram_bench(int repeats, const std::function<void(const std::string&)>& progress) {
  DramBench bench;
  bench.machine = processor_name();
  bench.repeats = repeats;
  for (const dram::PatternDefinition& definition : dram::pattern_definitions()) {
    const bool again = definition.name.ends_with("_off");  // much the same work
    if (!definition.paced && !again) bench.patterns.push_back(definition.name);
  }
  for (const std::string& name : dram::dram_device_names()) {
    const dram::DramDevice device = dram::dram_device(name);
    DramBench::Row row{name, {}};
    for (const std::string& pattern : bench.patterns) {
      if (progress) progress(fmt::format("timing {} under {}", name, pattern));
      row.speeds.push_back(fastest_of(repeats, [&] { return pattern_speed(device, pattern); }));
    }
    bench.rows.push_back(std::move(row));
  }
  const sim::Experiment experiment = paper_experiment("cifar10-10layer", "bp", 100);
  bench.experiment = experiment.name;
  bench.run_device = experiment.device.dram.name;
  if (progress) progress("timing a run of " + bench.experiment);
  bench.run_speed = fastest_of(repeats, [&] { return run_speed(experiment); });
  return bench;
}

std::string dram_bench_text(const DramBench& bench) {
  std::vector<std::string> header{"device"};
  header.insert(header.end(), bench.patterns.begin(), bench.patterns.end());
  Table table(header);
  for (const DramBench::Row& row : bench.rows) {
    std::vector<std::string> cells{row.device};
    for (std::size_t i = 0; i < row.speeds.size(); ++i) {
      cells.push_back(speed_text(row.speeds[i], target_of(bench.patterns[i])));
    }
    table.add(cells);
  }
  return fmt::format(
      "Simulated bursts of DRAM, millions per CPU second, the fastest of {}\non {}\n\n{}\n"
      "{} without values, from its plan to its end, on {}: {}\n\n"
      "Targets: {:.0f} for a_ and b_, {:.0f} for g_ and h_, {:.0f} for the run (! missed).\n",
      bench.repeats, bench.machine, table.text(), bench.experiment, bench.run_device,
      speed_text(bench.run_speed, run_target), stream_target / 1e6, random_target / 1e6,
      run_target / 1e6);
}

std::string dram_bench_json(const DramBench& bench) {
  Json rows = Json::array();
  for (const DramBench::Row& row : bench.rows) {
    for (std::size_t i = 0; i < row.speeds.size(); ++i) {
      rows.push_back({{"device", row.device},
                      {"pattern", bench.patterns[i]},
                      {"bursts_per_cpu_s", row.speeds[i]}});
    }
  }
  return dump({{"machine", bench.machine},
               {"repeats", bench.repeats},
               {"rows", rows},
               {"run",
                {{"experiment", bench.experiment},
                 {"device", bench.run_device},
                 {"bursts_per_cpu_s", bench.run_speed}}}});
}

}  // namespace spillway::analysis
