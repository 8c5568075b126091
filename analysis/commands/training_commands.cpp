// Commands that train networks and use them: train, infer.
#include <fmt/format.h>

#include <chrono>
#include <cmath>
#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/inference_report.hpp"
#include "analysis/reports/train_report.hpp"
#include "sim/run/checkpoint.hpp"
#include "sim/run/inference.hpp"
#include "sim/run/training.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"

namespace spillway::analysis {

namespace {

po::options_description train_options() {
  po::options_description options = experiment_options();
  options.add_options()("epochs", po::value<std::string>()->value_name("N"),
                        "passes over the training set (of each layer, when they are trained one "
                        "after the other); the experiment's when not given")(
      "checkpoint", po::value<std::string>()->value_name("FILE"),
      "keep the run in FILE, and continue it when FILE is there")(
      "checkpoint-every", po::value<std::string>()->default_value("0")->value_name("STEPS"),
      "write the checkpoint after so many steps, too, not only after each epoch")(
      "direct", "train without the device: the same values, nothing is counted")(
      "no-values",
      "count and time the whole training without doing it, by its first and second step");
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

/// What the whole training would count.
int count_training(const po::variables_map& values, const sim::Experiment& experiment,
                   const std::string& json) {
  for (const char* other : {"direct", "checkpoint"}) {
    if (values.count(other) == 0) continue;
    throw workloads::InputError(
        fmt::format("--no-values: found beside --{}; allowed: without it", other));
  }
  const workloads::DataSplit data = sim::load_data(experiment);
  sim::TrainingResult result;
  result.state.traffic = sim::training_traffic(experiment, data);
  give(json,
       train_head(experiment, data, false) +
           "No values were computed: what the steps count, by the first and the second one.\n" +
           train_tail(result),
       train_json(experiment, result, false));
  return 0;
}

int train_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  sim::Experiment experiment = experiment_of(values, sim::Objective::time);
  if (values.count("epochs") != 0) {
    experiment.training.epochs = static_cast<int>(integer_option(values, "epochs", 1, 1'000'000));
  }
  if (values.count("no-values") != 0) return count_training(values, experiment, json);
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
  if (options.checkpoint) options.stop = NoteInterrupts::noted;
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

}  // namespace

std::vector<Command> training_commands() {
  return {
      {"train", "EXPERIMENT.yaml [--epochs N] [--checkpoint FILE] [--no-values]",
       "train with every value moving through the device", train_options, train_command},
      {"infer", "EXPERIMENT.yaml --checkpoint FILE [--out DIR]",
       "run a trained network through the device, with an exit after every layer", infer_options,
       infer_command},
  };
}

}  // namespace spillway::analysis
