// The command that times the host: bench.
#include <fmt/format.h>

#include "analysis/benchmarks/dram_bench.hpp"
#include "analysis/benchmarks/objective_bench.hpp"
#include "analysis/benchmarks/plan_bench.hpp"
#include "analysis/benchmarks/plan_depth_bench.hpp"
#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/commands/command.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

po::options_description bench_options() {
  po::options_description options = json_option();
  options.add_options()("repeats", po::value<std::string>()->value_name("N"),
                        "timed steps, patterns or plans of each kind (7; plans 1)")(
      "batch", po::value<std::string>()->default_value("100")->value_name("N"),
      "examples in a mini-batch")(
      "network", po::value<Arguments>()->composing()->value_name("NAME"),
      "one of the paper's networks; all three when not given (may be repeated)")(
      "rule", po::value<Arguments>()->composing()->value_name("RULE"),
      "a learning rule; bp and lel when not given (may be repeated)")(
      "pytorch", po::value<std::string>()->value_name("PYTHON"),
      "time PyTorch, too, with this interpreter (bp and lel)")(
      "depth", po::value<std::string>()->implicit_value("160")->value_name("N"),
      "plan networks of 10, 20, 40 ... up to N layers (160) instead; time and memory by depth")(
      "recompute", po::bool_switch(), "with --depth: policy best-recompute")(
      "objective", po::value<std::string>()->value_name("NAME"),
      "with plan: what plans by this objective cost, estimated and simulated, beside those of "
      "policy layer and of the fewest words")(
      "device", po::value<Arguments>()->composing()->value_name("NAME"),
      "with --objective: a device (paper; may be repeated)")(
      "sizes", po::value<std::string>()->value_name("SIZES"),
      "with --objective: buffers (16KiB..64MiB)")(
      "csv", po::value<std::string>()->value_name("FILE"), "with --objective: write a table")(
      "file", po::value<Arguments>()->value_name("train|dram|plan"), "");
  return options;
}

int repeats_option(const po::variables_map& values, int usual) {
  return values.count("repeats") == 0
             ? usual
             : static_cast<int>(integer_option(values, "repeats", 1, 1000));
}

/// Options that mean nothing here.
void refuse_options(const po::variables_map& values, std::initializer_list<const char*> options) {
  for (const char* option : options) {
    if (values.count(option) == 0 || values[option].defaulted()) continue;
    throw workloads::InputError(
        fmt::format("--{}: allowed: with spillway bench train{}", option,
                    option == std::string_view("pytorch") ? "" : " or plan"));
  }
}

