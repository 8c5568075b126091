// The summary that run and plan begin with: what was minimised, what bound the step, what it cost.
#include "analysis/reports/cost_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>

#include "sim/run/simulation.hpp"
#include "tests/support/build.hpp"
#include "tests/support/printed.hpp"
#include "tests/support/program.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"

namespace spillway::cost_report_test {

using test::printed;
using test::Printed;
using test::run_spillway;
using test::table_with;
using test::TemporaryFolder;
using test::TextTable;

namespace {

constexpr const char* experiment =
    "network: {input: [2, 8, 8], classes: 4, layers: [{type: conv, out: 6, kernel: 3}, "
    "{type: fc, out: 20}]}\n"
    "rule: lel\ndevice: {base: paper, buffer: 8KiB}\nbatch: 10\npolicy: best\n"
    "data: {base: random, train: 60, test: 20}\n";

const std::vector<std::string> keys{"words", "bus_bytes", "time_ms", "energy_mj"};

void require_column(const TextTable& table, const std::string& heading, const Json& cost) {
  const std::vector<std::string> cells = table.column(heading);
  REQUIRE(cells.size() == 5);
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CAPTURE(keys[i]);
    CHECK(test::shows(cells[i], cost.at(keys[i]).get<double>()));
  }
  CHECK(
      test::shows(cells[4], cost.at("energy_mj").get<double>() * cost.at("time_ms").get<double>()));
}

}  // namespace

TEST_CASE("run begins with its cost, estimated and simulated, as its JSON has it") {
  TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const Printed run = printed(folder, {"run", "e.yaml", "--no-values", "--objective", "time"});
  const Json& result = run.result;
  CHECK(result.at("objective") == "time");
  CHECK(run.text.find("\nPolicy best minimises time.\n") != std::string::npos);
  CHECK(run.text.find("-bound: ") < run.text.find("deviation"));
  REQUIRE(run.tables.at(0).header.at(0) == "cost");
  const TextTable& costs = run.tables[0];
  require_column(costs, "estimated", result.at("estimated"));
  require_column(costs, "simulated", result.at("simulated"));
  for (std::size_t i = 0; i < keys.size(); ++i) {
    CAPTURE(keys[i]);
    const double planned = result.at("estimated").at(keys[i]).get<double>();
    const double found = result.at("simulated").at(keys[i]).get<double>();
    CHECK(test::shows(costs.column("deviation")[i], 100 * (planned / found - 1)));
  }
  // The same numbers stand elsewhere in the result.
  const Json& simulated = result.at("simulated");
  const Json& dram = result.at("dram");
  const auto sum = [](const Json& of, const char* a, const char* b) {
    return of.at(a).get<double>() + of.at(b).get<double>();
  };
  CHECK(simulated.at("words") == sum(dram, "read_words", "write_words") +
                                     sum(result.at("host"), "read_words", "write_words"));
  CHECK(simulated.at("bus_bytes") == sum(dram, "read_bytes", "write_bytes"));
  CHECK(simulated.at("time_ms").get<double>() ==
        doctest::Approx(result.at("time_ns").get<double>() * 1e-6));
  CHECK(simulated.at("energy_mj").get<double>() ==
        doctest::Approx((dram.at("energy_pJ").at("total").get<double>() +
                         dram.at("io_energy_pJ").get<double>()) *
                        1e-9));
  // Words are no estimate.
  CHECK(result.at("estimated").at("words") == simulated.at("words"));
}

TEST_CASE("plan begins with the estimate that run sets beside what was simulated") {
  TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const Printed plan = printed(folder, {"plan", "e.yaml", "--objective", "bytes"});
  CHECK(plan.text.find("\nPolicy best minimises bytes on the DRAM bus.\n") != std::string::npos);
  const TextTable& costs = plan.tables.at(0);
  REQUIRE(costs.header == std::vector<std::string>{"cost", "unit", "estimated"});
  require_column(costs, "estimated", plan.result.at("estimated"));
  const Printed run = printed(folder, {"run", "e.yaml", "--no-values", "--objective", "bytes"});
  CHECK(plan.result.at("estimated") == run.result.at("estimated"));
  CHECK_FALSE(plan.result.contains("simulated"));
}

TEST_CASE("policies that ignore the objective say so") {
  TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  for (const std::string policy : {"paper", "layer"}) {
    const auto plan = [&](const std::string& objective) {
      return printed(folder, {"plan", "e.yaml", "--policy", policy, "--objective", objective,
                              "--set", "device.buffer=1MiB"});
    };
    const Printed words = plan("words"), time = plan("time");
    CHECK(time.text.find("Policy " + policy + " ignores the objective, time.\n") !=
          std::string::npos);
    CHECK(time.result.at("estimated") == words.result.at("estimated"));
    CHECK(time.result.at("ledger") == words.result.at("ledger"));
  }
}

TEST_CASE("without currents there is no energy, and no plan for the least of it") {
  TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const std::vector<std::string> dark{"--set", "device.dram=lpddr5-6400"};
  for (const std::string command : {"run", "plan"}) {
    const Printed result = printed(folder, {command, "e.yaml", dark[0], dark[1]});
    CHECK(result.result.at("estimated").at("energy_mj").is_null());
    CHECK(result.result.at("estimated").at("time_ms") > 0);
    CHECK(result.tables.at(0).rows.size() == 3);
    CHECK(result.text.find("the DRAM device lpddr5-6400 names no currents") != std::string::npos);
  }
  for (const std::string objective : {"energy", "energy-delay"}) {
    const test::ProgramRun run =
        run_spillway({"run", "e.yaml", dark[0], dark[1], "--objective", objective}, folder.path());
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(run.err == "spillway: --objective " + objective + ": objective: found \"" + objective +
                         "\"; allowed: words, bytes or time, as lpddr5-6400 states no currents to "
                         "count energy by\n");
  }
  folder.write("energy.yaml", experiment + std::string("objective: energy\n"));
  const test::ProgramRun run =
      run_spillway({"plan", "energy.yaml", dark[0], dark[1]}, folder.path());
  CHECK(run.exit_code == 2);
  CHECK(run.err.starts_with("spillway: "));
  CHECK(run.err.find("energy.yaml:7: objective: found \"energy\"; allowed: words, bytes or time") !=
        std::string::npos);
  CHECK(run_spillway({"plan", "energy.yaml"}, folder.path()).exit_code == 0);
}

TEST_CASE("the ledger is printed when it is asked for, its sums always") {
  TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  for (const std::string command : {"run", "plan"}) {
    const Printed brief = printed(folder, {command, "e.yaml"});
    const Printed all = printed(folder, {command, "e.yaml", "--ledger"});
    CHECK(brief.result.at("ledger") == all.result.at("ledger"));
    const auto has_ledger = [](const Printed& of) {
      return std::ranges::any_of(of.tables, [](const TextTable& t) { return t.has("tensor"); });
    };
    CHECK_FALSE(has_ledger(brief));
    CHECK(has_ledger(all));
    const std::size_t at = brief.text.find("  DRAM: ");
    REQUIRE(at != std::string::npos);
    CHECK(test::shows(brief.text.substr(at + 8), brief.result.at("dram").at("read_words")));
    CHECK(brief.text.find("  host: ") != std::string::npos);
  }
}

}  // namespace spillway::cost_report_test
