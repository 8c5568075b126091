// Commands that print tables and figures of counts: figure6, rules, items, network, table1,
// macs.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/commands/command.hpp"
#include "analysis/comparisons/published_macs.hpp"
#include "analysis/figures/figure6.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "analysis/figures/table1.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/graph_report.hpp"
#include "analysis/reports/report.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace {

po::options_description figure6_options() {
  po::options_description options = json_option();
  options.add_options()("batch", po::value<std::string>()->default_value("100")->value_name("N"),
                        "examples in the mini-batch")(
      "out", po::value<std::string>()->default_value(".")->value_name("DIR"),
      "folder for figure6.csv, figure6.json and figure6.svg (made when missing)");
  return options;
}

int figure6_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::int64_t batch = integer_option(values, "batch", 1, 100000);
  require_figure6_fits(batch);
  const std::filesystem::path out =
      output_folder(values, {"figure6.csv", "figure6.json", "figure6.svg"});
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

po::options_description network_options() {
  po::options_description options = json_option();
  options.add_options()("file", po::value<Arguments>()->value_name("NETWORK.yaml"), "");
  return options;
}

po::options_description drawn_network_options() {
  po::options_description options = network_options();
  options.add_options()("svg", po::value<std::string>()->value_name("FILE"),
                        "draw it, with its cuts and the blocks of local rules");
  return options;
}

int network_command(const po::variables_map& values) {
  const std::string json = json_target(values), svg = target_of(values, "svg");
  if (json == "-" && svg == "-") {
    throw workloads::InputError(
        "--json, --svg: \"-\" given twice; allowed: one on standard output");
  }
  const workloads::Network network =
      workloads::read_network(single_file(values, "workloads/networks"));
  if (!svg.empty()) write_file(svg, network_svg(network));
  if (svg == "-") return 0;
  give(json, network_text(network), network_json(network));
  return 0;
}

po::options_description table1_options() {
  po::options_description options = network_options();
  options.add_options()("batch", po::value<std::string>()->default_value("100")->value_name("N"),
                        "examples in a mini-batch")(
      "epochs", po::value<std::string>()->default_value("1")->value_name("N_e"), "epochs")(
      "batches", po::value<std::string>()->default_value("1")->value_name("N_b"),
      "mini-batches in an epoch")("literal", "the LEL row as printed, without N_b");
  return options;
}

int table1_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const auto positive = [&](const char* name) {
    return static_cast<std::uint64_t>(integer_option(values, name, 1, 1'000'000));
  };
  const Table1Scale scale{positive("batch"), positive("epochs"), positive("batches"),
                          values.count("literal") != 0};
  std::vector<workloads::Network> networks;
  std::vector<std::filesystem::path> paths = files(values, "workloads/networks");
  if (paths.empty()) {
    for (const std::string& name : paper_networks()) {
      paths.push_back(workloads::shared_folder() / "workloads" / "networks" / (name + ".yaml"));
    }
  }
  for (const std::filesystem::path& path : paths) networks.push_back(workloads::read_network(path));
  give(json, table1_text(networks, scale), table1_json(networks, scale));
  return 0;
}

po::options_description batch_options() {
  po::options_description options = json_option();
  options.add_options()("batch", po::value<std::string>()->default_value("100")->value_name("N"),
                        "examples in the mini-batch");
  return options;
}

int rules_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::int64_t batch = integer_option(values, "batch", 1, 100000);
  Progress progress;
  const std::vector<RuleCounts> rows =
      run_rules(batch, [&](const std::string& what) { progress.show("running " + what); });
  progress.show("");
  give(json, rules_text(rows, batch), rules_json(rows, batch));
  return std::ranges::all_of(rows, [](const RuleCounts& row) { return row.agrees(); }) ? 0 : 1;
}

po::options_description items_options() {
  po::options_description options = batch_options();
  options.add_options()("dropout", po::value<std::string>()->default_value("0")->value_name("P"),
                        "probability of dropout in every layer");
  return options;
}

int items_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::int64_t batch = integer_option(values, "batch", 1, 100000);
  const double dropout = number_option(values, "dropout", 0, 0.99);
  const std::vector<NetworkItems> networks = plan_items(batch, dropout);
  give(json, items_text(networks, batch), items_json(networks, batch));
  return 0;
}

int macs_command(const po::variables_map& values) {
  const std::string json = json_target(values);
  const std::vector<MacComparison> rows = compare_macs(read_published_macs(published_macs_file()));
  give(json, published_macs_text(rows), published_macs_json(rows));
  return std::ranges::all_of(rows, [](const auto& row) { return row.unexplained() == 0; }) ? 0 : 1;
}

}  // namespace

std::vector<Command> table_commands() {
  return {
      {"figure6", "[--batch N] [--out DIR]",
       "reproduce Figure 6 of the paper: words and MACs of BP and local errors", figure6_options,
       figure6_command},
      {"rules", "[--batch N]",
       "words and MACs of every learning rule on the paper's networks, run through the device",
       batch_options, rules_command},
      {"items", "[--batch N] [--dropout P]",
       "what the paper leaves out: the words that each item adds, by rule", items_options,
       items_command},
      {"network", "NETWORK.yaml", "shapes and counts of a network, layer by layer",
       drawn_network_options, network_command},
      {"table1", "[NETWORK.yaml…] [--literal]", "the closed forms of the paper's Table 1",
       table1_options, table1_command},
      {"macs", "",
       "MACs of BP of MLPerf Tiny's networks beside published ones, and why they differ",
       json_option, macs_command},
  };
}

}  // namespace spillway::analysis
