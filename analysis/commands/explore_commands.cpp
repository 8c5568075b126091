// Commands that plan over a range of devices: explore-buffer, locality.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/explore_partial.hpp"
#include "analysis/figures/locality.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

po::options_description explore_buffer_options() {
  po::options_description options = json_option();
  options.add_options()(
      "sizes", po::value<std::string>()->default_value("16KiB..64MiB")->value_name("SIZES"),
      "sizes of the buffer: A..B for the powers of two from A to B, or a list with commas (KiB and "
      "K are 1024 bytes, KB 1000)")("batch",
                                    po::value<std::string>()->default_value("100")->value_name("N"),
                                    "examples in the mini-batch")(
      "rule", po::value<Arguments>()->composing()->value_name("RULE"),
      "a learning rule, compared with the last one given; bp and lel when not given (may be "
      "repeated)")("jobs,j", po::value<std::string>()->value_name("N"),
                   "plans made at once; one for each core when not given. The "
                   "result is the same")(
      "csv", po::value<std::string>()->value_name("FILE"),
      "write the result as CSV; - for standard output. What is planned so far is kept in "
      "FILE.partial: interrupted, the same command continues")(
      "svg", po::value<std::string>()->value_name("FILE"), "draw the result")(
      "file", po::value<Arguments>()->value_name("NETWORK.yaml"), "");
  return options;
}

/// Where a CSV file grows; nothing for one that goes to a pipe or is not asked for.
std::optional<PartialExploration> partial_of(const std::string& csv,
                                             const workloads::Network& network, std::int64_t batch,
                                             const std::vector<Bytes>& sizes,
                                             const std::vector<std::string>& rules) {
  std::error_code error;
  if (csv.empty() || csv == "-") return std::nullopt;
  if (std::filesystem::exists(csv, error) && !std::filesystem::is_regular_file(csv, error)) {
    return std::nullopt;
  }
  reserve_output(csv + ".partial");
  return std::optional<PartialExploration>(std::in_place, csv + ".partial", network, batch, sizes,
                                           rules);
}

void say_what_is_kept(PartialExploration& partial) {
  const std::size_t plans = partial.write();
  std::cerr << "\nspillway: stopped; "
            << (plans == 0 ? "nothing was planned yet"
                           : fmt::format("{} kept in {}, from which the same command continues",
                                         counted(plans, "plan"), partial.path().string()))
            << std::endl;
}

/// "planning 12 of 39: BP at 1 MiB, 3 min left".
std::string shown(const ExplorationProgress& at, Moment begin) {
  const auto left = seconds_left(begin, std::chrono::steady_clock::now(), at.done, at.of - at.done);
  return fmt::format("planning {} of {}: {}{}", at.begun, at.of, at.what,
                     left ? ", " + duration_text(*left) + " left" : "");
}

/// Where results go, reserved; "" where not asked for.
struct Targets {
  std::string json, csv, svg;

  void give_all(const std::string& text, const std::string& as_json, const std::string& as_csv,
                const std::string& as_svg) const {
    if (!csv.empty()) write_file(csv, as_csv);
    if (!svg.empty()) write_file(svg, as_svg);
    give(json, csv == "-" || svg == "-" ? "" : text, as_json);
  }
};

Targets targets_of(const po::variables_map& values) {
  const Targets targets{json_target(values), target_of(values, "csv"), target_of(values, "svg")};
  if ((targets.json == "-") + (targets.csv == "-") + (targets.svg == "-") > 1) {
    throw workloads::InputError(
        "--json, --csv, --svg: \"-\" given more than once; allowed: one on standard output");
  }
  return targets;
}

