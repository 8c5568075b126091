// Commands that train networks and use them: train, infer, reproduce, bench.
#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <iostream>
#include <optional>

#include "analysis/benchmarks/dram_bench.hpp"
#include "analysis/benchmarks/plan_bench.hpp"
#include "analysis/benchmarks/plan_depth_bench.hpp"
#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/inference_report.hpp"
#include "analysis/reports/train_report.hpp"
#include "analysis/studies/study.hpp"
#include "sim/run/checkpoint.hpp"
#include "sim/run/inference.hpp"
#include "sim/run/training.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

namespace {

std::atomic<bool> interrupted{false};

/// While it lives, the first interrupt or request to end is noted instead of ending the program; a
/// second one ends it.
class NoteInterrupts {
 public:
  NoteInterrupts() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, note);
  }
  ~NoteInterrupts() {
    for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
  }
  NoteInterrupts(const NoteInterrupts&) = delete;
  NoteInterrupts& operator=(const NoteInterrupts&) = delete;

 private:
  static void note(int number) {
    interrupted = true;
    std::signal(number, SIG_DFL);
  }
};

po::options_description train_options() {
  po::options_description options = experiment_options();
  options.add_options()("epochs", po::value<std::string>()->value_name("N"),
                        "passes over the training set (of each layer, when they are trained one "
                        "after the other); the experiment's when not given")(
      "checkpoint", po::value<std::string>()->value_name("FILE"),
      "keep the run in FILE, and continue it when FILE is there")(
      "checkpoint-every", po::value<std::string>()->default_value("0")->value_name("STEPS"),
      "write the checkpoint after so many steps, too, not only after each epoch")(
      "direct", "train without the device: the same values, nothing is counted");
  return options;
}

std::string named(const sim::TrainingProgress& at, const workloads::Network& network) {
  return at.layer == 0 ? "" : network.layers[static_cast<std::size_t>(at.layer) - 1].name + ", ";
}

std::filesystem::path checkpoint_target(const po::variables_map& values) {
  const std::filesystem::path target = values["checkpoint"].as<std::string>();
  std::error_code error;
  const bool exists = std::filesystem::exists(target, error);
  if (target.empty() || target == "-" ||
      (exists && !std::filesystem::is_regular_file(target, error))) {
    throw workloads::InputError(
        fmt::format("--checkpoint: found \"{}\"; allowed: the name of a file", target.string()));
  }
  reserve_output(target);
  return target;
}

