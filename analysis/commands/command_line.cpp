#include "analysis/commands/command_line.hpp"

#include <fmt/format.h>

#include <iostream>

#include "analysis/commands/command.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/version.hpp"
#include "models/dram/device.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_use.hpp"
#include "workloads/support/nearest.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

using workloads::InputError;

/// "title:  a, b, c", in lines of at most 100 characters.
std::string listed(const std::string& title, const std::vector<std::string>& names) {
  constexpr std::size_t indent = 16, width = 100;
  std::string text, line = fmt::format("{:<{}}", title + ":", indent);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string word = names[i] + (i + 1 < names.size() ? "," : "");
    if (line.size() + word.size() > width) {
      text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
      line = std::string(indent, ' ');
    }
    line += word + " ";
  }
  return text + line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
}

std::string general_help() {
  std::string text =
      "Spillway simulates the memory traffic of training neural networks on learning hardware.\n\n"
      "usage: spillway COMMAND [options]\n\ncommands:\n";
  for (const Command& command : commands()) {
    text += fmt::format("  {:<14} {}\n", command.name, command.summary);
  }
  text += std::string(
      "\n`spillway COMMAND --help` tells its options. Files are YAML; a plain name stands for a\n"
      "shipped file. `spillway test` (from a checkout) builds and runs the tests.\n"
      "Exit codes: 0 ok, 1 a check failed, 2 bad input or usage, 130 interrupted.\n\n");
  text += listed("experiments", workloads::shared_names("workloads/experiments"));
  text += listed("networks", workloads::shared_names("workloads/networks"));
  text += listed("devices", workloads::shared_names("models/devices"));
  text += listed("DRAM devices", models::dram::dram_device_names());
  text += listed("technologies", workloads::shared_names("models/technologies"));
  text += listed("sweeps", workloads::shared_names("workloads/sweeps"));
  text += listed("studies", workloads::shared_names("analysis/studies"));
  text += listed("learning rules", workloads::learning_rule_names());
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

int run_command_line(const Arguments& arguments) {
  if (arguments.empty() || arguments[0] == "--help" || arguments[0] == "-h" ||
      arguments[0] == "help") {
    write_standard_output(general_help());
    return arguments.empty() ? 2 : 0;
  }
  if (arguments[0] == "--version") {
    write_standard_output(fmt::format("spillway {}\n", version()));
    return 0;
  }
  std::vector<std::string> names;
  for (const Command& command : commands()) {
    names.push_back(command.name);
    if (command.name != arguments[0]) continue;
    const po::variables_map values =
        parse_arguments(command, {arguments.begin() + 1, arguments.end()});
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
    workloads::forget_file_use();
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
