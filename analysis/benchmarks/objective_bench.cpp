#include "analysis/benchmarks/objective_bench.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/closed_forms/time_bound.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/reports/dram_run.hpp"
#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

using ObjectiveRow = ObjectiveBench::Row;

StepCost simulate(const sim::Experiment& experiment, sim::Plan plan) {
  models::DeviceOptions options;
  options.values = options.check_residency = false;
  sim::Simulation simulation(experiment, std::move(plan), options);
  return simulated_cost(experiment, simulation.run_step(sim::Batch{}));
}

ObjectiveRow run_point(sim::Experiment experiment, sim::Objective objective) {
  ObjectiveRow row;
  row.device = experiment.device.name;
  row.buffer = experiment.device.buffer;
  experiment.policy = sim::Policy::layer;
  row.layer = simulate(experiment, sim::make_plan(experiment));
  experiment.policy = sim::Policy::best;
  row.words = simulate(experiment, sim::make_plan(experiment));
  experiment.objective = objective;
  const double begin = cpu_seconds();
  sim::Plan plan = sim::make_plan(experiment);
  row.cpu_s = cpu_seconds() - begin;
  row.bound_ms = time_bound(plan.step(), plan.map(), experiment.device).ps() / 1e9;
  row.estimated = estimated_cost(experiment, plan);
  row.simulated = simulate(experiment, std::move(plan));
  return row;
}

double geometric_mean(const std::vector<double>& values) {
  double sum = 0;
  for (const double value : values) sum += std::log(value);
  return values.empty() ? 0 : std::exp(sum / static_cast<double>(values.size()));
}

std::string unit_of(sim::Objective objective) {
  switch (objective) {
    case sim::Objective::words: return "words";
    case sim::Objective::bytes: return "bytes";
    case sim::Objective::time: return "ms";
    case sim::Objective::energy: return "mJ";
    case sim::Objective::energy_delay: return "mJ ms";
  }
  return "";
}

Columns<ObjectiveRow> columns(sim::Objective objective) {
  const auto number = [](auto of, int digits) {
    return
        [of, digits](const ObjectiveRow& row) { return fmt::format("{:.{}f}", of(row), digits); };
  };
  const auto column = [&](const std::string& text, const std::string& key, auto of, int digits) {
    return Column<ObjectiveRow>{{text, key, key},
                                [of](const ObjectiveRow& row) { return Json(of(row)); },
                                number(of, digits),
                                number(of, digits + 3)};
  };
  const int digits =
      objective == sim::Objective::words || objective == sim::Objective::bytes ? 0 : 3;
  const std::string unit = unit_of(objective);
  return {
      {{"network", "network", "network"},
       [](const ObjectiveRow& row) { return Json(row.network); }},
      {{"rule", "rule", "rule"}, [](const ObjectiveRow& row) { return Json(row.rule); }},
      {{"device", "device", "device"}, [](const ObjectiveRow& row) { return Json(row.device); }},
      {{"buffer", "buffer_bytes", "buffer_bytes"},
       [](const ObjectiveRow& row) { return Json(row.buffer.count()); },
       [](const ObjectiveRow& row) { return size_name(row.buffer); }},
      column(
          "plan, s", "cpu_s", [](const ObjectiveRow& row) { return row.cpu_s; }, 2),
      column(
          "bound, ms", "bound_ms", [](const ObjectiveRow& row) { return row.bound_ms; }, 3),
      column(
          "estimated, " + unit, "estimated",
          [=](const ObjectiveRow& row) { return row.estimated.by(objective); }, digits),
      column(
          "simulated, " + unit, "simulated",
          [=](const ObjectiveRow& row) { return row.simulated.by(objective); }, digits),
      column(
          "off, %", "deviation_pct",
          [=](const ObjectiveRow& row) {
            return 100 * (row.estimated.by(objective) / row.simulated.by(objective) - 1);
          },
          1),
      column(
          "layer / it", "layer_ratio",
          [=](const ObjectiveRow& row) {
            return row.layer.by(objective) / row.simulated.by(objective);
          },
          2),
      column(
          "fewest words / it", "words_ratio",
          [=](const ObjectiveRow& row) {
            return row.words.by(objective) / row.simulated.by(objective);
          },
          2),
      {{"", "words", "words"}, [](const ObjectiveRow& row) { return Json(row.simulated.words); }},
      {{"", "bus_bytes", "bus_bytes"},
       [](const ObjectiveRow& row) { return Json(row.simulated.bus_bytes); }},
      column(
          "time / bound", "bound_ratio",
          [](const ObjectiveRow& row) { return row.simulated.time_ms / row.bound_ms; }, 2),
  };
}

}  // namespace

