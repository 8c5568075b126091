// What `run` and `plan` say: times by layer, counts that differ, and settings that let a file stand
// alone.
#include <doctest/doctest.h>
#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <sstream>

#include "analysis/reports/count_differences.hpp"
#include "analysis/reports/report.hpp"
#include "analysis/reports/timing_report.hpp"
#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::run_report_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;
using workloads::Picoseconds;

namespace {

constexpr const char* network =
    "input: [1, 6, 6]\nclasses: 3\nlayers:\n  - {type: conv, out: 3, kernel: 3}\n"
    "  - {type: fc, out: 5}\n";
constexpr const char* experiment =
    "network: net.yaml\nrule: lel\ndevice: {base: dev.yaml, buffer: 8 KiB}\nbatch: 4\n"
    "data: random\nseed: 7\npolicy: best\noptimizer: {momentum: 0}\nidealisations: none\n";

/// The shipped device with a clock whose period is no whole number of ns.
std::string odd_device() {
  return "name: odd\nclock_mhz: 300\nbuffer: 1 MiB\nbuffer_port: 32\n"
         "array: {rows: 4, columns: 8, dataflow: weight-stationary}\ndram: ddr4-2400\n";
}

/// A shipped DRAM device without its currents.
std::string without_currents() {
  std::ifstream file(workloads::shared_folder() / "models" / "devices" / "dram" / "ddr4-2400.yaml");
  std::string text, line;
  bool inside = false;
  while (std::getline(file, line)) {
    inside = line == "currents:" || (inside && line.starts_with("  "));
    if (!inside) text += line + "\n";
  }
  return text;
}

void write_files(const TemporaryFolder& folder) {
  folder.write("net.yaml", network);
  folder.write("dev.yaml", odd_device());
  folder.write("e.yaml", experiment);
}

std::uint64_t picoseconds(const Json& ns) {
  return static_cast<std::uint64_t>(std::llround(ns.get<double>() * 1000));
}

/// The cells of a table's rows below a heading, as far as the line of dashes that ends them.
std::vector<std::vector<std::string>> table_rows(const std::string& text,
                                                 const std::string& title) {
  std::istringstream lines(text.substr(text.find(title)));
  std::string line;
  std::vector<std::vector<std::string>> rows;
  for (int rules = 0; rules < 2 && std::getline(lines, line);) {
    if (line.find("---") != std::string::npos) {
      ++rules;
    } else if (rules == 1) {
      rows.emplace_back();
      for (std::size_t at = line.find_first_not_of(' '); at != std::string::npos;) {
        const std::size_t end = std::min(line.find("  ", at), line.size());
        rows.back().push_back(line.substr(at, end - at));
        at = line.find_first_not_of(' ', end);
      }
    }
  }
  return rows;
}

std::string without_spaces(std::string text) {
  std::erase(text, ' ');
  return text;
}

}  // namespace

TEST_CASE("cycles of a column are rounded so that they add up to the cycles of its sum") {
  const auto column = [](std::initializer_list<std::uint64_t> times) {
    std::vector<Picoseconds> result;
    for (const std::uint64_t time : times) result.emplace_back(time);
    return result;
  };
  using Cycles = std::vector<std::uint64_t>;
  CHECK(analysis::cycles_that_add_up(column({1500, 1500, 1000}), Picoseconds(1000)) ==
        Cycles{2, 1, 1});
  CHECK(analysis::cycles_that_add_up(column({400, 400, 0, 400}), Picoseconds(1000)) ==
        Cycles{1, 0, 0, 1});
  CHECK(analysis::cycles_that_add_up(column({}), Picoseconds(1000)) == Cycles{});
}

