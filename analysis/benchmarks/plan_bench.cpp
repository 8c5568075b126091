#include "analysis/benchmarks/plan_bench.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_run.hpp"
#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/plan.hpp"

namespace spillway::analysis {

namespace {

std::optional<double> planning_seconds(const sim::Experiment& experiment, int repeats) {
  std::optional<double> fastest;
  for (int i = 0; i < repeats; ++i) {
    const double begin = cpu_seconds();
    try {
      sim::make_plan(experiment);
    } catch (const sim::BufferTooSmall&) {
      return std::nullopt;
    }
    const double seconds = cpu_seconds() - begin;
    fastest = std::min(fastest.value_or(seconds), seconds);
  }
  return fastest;
}

}  // namespace

PlanBench run_plan_bench(const PlanBenchOptions& options,
                         const std::function<void(const std::string&)>& progress) {
  PlanBench bench;
  bench.machine = processor_name();
  bench.batch = options.batch;
  bench.repeats = options.repeats;
  bench.sizes = parse_sizes("16KiB..64MiB");
  for (const std::string& network : options.networks) {
    for (const std::string& rule : options.rules) {
      sim::Experiment experiment = paper_experiment(network, rule, options.batch);
      experiment.policy = sim::Policy::best;
      PlanBench::Row row{network, rule, {}};
      for (const workloads::Bytes size : bench.sizes) {
        if (progress) progress(fmt::format("planning {} {} in {}", network, rule, size_name(size)));
        experiment.device.buffer = size;
        row.seconds.push_back(planning_seconds(experiment, options.repeats));
      }
      bench.rows.push_back(std::move(row));
    }
  }
  return bench;
}

std::string plan_bench_text(const PlanBench& bench) {
  std::vector<std::string> header{"buffer"};
  for (const PlanBench::Row& row : bench.rows) header.push_back(row.network + " " + row.rule);
  Table table(header);
  double all = 0;
  std::size_t plans = 0;
  for (std::size_t s = 0; s < bench.sizes.size(); ++s) {
    std::vector<std::string> cells{size_name(bench.sizes[s])};
    for (const PlanBench::Row& row : bench.rows) {
      const std::optional<double> seconds = row.seconds[s];
      cells.push_back(seconds ? fmt::format("{:.2f}", *seconds) : "too small");
      all += seconds.value_or(0);
      plans += seconds ? 1 : 0;
    }
    table.add(cells);
  }
  return fmt::format(
      "Seconds of processor time to plan a step of {} examples by policy best, the fastest of "
      "{}\non {}\n\n"
      "{}\n{} plans: {:.1f} s.\n",
      bench.batch, bench.repeats, bench.machine, table.text(), plans, all);
}

std::string plan_bench_json(const PlanBench& bench) {
  Json rows = Json::array();
  for (const PlanBench::Row& row : bench.rows) {
    for (std::size_t s = 0; s < bench.sizes.size(); ++s) {
      Json json{{"network", row.network},
                {"rule", row.rule},
                {"buffer_bytes", bench.sizes[s].count()},
                {"cpu_s", nullptr}};
      if (row.seconds[s]) json["cpu_s"] = *row.seconds[s];
      rows.push_back(std::move(json));
    }
  }
  return dump({{"machine", bench.machine},
               {"batch", bench.batch},
               {"repeats", bench.repeats},
               {"policy", "best"},
               {"rows", rows}});
}

}  // namespace spillway::analysis