ObjectiveBench run_objective_bench(const ObjectiveBenchOptions& options,
                                   const std::function<void(const std::string&)>& progress) {
  ObjectiveBench bench;
  bench.objective = options.objective;
  bench.batch = options.batch;
  for (const std::string& device : options.devices) {
    for (const std::string& network : options.networks) {
      for (const std::string& rule : options.rules) {
        const auto file =
            workloads::shared_folder() / "workloads" / "experiments" / (network + "-bp.yaml");
        sim::Experiment experiment =
            sim::read_experiment(file, {"rule=" + rule, fmt::format("batch={}", options.batch),
                                        "device=" + device, "idealisations=none"});
        for (const workloads::Bytes size : options.sizes) {
          if (progress) {
            progress(fmt::format("{} {} on {} in {}", network, rule, device, size_name(size)));
          }
          experiment.device.buffer = size;
          try {
            ObjectiveRow row = run_point(experiment, options.objective);
            row.network = network;
            row.rule = rule;
            bench.rows.push_back(std::move(row));
          } catch (const sim::BufferTooSmall&) {
            continue;
          }
        }
      }
    }
  }
  return bench;
}

std::string objective_bench_text(const ObjectiveBench& bench) {
  const sim::Objective objective = bench.objective;
  std::vector<double> layer, words, bound, off;
  for (const ObjectiveRow& row : bench.rows) {
    const double cost = row.simulated.by(objective);
    layer.push_back(row.layer.by(objective) / cost);
    words.push_back(row.words.by(objective) / cost);
    off.push_back(100 * std::abs(row.estimated.by(objective) / cost - 1));
    bound.push_back(row.simulated.time_ms / row.bound_ms);
  }
  std::string text = fmt::format(
      "Plans by objective {}: one mini-batch of {}, nothing idealised, beside those of policy "
      "layer "
      "and of policy best by words\n\n{}\n",
      workloads::name_in(sim::objective_names, objective), bench.batch,
      text_table(columns(objective), bench.rows).text());
  if (bench.rows.empty()) return text;
  const auto sum = [](const std::vector<double>& of) {
    double result = 0;
    for (const double each : of) result += each;
    return result;
  };
  text += fmt::format(
      "{} points. In the geometric mean layer costs {:.2f} times as much (at least {:.2f}), the "
      "fewest words {:.2f} times (at least {:.2f}).\nThe estimate is off by {:.1f} % in the mean, "
      "{:.1f} % at worst. Time is {:.2f} times its lower bound in the geometric mean, {:.2f} at "
      "worst.\n",
      bench.rows.size(), geometric_mean(layer), std::ranges::min(layer), geometric_mean(words),
      std::ranges::min(words), sum(off) / static_cast<double>(off.size()), std::ranges::max(off),
      geometric_mean(bound), std::ranges::max(bound));
  return text;
}

std::string objective_bench_csv(const ObjectiveBench& bench) {
  return csv_file(columns(bench.objective), bench.rows);
}

std::string objective_bench_json(const ObjectiveBench& bench) {
  return dump({{"objective", workloads::name_in(sim::objective_names, bench.objective)},
               {"batch", bench.batch},
               {"rows", json_rows(columns(bench.objective), bench.rows)}});
}

}  // namespace spillway::analysis
