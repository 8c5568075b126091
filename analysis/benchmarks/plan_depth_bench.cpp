#include "analysis/benchmarks/plan_depth_bench.hpp"

#include <fmt/format.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_run.hpp"
#include "sim/plan/plan.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

constexpr std::int64_t layer_width = 256, examples = 128, class_count = 10;

sim::Experiment deep_experiment(int depth, const std::string& rule, bool recompute) {
  workloads::LayerSpec layer;
  layer.kind = workloads::LayerKind::fc;
  layer.outputs = layer_width;
  sim::Experiment experiment = paper_experiment("mnist-mlp", rule, examples);
  experiment.network = workloads::make_network(
      fmt::format("{} layers", depth), {layer_width, 1, 1}, class_count,
      std::vector<workloads::LayerSpec>(static_cast<std::size_t>(depth), layer));
  experiment.policy = recompute ? sim::Policy::best_with_recomputation : sim::Policy::best;
  experiment.device.buffer = workloads::Bytes(1 << 20);
  experiment.optimizer.momentum = 0;
  return experiment;
}

/// What a process that plans says of it.
struct Answer {
  double seconds = 0;
  std::uint64_t words = 0;
};

Answer plan(const sim::Experiment& experiment) {
  const double begin = cpu_seconds();
  const sim::Plan plan = sim::make_plan(experiment);
  const double seconds = cpu_seconds() - begin;
  const sim::Ledger& ledger = plan.ledger();
  return {seconds, (ledger.total(models::Port::dram, sim::Direction::read) +
                    ledger.total(models::Port::dram, sim::Direction::write))
                       .count()};
}

PlanDepthBench::Row measured(const sim::Experiment& experiment) {
  std::array<int, 2> ends{};
  if (pipe(ends.data()) != 0) throw workloads::ConsistencyError("no pipe to a planning process");
  const pid_t child = fork();
  if (child == 0) {
    close(ends[0]);
    try {
      const Answer answer = plan(experiment);
      const bool said = write(ends[1], &answer, sizeof answer) == sizeof answer;
      _exit(said ? 0 : 1);
    } catch (...) {
      _exit(1);
    }
  }
  close(ends[1]);
  Answer answer;
  const bool heard = child > 0 && read(ends[0], &answer, sizeof answer) == sizeof answer;
  close(ends[0]);
  rusage usage{};
  int status = 0;
  if (child > 0) wait4(child, &status, 0, &usage);
  if (!heard || status != 0) throw workloads::ConsistencyError("a planning process failed");
  return {experiment.rule, static_cast<int>(experiment.network.layers.size()), answer.seconds,
          workloads::Bytes(static_cast<std::uint64_t>(usage.ru_maxrss) * 1024),
          workloads::Words(answer.words)};
}

}  // namespace

PlanDepthBench run_plan_depth_bench(const PlanDepthBenchOptions& options,
                                    const std::function<void(const std::string&)>& progress) {
  PlanDepthBench bench;
  bench.machine = processor_name();
  bench.policy = options.recompute ? "best-recompute" : "best";
  for (const std::string& rule : options.rules) {
    for (const int depth : options.depths) {
      if (progress) progress(fmt::format("planning {} layers, {}", depth, rule));
      bench.rows.push_back(measured(deep_experiment(depth, rule, options.recompute)));
    }
  }
  return bench;
}

namespace {

struct DepthRow {
  PlanDepthBench::Row row;
  std::optional<double> before;  ///< seconds of the row before, if it is of the same rule
};

std::vector<DepthRow> rows_of(const PlanDepthBench& bench) {
  std::vector<DepthRow> rows;
  for (const PlanDepthBench::Row& row : bench.rows) {
    const bool follows = !rows.empty() && rows.back().row.rule == row.rule;
    rows.push_back({row, follows ? std::optional(rows.back().row.seconds) : std::nullopt});
  }
  return rows;
}

Columns<DepthRow> depth_columns() {
  using Row = DepthRow;
  return {{{"rule", "", "rule"}, [](const Row& r) { return r.row.rule; }},
          {{"layers", "", "layers"},
           [](const Row& r) { return r.row.depth; },
           [](const Row& r) { return std::to_string(r.row.depth); }},
          {{"seconds", "", "cpu_s"},
           [](const Row& r) { return r.row.seconds; },
           [](const Row& r) { return fmt::format("{:.2f}", r.row.seconds); }},
          {{"times the one before", "", ""},
           [](const Row& r) {
             return r.before ? fmt::format("{:.1f}", r.row.seconds / *r.before) : "";
           }},
          {{"peak memory", "", "peak_bytes"},
           [](const Row& r) { return r.row.peak.count(); },
           [](const Row& r) {
             return fmt::format("{:.0f} MB", static_cast<double>(r.row.peak.count()) / 1e6);
           }},
          {{"DRAM words", "", "dram_words"}, [](const Row& r) { return r.row.words.count(); }}};
}

}  // namespace

std::string plan_depth_bench_text(const PlanDepthBench& bench) {
  return fmt::format(
      "Seconds of processor time to plan a step by policy {}: fully connected layers of {}, {} "
      "examples,\na buffer of 1 MiB, on {}\n\n{}",
      bench.policy, layer_width, examples, bench.machine,
      text_table(depth_columns(), rows_of(bench)).text());
}

std::string plan_depth_bench_json(const PlanDepthBench& bench) {
  return dump({{"machine", bench.machine},
               {"policy", bench.policy},
               {"width", layer_width},
               {"batch", examples},
               {"buffer_bytes", 1 << 20},
               {"rows", json_rows(depth_columns(), rows_of(bench))}});
}

}  // namespace spillway::analysis
