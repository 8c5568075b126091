#include "analysis/benchmarks/train_bench.hpp"

#include <fmt/format.h>
#include <omp.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>

#include "analysis/figures/rule_tables.hpp"
#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "sim/run/direct.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

using workloads::InputError;

// What we want to reach at a batch of 100; missed targets are said to be missed.
// mnist-mlp moves nearly as many words as it does MACs, and PyTorch spends less of it in kernels.
double device_target(const std::string& network) { return network == "mnist-mlp" ? 1.5 : 1.2; }
double pytorch_target(const std::string& network) { return network == "mnist-mlp" ? 0.5 : 0.65; }

double median(std::vector<double> values) {
  std::ranges::sort(values);
  const std::size_t half = values.size() / 2;
  return values.size() % 2 == 1 ? values[half] : (values[half - 1] + values[half]) / 2;
}

double milliseconds(sim::Trainee& trainee, const sim::Batch& batch) {
  const auto begin = std::chrono::steady_clock::now();
  trainee.run_step(batch, 0.01);
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - begin)
      .count();
}

std::string machine_name() {
  return fmt::format("{}, {} threads", processor_name(), omp_get_max_threads());
}

double ask_pytorch(const BenchOptions& options, const BenchRow& row) {
  const std::string command =
      fmt::format("{} {} --batch {} --repeats {} --threads {} --networks {} --rules {} 2>&1",
                  shell_word(options.python),
                  shell_word((workloads::shared_folder() / "bench" / "pytorch_steps.py").string()),
                  options.batch, options.repeats, omp_get_max_threads(), row.network, row.rule);
  std::string answer;
  std::FILE* pipe = popen(command.c_str(), "r");
  char part[4096];
  while (pipe != nullptr && std::fgets(part, sizeof part, pipe) != nullptr) answer += part;
  if (pipe != nullptr) pclose(pipe);
  // What it says while it works comes first, the result is its last line.
  while (answer.ends_with('\n')) answer.pop_back();
  answer.erase(0, answer.rfind('\n') + 1);
  try {
    return parse_json(answer).at("rows").at(0).at("median_ms").get<double>();
  } catch (const Json::exception&) {
    throw InputError(fmt::format(
        "--pytorch: {} did not time {} with {} (\"{}\"); allowed: a Python with PyTorch",
        options.python, row.network, row.rule, workloads::printable(answer, 200)));
  }
}

/// The targets are for a batch of 100.
std::string verdict(double ratio, double target, std::int64_t batch) {
  if (batch != 100) return "-";
  return fmt::format("{} (at most {:g})", ratio <= target ? "met" : "missed", target);
}

}  // namespace

std::string processor_name() {
  std::ifstream stream("/proc/cpuinfo");
  std::string line;
  while (std::getline(stream, line)) {
    if (line.starts_with("model name")) return line.substr(line.find(':') + 2);
  }
  return "unknown processor";
}

BenchResult run_bench(const BenchOptions& options,
                      const std::function<void(const std::string&)>& progress) {
  BenchResult result{machine_name(), options.batch, {}};
  for (const std::string& network : options.networks) {
    for (const std::string& rule : options.rules) {
      BenchRow row{network, rule, {}, {}, std::nullopt};
      if (progress) progress(fmt::format("timing {} with {}", network, rule));
      const sim::Experiment experiment = paper_experiment(network, rule, options.batch);
      if (!options.python.empty()) row.pytorch_ms = ask_pytorch(options, row);
      const sim::Batch batch = sim::first_batch(experiment);
      sim::DirectTraining direct(experiment);
      sim::Simulation device(experiment);
      for (int i = -2; i < options.repeats; ++i) {  // two rounds to get ready
        const double direct_ms = milliseconds(direct, batch);
        const double device_ms = milliseconds(device, batch);
        if (i < 0) continue;
        row.direct_ms.push_back(direct_ms);
        row.device_ms.push_back(device_ms);
      }
      result.rows.push_back(std::move(row));
    }
  }
  return result;
}

namespace {

/// Of a benchmark at this batch; in text, PyTorch's figures only where some row has them.
Columns<BenchRow> bench_columns(std::int64_t batch, bool pytorch) {
  using Row = BenchRow;
  const auto direct = [](const Row& row) { return median(row.direct_ms); };
  const auto device = [](const Row& row) { return median(row.device_ms); };
  const auto overhead = [=](const Row& row) { return device(row) / direct(row); };
  const auto of_pytorch = [=](const Row& row) { return direct(row) / *row.pytorch_ms; };
  const auto fixed = [](int digits, const auto& value) {
    return [=](const Row& row) { return fmt::format("{:.{}f}", value(row), digits); };
  };
  const auto if_pytorch = [=](const char* name) { return pytorch ? name : ""; };
  const auto of_answer = [](const auto& text) {
    return [=](const Row& row) { return row.pytorch_ms ? text(row) : std::string(); };
  };
  return {
      {{"network", "", "network"}, [](const Row& row) { return row.network; }},
      {{"rule", "", "rule"}, [](const Row& row) { return row.rule; }},
      {{"direct ms", "", "direct_ms"}, direct, fixed(1, direct)},
      {{"device ms", "", "device_ms"}, device, fixed(1, device)},
      {{"device / direct", "", ""}, fixed(2, overhead)},
      {{"target", "", ""},
       [=](const Row& row) { return verdict(overhead(row), device_target(row.network), batch); }},
      {{"", "", "direct_runs_ms"}, [](const Row& row) { return row.direct_ms; }},
      {{"", "", "device_runs_ms"}, [](const Row& row) { return row.device_ms; }},
      {{if_pytorch("PyTorch ms"), "", "pytorch_ms"},
       [](const Row& row) { return row.pytorch_ms ? Json(*row.pytorch_ms) : Json(nullptr); },
       of_answer(fixed(1, [](const Row& row) { return *row.pytorch_ms; }))},
      {{if_pytorch("direct / PyTorch"), "", ""}, of_answer(fixed(2, of_pytorch))},
      {{if_pytorch("target"), "", ""}, of_answer([=](const Row& row) {
         return verdict(of_pytorch(row), pytorch_target(row.network), batch);
       })}};
}

}  // namespace

std::string bench_text(const BenchResult& result) {
  const bool pytorch = std::ranges::any_of(
      result.rows, [](const BenchRow& row) { return row.pytorch_ms.has_value(); });
  const Table table = text_table(bench_columns(result.batch, pytorch), result.rows);
  return fmt::format(
      "One training step of {} examples, median of {} taken in turns\non {}\n\n{}\n"
      "direct: kernels alone, without a device; device: through the simulated device.\n",
      result.batch, result.rows.front().direct_ms.size(), result.machine, table.text());
}

std::string bench_json(const BenchResult& result) {
  return dump({{"machine", result.machine},
               {"batch", result.batch},
               {"rows", json_rows(bench_columns(result.batch, true), result.rows)}});
}

}  // namespace spillway::analysis