TEST_CASE("run's times by layer add up to each engine's, in JSON and in the table beside it") {
  const TemporaryFolder folder;
  write_files(folder);
  const ProgramRun run = run_spillway({"run", "e.yaml", "--json", "r.json"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json result = parse_json(folder.read("r.json"));
  const Json& lines = result.at("time_by_layer");
  REQUIRE(lines.size() == 2 * 4);  // forward, loss, backward, update of two layers
  const auto rows = table_rows(run.out, "Time by layer and phase");
  REQUIRE(rows.size() == lines.size());
  std::size_t column = 2;
  for (const char* engine : {"load", "store", "compute", "generate"}) {
    CAPTURE(engine);
    std::uint64_t ps = 0, cycles = 0;
    for (std::size_t i = 0; i < lines.size(); ++i) {
      const Json& busy = lines[i].at(engine);
      ps += picoseconds(busy.at("busy_ns"));
      cycles += busy.at("busy_cycles").get<std::uint64_t>();
      CHECK(without_spaces(rows[i][column]) == busy.at("busy_cycles").dump());
      CHECK(without_spaces(rows[i][column + 8]) ==
            fmt::format("{:.3f}", busy.at("busy_ns").get<double>()));
    }
    const Json& all = result.at("engines").at(engine);
    CHECK(ps == picoseconds(all.at("busy_ns")));
    CHECK(cycles == all.at("busy_cycles").get<std::uint64_t>());
    ++column;
  }
  for (std::size_t i = 0; i < lines.size(); ++i) {
    const Json& line = lines[i];
    CHECK(rows[i][0] == line.at("layer"));
    CHECK(rows[i][1] == line.at("phase"));
    CHECK(without_spaces(rows[i][6]) == line.at("first_cycle").dump());
    CHECK(without_spaces(rows[i][7]) == line.at("last_cycle").dump());
    CHECK(line.at("first_cycle") <= line.at("last_cycle"));
    CHECK(line.at("last_cycle") < result.at("cycles"));
    CHECK(rows[i][8] == line.at("bound"));
    CHECK(line.contains("array_pct") == (rows[i][9] != "-"));
    if (line.at("phase") == "update") CHECK_FALSE(line.contains("array_pct"));
    if (line.at("phase") == "forward") CHECK(line.at("array_pct") > 0);
    CHECK(picoseconds(line.at("begin_ns")) / 3333 == line.at("first_cycle").get<std::uint64_t>());
  }
  CHECK(lines[0].at("layer") == "conv1");
  CHECK(lines[0].at("phase") == "forward");
  CHECK(lines[0].at("first_cycle") == 0);
}

TEST_CASE("each line in which plan and simulation differ is shown, the host port's too") {
  sim::Experiment experiment =
      test::experiment(workloads::make_network("mlp", {6, 1, 1}, 3, {test::fc(5)}), "lel", 4);
  sim::Simulation simulation(experiment, models::DeviceOptions{true, false});
  sim::Result result = simulation.run_step({});
  const std::string same = analysis::run_text(experiment, simulation.plan(), result);
  CHECK(same.find("agree in every line") != std::string::npos);
  CHECK(analysis::count_differences(simulation.plan(), result).empty());
  // Words that no plan knows of: in the last line of either port, and a MAC.
  const auto& lines = result.ledger.lines();
  std::size_t dram = lines.size(), host = lines.size();
  for (std::size_t i = 0; i < lines.size(); ++i) {
    (lines[i].key.port == models::Port::dram ? dram : host) = i;
  }
  REQUIRE(dram < lines.size());
  REQUIRE(host < lines.size());
  result.ledger.add(dram, workloads::Words(3), workloads::Bytes(12));
  result.ledger.add(host, workloads::Words(5000), workloads::Bytes(20'000));
  result.execution.macs += workloads::Macs(1);
  const auto differences = analysis::count_differences(simulation.plan(), result);
  REQUIRE(differences.size() == 3);
  const std::string text = analysis::run_text(experiment, simulation.plan(), result);
  CHECK(text.find("agree in every line") == std::string::npos);
  const auto rows = table_rows(text, "PLANNED AND SIMULATED COUNTS DIFFER in 3 lines");
  REQUIRE(rows.size() >= 3);
  for (std::size_t i = 0; i < 2; ++i) {
    REQUIRE(rows[i].size() == 8);
    CHECK(rows[i][0] == differences[i].port);
    CHECK(rows[i][1] == differences[i].layer);
    CHECK(rows[i][3] == differences[i].tensor);
    CHECK(without_spaces(rows[i][5]) == std::to_string(differences[i].planned));
    CHECK(without_spaces(rows[i][6]) == std::to_string(differences[i].simulated));
  }
  for (const std::size_t line : {dram, host}) {
    const sim::LedgerLine& found = lines[line];
    const std::string port = line == dram ? "DRAM" : "host";
    const auto at = std::ranges::find_if(
        differences, [&](const analysis::CountDifference& d) { return d.port == port; });
    REQUIRE(at != differences.end());
    CHECK(at->layer == found.layer);
    CHECK(at->tensor == to_string(found.key.tensor));
    CHECK(at->simulated == found.words.count());
    CHECK(at->planned == simulation.plan().ledger().lines()[line].words.count());
  }
  CHECK(text.find("+5 000\n") != std::string::npos);
  CHECK(text.find("+3\n") != std::string::npos);
  CHECK(text.find("+1\n") != std::string::npos);
  const Json written = parse_json(analysis::run_json(experiment, simulation.plan(), result));
  CHECK(written.at("planned_agrees") == false);
  CHECK(written.at("planned_differs").size() == 3);
  CHECK(written.at("planned_differs")[2].at("tensor") == "MACs");
}

TEST_CASE("the JSON of run and of plan says all that it was made with") {
  const TemporaryFolder folder;
  write_files(folder);
  for (const std::string command : {"run", "plan"}) {
    CAPTURE(command);
    const ProgramRun run = run_spillway({command, "e.yaml", "--json", "-", "--set",
                                         "rule.loss=square-hinge", "--set", "rule.base=lel"},
                                        folder.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    const Json result = parse_json(run.out);
    CHECK(result.at("schema") == 1);
    CHECK(result.at("command") == command);
    CHECK("spillway " + result.at("version").get<std::string>() + "\n" ==
          run_spillway({"--version"}, folder.path()).out);
    CHECK(result.at("experiment") == "e");
    CHECK(result.at("network") == "net");
    CHECK(result.at("rule") == "lel");
    CHECK(result.at("rule_options").at("loss") == "square-hinge");
    CHECK(result.at("batch") == 4);
    CHECK(result.at("seed") == 7);
    CHECK(result.at("policy") == "best");
    CHECK(result.at("objective") == "time");  // the usual one
    CHECK(result.at("optimizer").at("momentum") == 0.0);
    CHECK(result.at("idealisations").empty());
    CHECK(result.at("data").at("set") == "random");
    const Json& device = result.at("device");
    CHECK(device.at("name") == "odd");
    CHECK(device.at("file") == "dev.yaml");
    CHECK(device.at("clock_period_ps") == 3333);
    CHECK(device.at("array").at("rows") == 4);
    CHECK(device.at("array").at("columns") == 8);
    CHECK(device.at("array").at("dataflow") == "weight-stationary");
    CHECK(device.at("buffer_bytes") == 8192);
    CHECK(device.at("dram").at("name") == "ddr4-2400");
    CHECK(result.at("network_layers")[0].at("kernel") == Json{3, 3});
    CHECK(result.at("network_layers")[1].at("output") == Json{5, 1, 1});
  }
  const ProgramRun shipped = run_spillway({"plan", "mnist-mlp-lel", "--json", "-"}, folder.path());
  const Json device = parse_json(shipped.out).at("device");
  CHECK(device.at("file") == "models/devices/paper.yaml");
  CHECK(device.at("clock_mhz") == 1000.0);
}

TEST_CASE("an energy that is not known is null and says why") {
  const TemporaryFolder folder;
  write_files(folder);
  folder.write("dark.yaml", without_currents());
  const auto result = [&](const std::vector<std::string>& more) {
    std::vector<std::string> arguments{"run", "e.yaml", "--no-values", "--json", "r.json"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    const ProgramRun run = run_spillway(arguments, folder.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    return std::pair{parse_json(folder.read("r.json")).at("dram"), run.out};
  };
  const auto [dark, text] = result({"--set", "device.dram=dark.yaml"});
  CHECK(dark.at("energy_pJ").is_null());
  CHECK(dark.at("energy_pJ_per_bit").is_null());
  CHECK(dark.at("energy_missing") == "the DRAM device ddr4-2400 names no currents");
  CHECK(text.find("names no currents") != std::string::npos);
  const auto [known, other_text] = result({});
  CHECK(known.at("energy_pJ").at("total") > 0);
  CHECK_FALSE(known.contains("energy_missing"));
  CHECK(other_text.find("names no currents") == std::string::npos);
}

}  // namespace spillway::run_report_test