int train_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  sim::Experiment experiment = experiment_of(values);
  if (values.count("epochs") != 0) {
    experiment.training.epochs = static_cast<int>(integer_option(values, "epochs", 1, 1'000'000));
  }
  sim::TrainingOptions options;
  options.direct = values.count("direct") != 0;
  options.checkpoint_steps =
      static_cast<std::size_t>(integer_option(values, "checkpoint-every", 0, 1'000'000'000));
  if (values.count("checkpoint") != 0) {
    options.checkpoint = checkpoint_target(values);
  } else if (options.checkpoint_steps > 0) {
    throw workloads::InputError("--checkpoint-every: allowed: beside --checkpoint FILE");
  }
  const workloads::DataSplit data = sim::load_data(experiment);
  const bool quiet = json == "-";
  std::optional<NoteInterrupts> note_interrupts;
  if (options.checkpoint) note_interrupts.emplace();
  Progress progress;
  TrainingPace pace;
  std::string reached;  // for who does not watch the steps
  const auto batch = static_cast<std::size_t>(experiment.batch);
  bool begun = false;
  const auto begin = [&] {  // not before the first step: nothing is printed if it is refused
    if (!begun && !quiet) {
      write_standard_output(train_head(experiment, data, options.direct));
    }
    begun = true;
  };
  if (options.checkpoint) options.stop = [] { return interrupted.load(); };
  options.progress = [&](const sim::TrainingProgress& at) {
    begin();
    pace.step(std::chrono::steady_clock::now());
    const std::string epoch = fmt::format("{}epoch {}/{}", named(at, experiment.network), at.epoch,
                                          experiment.training.epochs);
    const std::string tempo = pace_text(pace, batch, at.steps_left);
    const std::string rest =
        fmt::format("loss {}{}{}", loss_text(at.loss), tempo.empty() ? "" : ", ", tempo);
    progress.show(fmt::format("{}, step {}/{}: {}", epoch, at.step, at.steps, rest));
    if (at.step == at.steps) reached = epoch + ": " + rest;
  };
  options.after_epoch = [&](const sim::Epoch& epoch) {
    pace.epoch(std::chrono::steady_clock::now());
    progress.show("");
    if (!progress.is_shown()) std::cerr << "spillway: " << reached << "\n";
    if (!quiet) write_standard_output(train_epoch_text(experiment, epoch));
    if (!std::isfinite(epoch.loss.back())) {
      std::cerr << "spillway: warning: the loss is no longer finite; a lower optimizer.rate may "
                   "help\n";
    }
  };
  const sim::TrainingResult result = sim::train(experiment, data, options);
  progress.show("");
  if (result.stopped) {
    const int layer = result.state.layer;
    std::cerr << fmt::format(
        "spillway: stopped in {}epoch {}; the same command continues from {}\n",
        layer == 0 ? ""
                   : experiment.network.layers[static_cast<std::size_t>(layer) - 1].name + ", ",
        result.state.epochs + 1, options.checkpoint->string());
    return exit_interrupted;
  }
  if (!begun && !quiet) {
    begin();
    write_standard_output("The checkpoint holds the finished run; its last epoch:\n\n" +
                          train_epoch_text(experiment, result.state.history.back()));
  }
  give(json, train_tail(result), train_json(experiment, result, options.direct));
  return 0;
}

po::options_description infer_options() {
  po::options_description options = experiment_options();
  options.add_options()("checkpoint", po::value<std::string>()->value_name("FILE"),
                        "the trained network: what `spillway train --checkpoint FILE` wrote")(
      "images", po::value<std::string>()->value_name("N"),
      "the first N test images alone (whole mini-batches of them)")(
      "out", po::value<std::string>()->value_name("DIR"),
      "folder for infer.csv, infer.json and infer.svg (made when missing)");
  return options;
}

int infer_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  sim::Experiment experiment = experiment_of(values);
  if (values.count("checkpoint") == 0) {
    throw workloads::InputError(
        "--checkpoint: not given; allowed: a file that `spillway train --checkpoint` wrote");
  }
  if (values.count("images") != 0) {
    experiment.data.test = integer_option(values, "images", 1, 1 << 24);
  }
  const std::filesystem::path checkpoint = values["checkpoint"].as<std::string>();
  workloads::will_read(checkpoint);
  const sim::TrainingState trained = sim::read_trained_network(checkpoint, experiment);
  const workloads::DataSplit data = sim::load_data(experiment);
  std::filesystem::path out;
  if (values.count("out") != 0) {
    out = output_folder(values, {"infer.csv", "infer.json", "infer.svg"});
  }
  Progress progress;
  const std::vector<sim::ExitPoint> exits = sim::infer(
      experiment, data.test, trained, [&](const std::string& text) { progress.show(text); });
  progress.show("");
  if (!out.empty()) {
    write_file(out / "infer.csv", inference_csv(exits));
    write_file(out / "infer.json", inference_json(experiment, exits));
    write_file(out / "infer.svg", inference_svg(experiment, exits));
  }
  give(json, inference_text(experiment, exits), inference_json(experiment, exits));
  return 0;
}

po::options_description reproduce_options() {
  po::options_description options = json_option();
  options.add_options()("epochs", po::value<std::string>()->value_name("N"),
                        "passes over the training set")(
      "subset", po::value<std::string>()->value_name("N"), "the first N training images alone")(
      "seeds", po::value<std::string>()->value_name("N"), "runs of each row, with seeds 1 to N")(
      "data", po::value<std::string>()->value_name("DIR"),
      "folder of the full data set (workloads/data/fetch); the shipped subset when not given")(
      "paper", "the paper's full setting: its epochs and schedule, its number of runs")(
      "direct", "train without the device: the same values, nothing is counted")(
      "checkpoints", po::value<std::string>()->value_name("DIR"),
      "keep unfinished runs in DIR; the same command continues them")(
      "out", po::value<std::string>()->default_value(".")->value_name("DIR"),
      "folder for STUDY.csv, STUDY.json and STUDY.svg (made when missing)")(
      "file", po::value<Arguments>()->value_name("STUDY.yaml"), "");
  return options;
}

