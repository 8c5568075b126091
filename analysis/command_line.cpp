#include "analysis/command_line.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/program_options.hpp>
#include <cmath>
#include <filesystem>
#include <iostream>

#include "analysis/check.hpp"
#include "analysis/closed_form.hpp"
#include "analysis/figure6.hpp"
#include "analysis/output.hpp"
#include "analysis/report.hpp"
#include "analysis/table1.hpp"
#include "analysis/train_report.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

namespace po = boost::program_options;
namespace fs = std::filesystem;
using workloads::InputError;
using Arguments = std::vector<std::string>;

struct Command {
  std::string name, usage, summary;
  po::options_description (*options)();
  int (*run)(const po::variables_map&);
};
const std::vector<Command>& commands();

/// A line on stderr that is overwritten by the next; only at a terminal.
class Progress {
 public:
  void show(const std::string& text) {
    if (!terminal_) return;
    std::cerr << "\r\033[K" << text << std::flush;
    shown_ = true;
  }
  ~Progress() {
    if (shown_) std::cerr << "\r\033[K" << std::flush;
  }

 private:
  bool terminal_ = isatty(STDERR_FILENO) != 0;
  bool shown_ = false;
};

po::options_description json_option() {
  po::options_description options;
  options.add_options()("json", po::value<std::string>()->value_name("FILE"),
                        "write the result as JSON; - for standard output");
  return options;
}

po::options_description experiment_options() {
  po::options_description options = json_option();
  options.add_options()(
      "set", po::value<Arguments>()->composing()->value_name("KEY=VALUE"),
      "override a key of the experiment, e.g. device.buffer=64MiB (may be repeated)")(
      "file", po::value<Arguments>()->value_name("EXPERIMENT.yaml"), "");
  return options;
}

/// Positional file arguments; a name without slash or ending stands for a shipped file.
std::vector<fs::path> files(const po::variables_map& values, const std::string& folder) {
  std::vector<fs::path> paths;
  if (values.count("file") == 0) return paths;
  for (const std::string& text : values["file"].as<Arguments>()) {
    const bool name = text.find('/') == std::string::npos && !text.ends_with(".yaml");
    const std::vector<std::string> shipped = workloads::shared_names(folder);
    if (!name || fs::exists(text)) {
      paths.emplace_back(text);
    } else if (std::find(shipped.begin(), shipped.end(), text) != shipped.end()) {
      paths.push_back(workloads::shared_folder() / folder / (text + ".yaml"));
    } else {
      throw InputError(fmt::format("found \"{}\"; allowed: a YAML file, or one of {}{}",
                                   workloads::printable(text), workloads::joined(shipped),
                                   workloads::did_you_mean(text, shipped)));
    }
  }
  return paths;
}

fs::path single_file(const po::variables_map& values, const std::string& folder) {
  const std::vector<fs::path> paths = files(values, folder);
  if (paths.size() != 1) {
    throw InputError(fmt::format("{} files given; allowed: one YAML file, or one of {}",
                                 paths.size(), workloads::joined(workloads::shared_names(folder))));
  }
  return paths.front();
}

sim::Experiment experiment_of(const po::variables_map& values) {
  const Arguments overrides =
      values.count("set") != 0 ? values["set"].as<Arguments>() : Arguments{};
  return sim::read_experiment(single_file(values, "workloads/experiments"), overrides);
}

/// Where --json writes, checked before anything runs; "" when it was not given.
std::string json_target(const po::variables_map& values) {
  if (values.count("json") == 0) return "";
  const auto target = values["json"].as<std::string>();
  require_writable(target);
  if (values.count("file") != 0) {
    for (const std::string& input : values["file"].as<Arguments>()) {
      std::error_code error;
      if (fs::equivalent(target, input, error)) {
        throw InputError(target + ": is the input; allowed: another file to write");
      }
    }
  }
  return target;
}

/// Print text, and JSON where asked; JSON on standard output stands alone.
void give(const std::string& target, const std::string& text, const std::string& json) {
  if (target != "-") write_standard_output(text);
  if (!target.empty()) write_file(target, json);
}

int run_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const sim::Experiment experiment = experiment_of(values);
  sim::Simulation simulation(experiment);
  const sim::Batch batch = sim::first_batch(experiment);
  Progress progress;
  progress.show("running " + experiment.name);
  const sim::Result result = simulation.run_step(batch);
  progress.show("");
  give(json, run_text(experiment, simulation.plan(), result),
       run_json(experiment, simulation.plan(), result));
  return counts_agree(simulation.plan(), result) ? 0 : 1;
}

int plan_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const sim::Experiment experiment = experiment_of(values);
  const sim::Plan plan = sim::make_plan(experiment);
  give(json, plan_text(experiment, plan), plan_json(experiment, plan));
  return 0;
}

po::options_description train_options() {
  po::options_description options = experiment_options();
  options.add_options()("epochs", po::value<int>()->default_value(10)->value_name("N"),
                        "passes over the training set");
  return options;
}