int bench_dram_command(const po::variables_map& values, const std::string& json) {
  refuse_options(values, {"batch", "network", "rule", "pytorch"});
  const int repeats = repeats_option(values, 7);
  Progress progress;
  const DramBench bench =
      run_dram_bench(repeats, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  give(json, dram_bench_text(bench), dram_bench_json(bench));
  return 0;
}

int bench_plan_depth_command(const po::variables_map& values, const std::string& json) {
  for (const char* option : {"repeats", "batch", "network", "pytorch"}) {
    if (values.count(option) == 0 || values[option].defaulted()) continue;
    throw workloads::InputError(fmt::format("--{}: allowed: without --depth", option));
  }
  const std::int64_t most = integer_option(values, "depth", 10, 1000);
  PlanDepthBenchOptions options;
  for (int depth = 10; depth <= most; depth *= 2) options.depths.push_back(depth);
  options.rules = names_option(values, "rule", {"bp", "lel"}, workloads::learning_rule_names());
  options.recompute = values["recompute"].as<bool>();
  Progress progress;
  const PlanDepthBench bench =
      run_plan_depth_bench(options, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  give(json, plan_depth_bench_text(bench), plan_depth_bench_json(bench));
  return 0;
}

int bench_objective_command(const po::variables_map& values, const std::string& json) {
  for (const char* option : {"pytorch", "repeats", "depth"}) {
    if (values.count(option) == 0) continue;
    throw workloads::InputError(fmt::format("--{}: allowed: without --objective", option));
  }
  ObjectiveBenchOptions options;
  options.objective =
      workloads::value_in(sim::objective_names,
                          name_option(values, "objective", names_in(sim::objective_names)))
          .value();
  options.batch = integer_option(values, "batch", 1, 100'000);
  options.networks = names_option(values, "network", paper_networks(), paper_networks());
  options.rules = names_option(values, "rule", {"bp", "lel"}, workloads::learning_rule_names());
  options.devices =
      values.count("device") != 0 ? values["device"].as<Arguments>() : Arguments{"paper"};
  options.sizes =
      parse_sizes(values.count("sizes") != 0 ? values["sizes"].as<std::string>() : "16KiB..64MiB");
  const std::string csv = values.count("csv") != 0 ? values["csv"].as<std::string>() : "";
  if (!csv.empty()) reserve_output(csv);
  Progress progress;
  const ObjectiveBench bench =
      run_objective_bench(options, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  if (!csv.empty()) write_file(csv, objective_bench_csv(bench));
  give(json, objective_bench_text(bench), objective_bench_json(bench));
  return 0;
}

int bench_plan_command(const po::variables_map& values, const std::string& json) {
  if (values.count("objective") != 0) return bench_objective_command(values, json);
  if (values.count("depth") != 0) return bench_plan_depth_command(values, json);
  if (values["recompute"].as<bool>()) {
    throw workloads::InputError("--recompute: allowed: with --depth");
  }
  refuse_options(values, {"pytorch"});
  PlanBenchOptions options;
  options.batch = integer_option(values, "batch", 1, 100'000);
  options.repeats = repeats_option(values, 1);
  options.networks = names_option(values, "network", paper_networks(), paper_networks());
  options.rules = names_option(values, "rule", {"bp", "lel"}, workloads::learning_rule_names());
  Progress progress;
  const PlanBench bench =
      run_plan_bench(options, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  give(json, plan_bench_text(bench), plan_bench_json(bench));
  return 0;
}

int bench_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const Arguments what = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (what != Arguments{"plan"} && (values.count("depth") != 0 || values["recompute"].as<bool>())) {
    throw workloads::InputError("--depth, --recompute: allowed: with spillway bench plan");
  }
  for (const char* option : {"objective", "device", "sizes", "csv"}) {
    if (values.count(option) == 0) continue;
    if (what == Arguments{"plan"} && values.count("objective") != 0) continue;
    throw workloads::InputError(
        fmt::format("--{}: allowed: with spillway bench plan --objective NAME", option));
  }
  if (what == Arguments{"dram"}) return bench_dram_command(values, json);
  if (what == Arguments{"plan"}) return bench_plan_command(values, json);
  if (what != Arguments{"train"}) {
    throw workloads::InputError("bench: allowed: spillway bench train, dram or plan");
  }
  BenchOptions options;
  options.batch = integer_option(values, "batch", 1, 100'000);
  options.repeats = repeats_option(values, 7);
  options.networks = names_option(values, "network", paper_networks(), paper_networks());
  if (values.count("pytorch") != 0) options.python = values["pytorch"].as<std::string>();
  const Arguments timed_by_pytorch{"bp", "lel"};
  options.rules =
      names_option(values, "rule", timed_by_pytorch,
                   options.python.empty() ? workloads::learning_rule_names() : timed_by_pytorch);
  Progress progress;
  const BenchResult result =
      run_bench(options, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  give(json, bench_text(result), bench_json(result));
  return 0;
}

}  // namespace

std::vector<Command> bench_commands() {
  return {
      {"bench", "train [--pytorch PYTHON] | dram | plan",
       "time one training step: kernels alone, through the device, and in PyTorch; or DRAM bursts; "
       "or plans",
       bench_options, bench_command},
  };
}

}  // namespace spillway::analysis