StudySetting setting_of(const po::variables_map& values, const Study& study) {
  StudySetting setting = study.usual;
  if (values.count("paper") != 0) {
    if (study.paper_epochs == 0) {
      throw workloads::InputError("--paper: " + study.name +
                                  " is no table of the paper; allowed: table2 to table5");
    }
    setting.epochs = study.paper_epochs;
    setting.seeds = study.paper_seeds;
  }
  const auto count = [&](const char* name, std::int64_t most) {
    return integer_option(values, name, 1, most);
  };
  if (values.count("epochs") != 0) setting.epochs = static_cast<int>(count("epochs", 1'000'000));
  if (values.count("seeds") != 0) setting.seeds = static_cast<int>(count("seeds", 1000));
  if (values.count("subset") != 0) setting.subset = count("subset", 1 << 24);
  if (values.count("data") != 0) setting.data = values["data"].as<std::string>();
  setting.direct = values.count("direct") != 0;
  if (values.count("checkpoints") != 0) {
    setting.checkpoints = values["checkpoints"].as<std::string>();
    std::error_code error;
    std::filesystem::create_directories(*setting.checkpoints, error);
    require_writable(*setting.checkpoints / "checkpoint");
  }
  return setting;
}

std::string estimate_text(double seconds) {
  if (seconds < 90) return fmt::format("{:.0f} seconds", seconds);
  if (seconds < 5400) return fmt::format("{:.0f} minutes", seconds / 60);
  return fmt::format("{:.1f} hours", seconds / 3600);
}

int reproduce_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const Study study = read_study(single_file(values, "analysis/studies"));
  const StudySetting setting = setting_of(values, study);
  const std::filesystem::path out =
      output_folder(values, {study.name + ".csv", study.name + ".json", study.name + ".svg"});
  std::cerr << fmt::format("spillway: {}: {}, {}, {}: about {}\n", study.name,
                           counted(study.rows.size(), "row"),
                           counted(static_cast<std::uint64_t>(setting.epochs), "epoch"),
                           counted(static_cast<std::uint64_t>(setting.seeds), "seed"),
                           estimate_text(estimate_seconds(study, setting)));
  std::optional<NoteInterrupts> note_interrupts;
  StudyProgress report;
  if (setting.checkpoints) {
    note_interrupts.emplace();
    report.stop = [] { return interrupted.load(); };
  }
  Progress progress;
  report.now = [&](const std::string& text) { progress.show(text); };
  report.row = [&](const std::string& text) {
    progress.show("");
    std::cerr << "spillway: " << text << "\n";
  };
  StudyResult result;
  try {
    result = run_study(study, setting, report);
  } catch (const StudyStopped& stopped) {
    progress.show("");
    std::cerr << "spillway: " << stopped.what() << "; the same command continues\n";
    return exit_interrupted;
  }
  write_file(out / (study.name + ".csv"), study_csv(result));
  write_file(out / (study.name + ".json"), study_json(result));
  write_file(out / (study.name + ".svg"), study_svg(result));
  give(json,
       study_text(result) + fmt::format("\nWritten: {0}, {1}.json, {1}.svg\n",
                                        (out / (study.name + ".csv")).lexically_normal().string(),
                                        study.name),
       study_json(result));
  return 0;
}

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

int bench_plan_command(const po::variables_map& values, const std::string& json) {
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

std::vector<Command> training_commands() {
  return {
      {"train", "EXPERIMENT.yaml [--epochs N] [--checkpoint FILE]",
       "train with every value moving through the device", train_options, train_command},
      {"infer", "EXPERIMENT.yaml --checkpoint FILE [--out DIR]",
       "run a trained network through the device, with an exit after every layer", infer_options,
       infer_command},
      {"reproduce",
       "table2|table3|table4|table5|mnist-short|cifar10-scaled|STUDY.yaml [--epochs N]",
       "train the rows of an accuracy table of the paper and compare", reproduce_options,
       reproduce_command},
      {"bench", "train [--pytorch PYTHON] | dram | plan",
       "time one training step: kernels alone, through the device, and in PyTorch; or DRAM bursts; "
       "or plans",
       bench_options, bench_command},
  };
}

}  // namespace spillway::analysis
