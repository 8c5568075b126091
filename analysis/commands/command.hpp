// What the commands of the command line share. Each family of commands is a file of this folder.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "sim/experiment.hpp"

namespace spillway::analysis {

namespace po = boost::program_options;
using Arguments = std::vector<std::string>;

struct Command {
  std::string name, usage, summary;
  po::options_description (*options)();
  /// Returns the exit code.
  int (*run)(const po::variables_map&);
};
/// In the order of the help text.
const std::vector<Command>& commands();

std::vector<Command> device_commands();    // run, plan, check
std::vector<Command> training_commands();  // train, infer
std::vector<Command> study_commands();     // reproduce
std::vector<Command> bench_commands();     // bench
std::vector<Command> table_commands();     // figure6, rules, items, network, table1, macs
std::vector<Command> compare_commands();   // diff, report
std::vector<Command> explore_commands();   // explore-buffer, locality
std::vector<Command> sweep_commands();     // sweep
std::vector<Command> dram_commands();      // dram, accuracy

/// A line on stderr that is overwritten by the next; only at a terminal.
class Progress {
 public:
  void show(const std::string& text);
  /// Somebody sees it: stderr is a terminal.
  bool is_shown() const { return terminal_; }
  ~Progress();

 private:
  bool terminal_ = is_terminal();
  bool shown_ = false;
  static bool is_terminal();
};

po::options_description json_option();
/// --json, --set and an experiment's file.
po::options_description experiment_options();

/// Positional file arguments; a name without slash or ending stands for a shipped file.
std::vector<std::filesystem::path> files(const po::variables_map& values,
                                         const std::string& folder);
std::filesystem::path single_file(const po::variables_map& values, const std::string& folder);
/// What --set, --policy and --objective lay over an experiment.
std::vector<workloads::Assignment> overrides_of(const po::variables_map& values);
/// Without an objective of its own it has the usual one.
sim::Experiment experiment_of(const po::variables_map& values,
                              sim::Objective usual = sim::Objective::words);

/// The options and files of a command. Throws InputError that names the option, the value found and
/// what is allowed.
po::variables_map parse_arguments(const Command& command, const Arguments& arguments);

/// A number as an option gives it, in a range.
double number_option(const po::variables_map& values, const std::string& name, double minimum,
                     double maximum);
/// The same of an integer.
std::int64_t integer_option(const po::variables_map& values, const std::string& name,
                            std::int64_t minimum, std::int64_t maximum);

/// --jobs: as many as there are cores when not given.
std::size_t jobs_option(const po::variables_map& values);
/// An option's name, which must be among `allowed`.
std::string name_option(const po::variables_map& values, const std::string& name,
                        const Arguments& allowed);
/// A repeated option of names, each once, or all of `usual` when it was not given; each must be
/// among `allowed`.
Arguments names_option(const po::variables_map& values, const std::string& name,
                       const Arguments& usual, const Arguments& allowed);

/// Note that a file is to be written, before anything runs; "-" is standard output. Throws
/// InputError when it cannot be, or is an input or another result.
void reserve_output(const std::filesystem::path& target);
/// Where --json writes, reserved; "" when it was not given.
std::string json_target(const po::variables_map& values);
/// The same of another option that names a file, e.g. "svg".
std::string target_of(const po::variables_map& values, const char* option);
/// The folder of --out, made when missing; each of `names` can be written there.
std::filesystem::path output_folder(const po::variables_map& values,
                                    const std::vector<std::string>& names);
/// Print text, and JSON where asked; JSON on standard output stands alone.
void give(const std::string& target, const std::string& text, const std::string& json);

}  // namespace spillway::analysis