int train_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const int epochs = values["epochs"].as<int>();
  if (epochs < 1) {
    throw InputError(fmt::format("--epochs: found {}; allowed: at least 1", epochs));
  }
  const sim::Experiment experiment = experiment_of(values);
  const workloads::DataSplit data = sim::load_data(experiment);
  const bool quiet = json == "-";
  Progress progress;
  const sim::TrainingResult result = sim::train(
      experiment, data, epochs,
      [&](const sim::TrainingProgress& at) {
        const bool first = at.epoch == 1 && at.step == 1;  // nothing is printed if it is refused
        if (first && !quiet) write_standard_output(train_head(experiment, data));
        progress.show(fmt::format("epoch {}/{}, step {}/{}", at.epoch, epochs, at.step, at.steps));
      },
      [&](const sim::Epoch& epoch) {
        progress.show("");
        if (!quiet) write_standard_output(train_epoch_text(epoch));
        if (!std::isfinite(epoch.loss.back())) {
          std::cerr << "spillway: warning: the loss is no longer finite; a lower optimizer.rate "
                       "may help\n";
        }
      });
  give(json, train_tail(result), train_json(result));
  return 0;
}

po::options_description figure6_options() {
  po::options_description options = json_option();
  options.add_options()("batch", po::value<std::int64_t>()->default_value(100)->value_name("N"),
                        "examples in the mini-batch")(
      "out", po::value<std::string>()->default_value(".")->value_name("DIR"),
      "folder for figure6.csv, figure6.json and figure6.svg (made when missing)");
  return options;
}

int figure6_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const auto batch = values["batch"].as<std::int64_t>();
  if (batch < 1 || batch > 100000) {
    throw InputError(fmt::format("--batch: found {}; allowed: an integer from 1 to 100000", batch));
  }
  require_figure6_fits(batch);
  const fs::path out = values["out"].as<std::string>();
  std::error_code error;
  fs::create_directories(out, error);
  for (const char* ending : {"csv", "json", "svg"}) {
    require_writable(out / fmt::format("figure6.{}", ending));
  }
  Progress progress;
  const Figure6 figure =
      run_figure6(batch, [&](const std::string& what) { progress.show("running " + what); });
  progress.show("");
  write_file(out / "figure6.csv", figure6_csv(figure));
  write_file(out / "figure6.json", figure6_json(figure));
  write_file(out / "figure6.svg", figure6_svg(figure));
  give(json,
       figure6_text(figure) + fmt::format("Written: {}, figure6.json, figure6.svg\n",
                                          (out / "figure6.csv").lexically_normal().string()),
       figure6_json(figure));
  return figure.agrees() ? 0 : 1;
}

po::options_description check_options() {
  po::options_description options = json_option();
  options.add_options()("update", "rewrite the baselines, and print what changed")(
      "junit", po::value<std::string>()->value_name("FILE"), "write the results as JUnit XML")(
      "file", po::value<Arguments>()->value_name("EXPERIMENT.yaml"), "");
  return options;
}

int check_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::string junit =
      values.count("junit") != 0 ? values["junit"].as<std::string>() : std::string();
  if (!junit.empty()) require_writable(junit);
  const bool update = values.count("update") != 0;
  std::vector<fs::path> paths = files(values, "workloads/experiments");
  if (paths.empty()) paths = shipped_experiments();
  std::vector<CheckResult> results;
  std::string text;
  Progress progress;
  for (const fs::path& path : paths) {
    progress.show("checking " + path.string());
    results.push_back(check_experiment(path, update));
    const CheckResult& result = results.back();
    progress.show("");
    if (!result.error.empty()) std::cerr << "spillway: " << check_text(result);
    if (result.error.empty()) text += check_text(result);
  }
  give(json, text, check_json(results));
  if (!junit.empty()) write_file(junit, check_junit(results));
  int code = 0;
  for (const CheckResult& result : results) {
    if (!result.error.empty()) return 2;
    if (result.drifted()) code = 1;
  }
  return code;
}

po::options_description network_options() {
  po::options_description options = json_option();
  options.add_options()("file", po::value<Arguments>()->value_name("NETWORK.yaml"), "");
  return options;
}

int network_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const workloads::Network network =
      workloads::read_network(single_file(values, "workloads/networks"));
  give(json, network_text(network), network_json(network));
  return 0;
}

po::options_description table1_options() {
  po::options_description options = network_options();
  options.add_options()("batch", po::value<std::int64_t>()->default_value(100)->value_name("N"),
                        "examples in a mini-batch")(
      "epochs", po::value<std::int64_t>()->default_value(1)->value_name("N_e"), "epochs")(
      "batches", po::value<std::int64_t>()->default_value(1)->value_name("N_b"),
      "mini-batches in an epoch")("literal", "the LEL row as printed, without N_b");
  return options;
}

