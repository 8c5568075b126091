// Commands that plan over a range of devices: explore-buffer.
#include <fmt/format.h>

#include "analysis/commands/command.hpp"
#include "analysis/explore_buffer.hpp"
#include "analysis/output.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

po::options_description explore_buffer_options() {
  po::options_description options = json_option();
  options.add_options()(
      "sizes", po::value<std::string>()->default_value("16KiB..64MiB")->value_name("SIZES"),
      "sizes of the buffer: A..B for the powers of two from A to B, or a list with commas (KiB and "
      "K are 1024 bytes, KB 1000)")(
      "batch", po::value<std::string>()->default_value("100")->value_name("N"),
      "examples in the mini-batch")("csv", po::value<std::string>()->value_name("FILE"),
                                    "write the result as CSV; - for standard output")(
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
  Progress progress;
  const BufferExploration exploration = explore_buffer(
      network, batch, sizes, [&](std::size_t number, std::size_t of, const std::string& what) {
        progress.show(fmt::format("planning {} of {}: {}", number, of, what));
      });
  progress.show("");
  if (!csv.empty()) write_file(csv, exploration_csv(exploration));
  if (!svg.empty()) write_file(svg, exploration_svg(exploration));
  const std::string text = csv == "-" || svg == "-" ? "" : exploration_text(exploration);
  give(json, text, exploration_json(exploration));
  return 0;
}

}  // namespace

std::vector<Command> explore_commands() {
  return {
      {"explore-buffer", "NETWORK.yaml [--sizes 16KiB..64MiB] [--batch N]",
       "words against buffer size for BP, with and without recomputation, and LEL",
       explore_buffer_options, explore_buffer_command},
  };
}

}  // namespace spillway::analysis
