#include "analysis/commands/command.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>

#include "analysis/formats/output.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

bool Progress::is_terminal() { return isatty(STDERR_FILENO) != 0; }

void Progress::show(const std::string& text) {
  if (!terminal_) return;
  std::cerr << "\r\033[K" << text << std::flush;
  shown_ = true;
}

Progress::~Progress() {
  if (shown_) std::cerr << "\r\033[K" << std::flush;
}

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
      "policy", po::value<std::string>()->value_name("NAME"),
      "how the step is fitted to the device: paper, layer, best or best-recompute (as --set "
      "policy=NAME)")(
      "objective", po::value<std::string>()->value_name("NAME"),
      "what policies best and best-recompute minimise: words, bytes, time, energy "
      "or energy-delay (as --set objective=NAME; for run, train and plan time, else "
      "words)")("file", po::value<Arguments>()->value_name("EXPERIMENT.yaml"), "");
  return options;
}

namespace {

/// "YAML file of an experiment, or one of …"
std::string allowed_files(const std::string& folder) {
  const std::optional<workloads::FileKind> kind = workloads::kind_of_folder(folder);
  return fmt::format("YAML file{}, or one of {}", kind ? " of " + workloads::name_of(*kind) : "",
                     workloads::joined(workloads::shared_names(folder)));
}

/// A name that stands for nothing in the folder.
[[noreturn]] void refuse_name(const std::string& name, const std::string& folder) {
  const std::string kind = workloads::what_it_is(name);
  const Arguments experiments = folder == "workloads/experiments" && !kind.empty()
                                    ? workloads::experiments_of(name)
                                    : Arguments{};
  std::string allowed = "a " + allowed_files(folder);
  if (!experiments.empty()) {
    allowed = fmt::format("an experiment, with this network {}", workloads::joined(experiments));
  }
  const std::string hint =
      kind.empty() ? workloads::did_you_mean(name, workloads::shared_names(folder)) : "";
  throw workloads::InputError(fmt::format("found \"{}\"{}; allowed: {}{}",
                                          workloads::printable(name), kind, allowed, hint));
}

}  // namespace

std::vector<std::filesystem::path> files(const po::variables_map& values,
                                         const std::string& folder) {
  std::vector<std::filesystem::path> paths;
  if (values.count("file") == 0) return paths;
  for (const std::string& text : values["file"].as<Arguments>()) {
    const bool name = text.find('/') == std::string::npos && !text.ends_with(".yaml");
    const std::vector<std::string> shipped = workloads::shared_names(folder);
    if (!name || std::filesystem::is_regular_file(text)) {
      paths.emplace_back(text);
    } else if (std::find(shipped.begin(), shipped.end(), text) != shipped.end()) {
      paths.push_back(workloads::shared_folder() / folder / (text + ".yaml"));
    } else {
      refuse_name(text, folder);
    }
  }
  return paths;
}

std::filesystem::path single_file(const po::variables_map& values, const std::string& folder) {
  const Arguments given = values.count("file") != 0 ? values["file"].as<Arguments>() : Arguments{};
  if (given.size() != 1) {
    const std::string found =
        given.empty() ? "no file"
                      : fmt::format("{} files, {}", given.size(),
                                    workloads::printable(workloads::joined(given), 200));
    throw workloads::InputError(
        fmt::format("found {}; allowed: one {}", found, allowed_files(folder)));
  }
  return files(values, folder).front();
}

std::vector<workloads::Assignment> overrides_of(const po::variables_map& values) {
  const Arguments set = values.count("set") != 0 ? values["set"].as<Arguments>() : Arguments{};
  std::vector<workloads::Assignment> overrides(set.begin(), set.end());
  for (const char* key : {"policy", "objective"}) {
    if (values.count(key) == 0) continue;
    const std::string& value = values[key].as<std::string>();
    overrides.emplace_back(fmt::format("{}={}", key, value),
                           fmt::format("--{} {}", key, workloads::printable(value, 200)));
  }
  return overrides;
}

sim::Experiment experiment_of(const po::variables_map& values, sim::Objective usual) {
  return sim::read_experiment(single_file(values, "workloads/experiments"), overrides_of(values),
                              usual);
}

void reserve_output(const std::filesystem::path& target) {
  require_writable(target);
  if (target == "-") return;
  std::error_code error;
  const bool special =
      std::filesystem::exists(target, error) && !std::filesystem::is_regular_file(target, error);
  if (!special) workloads::will_write(target);
}

std::string json_target(const po::variables_map& values) { return target_of(values, "json"); }

std::string target_of(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return "";
  const auto target = values[option].as<std::string>();
  reserve_output(target);
  return target;
}

void give(const std::string& target, const std::string& text, const std::string& json) {
  if (target != "-") write_standard_output(text);
  if (!target.empty()) write_file(target, json);
}

std::filesystem::path output_folder(const po::variables_map& values,
                                    const std::vector<std::string>& names) {
  const std::filesystem::path out = values["out"].as<std::string>();
  std::error_code error;
  std::filesystem::create_directories(out, error);
  for (const std::string& name : names) reserve_output(out / name);
  return out;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> all = [] {
    std::vector<Command> list;
    for (const auto& family : {table_commands(), device_commands(), compare_commands(),
                               explore_commands(), sweep_commands(), training_commands(),
                               study_commands(), bench_commands(), dram_commands()}) {
      list.insert(list.end(), family.begin(), family.end());
    }
    return list;
  }();
  return all;
}

}  // namespace spillway::analysis