int table1_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const auto positive = [&](const char* name) {
    const auto value = values[name].as<std::int64_t>();
    if (value < 1 || value > 1'000'000) {
      throw InputError(
          fmt::format("--{}: found {}; allowed: an integer from 1 to 1000000", name, value));
    }
    return static_cast<std::uint64_t>(value);
  };
  const Table1Scale scale{positive("batch"), positive("epochs"), positive("batches"),
                          values.count("literal") != 0};
  std::vector<workloads::Network> networks;
  std::vector<fs::path> paths = files(values, "workloads/networks");
  if (paths.empty()) {
    for (const std::string& name : paper_networks()) {
      paths.push_back(workloads::shared_folder() / "workloads" / "networks" / (name + ".yaml"));
    }
  }
  for (const fs::path& path : paths) networks.push_back(workloads::read_network(path));
  give(json, table1_text(networks, scale), table1_json(networks, scale));
  return 0;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all{
      {"figure6", "[--batch N] [--out DIR]",
       "reproduce Figure 6 of the paper: words and MACs of BP and local errors", figure6_options,
       figure6_command},
      {"run", "EXPERIMENT.yaml", "run one training step through the device and report its traffic",
       experiment_options, run_command},
      {"plan", "EXPERIMENT.yaml", "the planned counts, without running the device",
       experiment_options, plan_command},
      {"train", "EXPERIMENT.yaml [--epochs N]", "train with every value moving through the device",
       train_options, train_command},
      {"check", "[EXPERIMENT.yaml…] [--update] [--junit FILE]",
       "compare traffic counts with their baselines", check_options, check_command},
      {"network", "NETWORK.yaml", "shapes and counts of a network, layer by layer", network_options,
       network_command},
      {"table1", "[NETWORK.yaml…] [--literal]", "the closed forms of the paper's Table 1",
       table1_options, table1_command},
  };
  return all;
}

std::string general_help() {
  std::string text =
      "Spillway simulates the memory traffic of training neural networks on learning hardware.\n\n"
      "usage: spillway COMMAND [options]\n\ncommands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<8} {}\n", command.name, command.summary);
  }
  text += fmt::format(
      "\n`spillway COMMAND --help` tells its options. Files are YAML; a plain name stands for a\n"
      "shipped file. `spillway test` (from a checkout) builds and runs the tests.\n"
      "Exit codes: 0 ok, 1 a check failed, 2 bad input or usage.\n\n"
      "shipped experiments: {}\nshipped networks:    {}\nshipped devices:     {}\n",
      workloads::joined(workloads::shared_names("workloads/experiments")),
      workloads::joined(workloads::shared_names("workloads/networks")),
      workloads::joined(workloads::shared_names("models/devices")));
  return text;
}

std::string command_help(const Command& command) {
  const po::options_description all = command.options();
  po::options_description shown("options");
  for (const auto& option : all.options()) {
    if (option->long_name() != "file") shown.add(option);
  }
  return fmt::format("usage: spillway {} {}\n\n{}\n\n", command.name, command.usage,
                     command.summary) +
         (std::ostringstream() << shown).str();
}

std::vector<std::string> option_names(const po::options_description& options) {
  std::vector<std::string> names;
  for (const auto& option : options.options()) {
    if (option->long_name() != "file") names.push_back("--" + option->long_name());
  }
  return names;
}

int run_command_line(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    write_standard_output(general_help());
    return arguments.empty() ? 2 : 0;
  }
  if (arguments[0] == "--version") {
    write_standard_output(fmt::format("spillway {}\n", SPILLWAY_VERSION));
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name != arguments[0]) continue;
    const po::options_description options = command.options();
    po::options_description with_help = command.options();
    with_help.add_options()("help,h", "");
    po::positional_options_description positional;
    if (options.find_nothrow("file", false) != nullptr) positional.add("file", -1);
    po::variables_map values;
    try {
      po::store(po::command_line_parser(Arguments(arguments.begin() + 1, arguments.end()))
                    .options(with_help)
                    .positional(positional)
                    .style(po::command_line_style::default_style &
                           ~po::command_line_style::allow_guessing)
                    .run(),
                values);
      po::notify(values);
    } catch (const po::unknown_option& error) {
      throw InputError(
          fmt::format("{}: unknown option {}; allowed: {}{}", command.name, error.get_option_name(),
                      workloads::joined(option_names(options)),
                      workloads::did_you_mean(error.get_option_name(), option_names(options))));
    } catch (const po::error& error) {
      throw InputError(fmt::format("{}: {}; allowed: what `spillway {} --help` says", command.name,
                                   error.what(), command.name));
    }
    if (values.count("help") != 0) {
      write_standard_output(command_help(command));
      return 0;
    }
    return command.run(values);
  }
  throw InputError(fmt::format("found \"{}\"; allowed: the commands {}{}",
                               workloads::printable(arguments[0]), workloads::joined(names),
                               workloads::did_you_mean(arguments[0], names)));
}

}  // namespace

int command_line(const Arguments& arguments) {
  try {
    return run_command_line(arguments);
  } catch (const workloads::ConsistencyError& error) {
    std::cerr << "spillway: counts that must agree do not: " << error.what() << "\n";
    return 1;
  } catch (const std::bad_alloc&) {
    std::cerr << "spillway: not enough memory on this machine for what was asked\n";
    return 2;
  } catch (const std::exception& error) {
    std::cerr << "spillway: " << error.what() << "\n";
    return 2;
  }
}

}  // namespace spillway::analysis
