// Commands that plan over a range of devices: explore-buffer.
#include <fmt/format.h>

#include <filesystem>
#include <iostream>
#include <optional>

#include "analysis/commands/command.hpp"
#include "analysis/commands/interrupts.hpp"
#include "analysis/commands/pace.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/explore_partial.hpp"
#include "analysis/formats/output.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/support/error.hpp"

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

/// Where an option says that a result goes, reserved; "" when it was not given.
std::string target_of(const po::variables_map& values, const char* option) {
  if (values.count(option) == 0) return "";
  const auto target = values[option].as<std::string>();
  reserve_output(target);
  return target;
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

int explore_buffer_command(const po::variables_map& values) {
  const std::vector<Bytes> sizes = parse_sizes(values["sizes"].as<std::string>());
  const std::int64_t batch = integer_option(values, "batch", 1, 100'000);
  const workloads::Network network =
      workloads::read_network(single_file(values, "workloads/networks"));
  const std::string json = json_target(values);
  const std::string csv = target_of(values, "csv"), svg = target_of(values, "svg");
  if ((json == "-") + (csv == "-") + (svg == "-") > 1) {
    throw workloads::InputError(
        "--json, --csv, --svg: \"-\" given more than once; allowed: one on standard output");
  }
  ExplorationOptions options;
  options.rules = names_option(values, "rule", usual_rules(), workloads::learning_rule_names());
  if (values.count("jobs") != 0) {
    options.jobs = static_cast<std::size_t>(integer_option(values, "jobs", 1, 1024));
  }
  std::optional<PartialExploration> partial = partial_of(csv, network, batch, sizes, options.rules);
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
  if (!csv.empty()) write_file(csv, exploration_csv(exploration));
  if (!svg.empty()) write_file(svg, exploration_svg(exploration));
  const std::string text = csv == "-" || svg == "-" ? "" : exploration_text(exploration);
  give(json, text, exploration_json(exploration));
  end_on_interrupt.reset();
  if (partial) partial->remove();
  return 0;
}

}  // namespace

std::vector<Command> explore_commands() {
  return {
      {"explore-buffer", "NETWORK.yaml [--sizes 16KiB..64MiB] [--batch N] [--rule RULE] [-j N]",
       "words against buffer size for BP, with and without recomputation, and LEL, or any rules",
       explore_buffer_options, explore_buffer_command},
  };
}

}  // namespace spillway::analysis
