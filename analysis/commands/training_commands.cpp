// Commands that train networks and use them: train.
#include <fmt/format.h>

#include <atomic>
#include <cmath>
#include <csignal>
#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/output.hpp"
#include "analysis/train_report.hpp"
#include "sim/run/training.hpp"
#include "workloads/support/error.hpp"

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
  options.add_options()("epochs", po::value<std::int64_t>()->value_name("N"),
                        "passes over the training set (of each layer, when they are trained one "
                        "after the other); the experiment's when not given")(
      "checkpoint", po::value<std::string>()->value_name("FILE"),
      "keep the run in FILE, and continue it when FILE is there")(
      "checkpoint-every", po::value<std::int64_t>()->default_value(0)->value_name("STEPS"),
      "write the checkpoint after so many steps, too, not only after each epoch")(
      "direct", "train without the device: the same values, nothing is counted");
  return options;
}

std::string named(const sim::TrainingProgress& at, const workloads::Network& network) {
  return at.layer == 0 ? "" : network.layers[static_cast<std::size_t>(at.layer) - 1].name + ", ";
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
    options.checkpoint = values["checkpoint"].as<std::string>();
    require_writable(*options.checkpoint);
  }
  const workloads::DataSplit data = sim::load_data(experiment);
  const bool quiet = json == "-";
  std::optional<NoteInterrupts> note_interrupts;
  if (options.checkpoint) note_interrupts.emplace();
  Progress progress;
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
    progress.show(fmt::format("{}epoch {}/{}, step {}/{}", named(at, experiment.network), at.epoch,
                              experiment.training.epochs, at.step, at.steps));
  };
  options.after_epoch = [&](const sim::Epoch& epoch) {
    progress.show("");
    if (!quiet) write_standard_output(train_epoch_text(epoch));
    if (!std::isfinite(epoch.loss.back())) {
      std::cerr << "spillway: warning: the loss is no longer finite; a lower optimizer.rate may "
                   "help\n";
    }
  };
  const sim::TrainingResult result = sim::train(experiment, data, options);
  progress.show("");
  if (result.stopped) {
    std::cerr << fmt::format("spillway: stopped in epoch {}; the same command continues from {}\n",
                             result.state.epochs + 1, options.checkpoint->string());
    return 2;
  }
  begin();
  give(json, train_tail(result), train_json(result));
  return 0;
}

}  // namespace

std::vector<Command> training_commands() {
  return {
      {"train", "EXPERIMENT.yaml [--epochs N] [--checkpoint FILE]",
       "train with every value moving through the device", train_options, train_command},
  };
}

}  // namespace spillway::analysis