int explore_buffer_command(const po::variables_map& values) {
  const std::vector<Bytes> sizes = parse_sizes(values["sizes"].as<std::string>());
  const std::int64_t batch = integer_option(values, "batch", 1, 100'000);
  const workloads::Network network =
      workloads::read_network(single_file(values, "workloads/networks"));
  const Targets targets = targets_of(values);
  ExplorationOptions options;
  options.rules = names_option(values, "rule", usual_rules(), workloads::learning_rule_names());
  options.jobs = jobs_option(values);
  std::optional<PartialExploration> partial =
      partial_of(targets.csv, network, batch, sizes, options.rules);
  std::optional<EndOnInterrupt> end_on_interrupt;
  if (partial) {
    options.recall = [&](BufferExploration& so_far) { partial->recall(so_far); };
    options.keep = [&](const BufferExploration& so_far) { partial->keep(so_far); };
    end_on_interrupt.emplace([&] { say_what_is_kept(*partial); });
  }
  Progress progress;
  const Moment begin = std::chrono::steady_clock::now();
  options.progress = [&](const ExplorationProgress& at) { progress.show(shown(at, begin)); };
  const BufferExploration exploration = explore_buffer(network, batch, sizes, options);
  progress.show("");
  targets.give_all(exploration_text(exploration), exploration_json(exploration),
                   exploration_csv(exploration), exploration_svg(exploration));
  end_on_interrupt.reset();
  if (partial) partial->remove();
  return 0;
}

po::options_description locality_options() {
  po::options_description options = json_option();
  options.add_options()(
      "sizes", po::value<std::string>()->default_value("64KiB,1MiB,16MiB")->value_name("SIZES"),
      "sizes of the buffer, as explore-buffer takes them")(
      "rule", po::value<std::string>()->value_name("RULE"),
      "a rule with local errors; the experiment's if it is one, else lel")(
      "policy", po::value<std::string>()->default_value("best")->value_name("NAME"),
      "how the step is fitted to the device: paper, layer, best or best-recompute")(
      "batch", po::value<std::string>()->value_name("N"),
      "examples in the mini-batch; the experiment's, or 100")(
      "epochs", po::value<std::string>()->value_name("N"),
      "train each setting for N epochs with the experiment's data, without the device, and give "
      "its test accuracy")("set", po::value<Arguments>()->composing()->value_name("KEY=VALUE"),
                           "override a key of the experiment (may be repeated)")(
      "jobs,j", po::value<std::string>()->value_name("N"),
      "plans made at once; one for each core when not given. The result is the same")(
      "csv", po::value<std::string>()->value_name("FILE"),
      "write the result as CSV; - for standard output")(
      "svg", po::value<std::string>()->value_name("FILE"), "draw the result")(
      "file", po::value<Arguments>()->value_name("NETWORK.yaml"), "");
  return options;
}

/// Whether the file given is an experiment's; a name that is both is a network's.
bool is_experiment(const po::variables_map& values) {
  if (values.count("file") == 0 || values["file"].as<Arguments>().size() != 1) return false;
  const std::string& given = values["file"].as<Arguments>().front();
  if (std::filesystem::is_regular_file(given)) {
    return kind_of(workloads::Config::from_file(given)) == workloads::FileKind::experiment;
  }
  const auto ships = [&](const char* folder) {
    const Arguments names = workloads::shared_names(folder);
    return std::ranges::find(names, given) != names.end();
  };
  return ships("workloads/experiments") && !ships("workloads/networks");
}

/// The experiment given, or the network in the setting of explore-buffer.
sim::Experiment dialled_experiment(const po::variables_map& values) {
  const std::string policy = name_option(values, "policy", names_in(sim::policy_names));
  std::optional<std::int64_t> batch;
  if (values.count("batch") != 0) batch = integer_option(values, "batch", 1, 100'000);
  sim::Experiment experiment;
  if (is_experiment(values)) {
    experiment = experiment_of(values);
    experiment.batch = batch.value_or(experiment.batch);
  } else {
    const std::filesystem::path file = single_file(values, "workloads/networks");
    for (const char* option : {"set", "epochs"}) {
      if (values.count(option) == 0) continue;
      throw workloads::InputError(
          fmt::format("--{}: found beside a network; allowed: beside an experiment", option));
    }
    experiment = plain_experiment(workloads::read_network(file), batch.value_or(100));
  }
  experiment.policy = value_in(sim::policy_names, policy).value();
  return experiment;
}

int locality_command(const po::variables_map& values) {
  const std::vector<Bytes> sizes = parse_sizes(values["sizes"].as<std::string>());
  LocalityOptions options;
  const Arguments allowed = locality_rules();
  if (values.count("rule") != 0) options.rule = name_option(values, "rule", allowed);
  options.jobs = jobs_option(values);
  if (values.count("epochs") != 0) {
    options.epochs = static_cast<int>(integer_option(values, "epochs", 1, 1'000'000));
  }
  const sim::Experiment experiment = dialled_experiment(values);
  if (values.count("rule") == 0 && std::ranges::find(allowed, experiment.rule) != allowed.end()) {
    options.rule = experiment.rule;
  }
  const Targets targets = targets_of(values);
  Progress progress;
  const Moment begin = std::chrono::steady_clock::now();
  options.progress = [&](const ExplorationProgress& at) { progress.show(shown(at, begin)); };
  options.training = [&](const std::string& what) { progress.show("training " + what); };
  const Locality locality = explore_locality(experiment, sizes, options);
  progress.show("");
  targets.give_all(locality_text(locality), locality_json(locality), locality_csv(locality),
                   locality_svg(locality));
  return 0;
}

}  // namespace

std::vector<Command> explore_commands() {
  return {
      {"explore-buffer", "NETWORK.yaml [--sizes 16KiB..64MiB] [--batch N] [--rule RULE] [-j N]",
       "words against buffer size for BP, with and without recomputation, and LEL, or any rules",
       explore_buffer_options, explore_buffer_command},
      {"locality", "NETWORK.yaml|EXPERIMENT.yaml [--sizes SIZES] [--rule RULE] [--epochs N] [-j N]",
       "the locality dial: words, MACs, memory and accuracy by the number of blocks, and BP's",
       locality_options, locality_command},
  };
}

}  // namespace spillway::analysis
