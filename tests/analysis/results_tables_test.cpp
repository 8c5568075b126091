// The tables of commands that run long, from results made up here with no two figures alike, beside
// their JSON and CSV.
#include <doctest/doctest.h>

#include "analysis/benchmarks/dram_bench.hpp"
#include "analysis/benchmarks/plan_bench.hpp"
#include "analysis/benchmarks/train_bench.hpp"
#include "analysis/figures/figure6.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "analysis/studies/study.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::results_tables_test {

using test::shows;
using test::TextTable;

TEST_CASE("the tables of figure6 say what its JSON and CSV say") {
  analysis::Figure6 figure{7, {}, {}};
  std::uint64_t next = 1'000'000;
  for (const char* network : {"a", "b"}) {
    for (const char* direction : {"read", "write", "macs"}) {
      figure.rows.push_back({network, "bp", direction, next, next + 20, next + 310});
      next += 1'234'567;
    }
  }
  const std::vector<TextTable> tables = test::text_tables(analysis::figure6_text(figure));
  const Json rows = parse_json(analysis::figure6_json(figure)).at("rows");
  const TextTable csv = test::csv_table(analysis::figure6_csv(figure));
  REQUIRE(tables.size() == 2);
  std::size_t words = 0, macs = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json& row = rows[i];
    const bool is_macs = row.at("direction") == "macs";
    const TextTable& table = tables[is_macs ? 1 : 0];
    const std::size_t line = is_macs ? macs++ : words++;
    for (const char* key : {"network", "rule", "direction"}) {
      CHECK(csv.column(key)[i] == row.at(key).get<std::string>());
      if (table.has(key)) CHECK(table.column(key)[line] == row.at(key).get<std::string>());
    }
    for (const char* key : {"paper", "planned", "simulated"}) {
      CHECK(shows(table.column(key)[line], row.at(key)));
      CHECK(shows(csv.column(key)[i], row.at(key)));
    }
    CHECK(table.column("plan - paper")[line] == "+20");
    CHECK(table.column("sim - plan")[line] == "+290");
  }
}

TEST_CASE("the table of rules says what its JSON says") {
  const std::vector<analysis::RuleCounts> counts{
      {"a", "bp", 1001, 502, 3'300'000, 1001, 502, 3'300'000, 1001, 502, 3'300'000, 17, 1.5},
      {"a", "lel", 2001, 603, 4'400'000, 2001, 603, 4'400'000, 2004, 605, 4'500'000, 19, 2.5}};
  const TextTable table = test::text_tables(analysis::rules_text(counts, 7)).at(0);
  const Json rows = parse_json(analysis::rules_json(counts, 7)).at("rows");
  REQUIRE(table.rows.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(table.column("network")[i] == rows[i].at("network").get<std::string>());
    CHECK(table.column("rule")[i] == rows[i].at("rule").get<std::string>());
    CHECK(shows(table.column("words read")[i], rows[i].at("read_words").at("simulated")));
    CHECK(shows(table.column("words written")[i], rows[i].at("write_words").at("simulated")));
    CHECK(shows(table.column("MACs (millions)")[i],
                rows[i].at("macs").at("simulated").get<double>() / 1e6));
    CHECK(shows(table.column("random words made")[i], rows[i].at("generated_words")));
    CHECK(table.column("planned")[i] == (i == 0 ? "agrees" : "DIFFERS"));
    CHECK(table.column("closed form")[i] == (rows[i].at("agree") ? "agrees" : "DIFFERS"));
  }
}

TEST_CASE("the tables of items say what their JSON says") {
  const std::vector<std::string> rules{"bp", "fa", "lel"};
  const std::vector<analysis::NetworkItems> networks{
      {"a",
       rules,
       {900, 800, 700},
       1.29,
       {{"labels", {10, 20, 30}, 1.25}, {"seeds", {4, 5, 6}, 1.2}}},
      {"b", rules, {91, 82, 73}, 1.24, {{"labels", {11, 22, 33}, 0.96}}}};
  const std::vector<TextTable> tables = test::text_tables(analysis::items_text(networks, 7));
  const Json result = parse_json(analysis::items_json(networks, 7)).at("networks");
  REQUIRE(tables.size() == 2);
  for (std::size_t n = 0; n < 2; ++n) {
    const Json& network = result[n];
    CHECK(tables[n].header.front() == network.at("network").get<std::string>());
    CHECK(tables[n].rows.size() == 1 + network.at("items").size());
    for (std::size_t i = 0; i < tables[n].rows.size(); ++i) {
      const Json& of = i == 0 ? network : network.at("items")[i - 1];
      if (i > 0) CHECK(tables[n].rows[i][0] == of.at("item").get<std::string>());
      for (const std::string& rule : rules) {
        CHECK(shows(tables[n].column(rule)[i], of.at(i == 0 ? "counted" : "words").at(rule)));
      }
      CHECK(shows(tables[n].column("BP / LEL")[i], of.at("bp_over_lel")));
    }
  }
}

TEST_CASE("the tables of a study say what its JSON and CSV say") {
  analysis::StudyResult result;
  result.study = {"s", "title", 100, 4, {}, 3, 60, {}};
  result.study.rows = {{"BP", "x/one.yaml", {}, {98.8}, {{97.1}, {97.4}}},
                       {"LEL", "x/two.yaml", {}, {97.8, 98.2}, {{96.1, 95.2}}}};
  result.setting.epochs = 3;
  result.setting.seeds = 2;
  result.train_images = 60;
  result.test_images = 20;
  result.outcomes = {{{"readout"},
                      {{91.25, 92.75}},
                      {{93.1, 94.3}},
                      {1000, 600, 30, 40, 5'000'000, 7'000'000'000, 10},
                      {{{90, 91.25}, {91, 92.75}}},
                      2},
                     {{"fc1", "fc2"},
                      {{81.5, 82.5}, {83.1, 83.9}},
                      {{84.1, 85.3}, {86.1, 87.5}},
                      {2000, 800, 50, 60, 9'000'000, 8'000'000'000, 20},
                      {},
                      4}};
  const std::vector<TextTable> tables = test::text_tables(analysis::study_text(result));
  const Json rows = parse_json(analysis::study_json(result)).at("rows");
  const TextTable csv = test::csv_table(analysis::study_csv(result));
  REQUIRE(tables.size() == 2);
  REQUIRE(tables[0].rows.size() == 3);
  std::size_t line = 0;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    for (const Json& decision : rows[r].at("decisions")) {
      CAPTURE(line);
      CHECK(tables[0].column("decision at")[line] == decision.at("layer").get<std::string>());
      CHECK(csv.column("decision")[line] == decision.at("layer").get<std::string>());
      double train = 0;
      for (const Json& seed : decision.at("train")) train += seed.get<double>() / 2;
      CHECK(shows(tables[0].column("paper %")[line], decision.at("paper")));
      CHECK(shows(tables[0].column("test %")[line], decision.at("test_mean")));
      CHECK(shows(tables[0].column("spread")[line], decision.at("test_spread")));
      CHECK(shows(tables[0].column("train %")[line], train));
      CHECK(shows(tables[0].column("test - paper")[line],
                  decision.at("test_mean").get<double>() - decision.at("paper").get<double>()));
      CHECK(shows(tables[0].column("PyTorch %")[line], decision.at("pytorch")));
      CHECK(shows(tables[0].column("test - PyTorch")[line],
                  decision.at("test_mean").get<double>() - decision.at("pytorch").get<double>()));
      CHECK(shows(csv.column("paper")[line], decision.at("paper")));
      CHECK(shows(csv.column("test_mean")[line], decision.at("test_mean")));
      CHECK(shows(csv.column("test_spread")[line], decision.at("test_spread")));
      CHECK(shows(csv.column("train_mean")[line], train));
      CHECK(shows(csv.column("pytorch")[line], decision.at("pytorch")));
      CHECK(csv.column("seeds")[line] == "2");
      CHECK(csv.column("epochs")[line] == "3");
      CHECK(csv.column("train_images")[line] == "60");
      CHECK(csv.column("rule")[line] == rows[r].at("rule").get<std::string>());
      CHECK(csv.column("experiment")[line] == rows[r].at("experiment").get<std::string>());
      ++line;
    }
    const double steps = rows[r].at("steps");
    const Json& dram = rows[r].at("dram");
    CHECK(tables[1].column("rule")[r] == rows[r].at("rule").get<std::string>());
    const double epochs = rows[r].at("epochs");
    CHECK(shows(tables[1].column("steps")[r], steps / epochs));
    CHECK(shows(tables[1].column("words read")[r], dram.at("read_words").get<double>() / epochs));
    CHECK(
        shows(tables[1].column("words written")[r], dram.at("write_words").get<double>() / epochs));
    CHECK(shows(tables[1].column("MACs (millions)")[r],
                rows[r].at("macs").get<double>() / epochs / 1e6));
    CHECK(shows(tables[1].column("time (ms)")[r],
                rows[r].at("time_ns").get<double>() / epochs / 1e6));
  }
}

TEST_CASE("the tables of the three benches say what their JSON says") {
  const analysis::BenchResult timed{
      "machine", 100, {{"a", "bp", {1.1, 1.3}, {2.7, 2.9}, 1.9}, {"b", "lel", {4.1}, {9.3}, 3.3}}};
  const TextTable steps = test::text_tables(analysis::bench_text(timed)).at(0);
  const Json rows = parse_json(analysis::bench_json(timed)).at("rows");
  REQUIRE(steps.header.size() == 9);
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const double direct = rows[i].at("direct_ms"), device = rows[i].at("device_ms"),
                 pytorch = rows[i].at("pytorch_ms");
    CHECK(steps.column("network")[i] == rows[i].at("network").get<std::string>());
    CHECK(steps.column("rule")[i] == rows[i].at("rule").get<std::string>());
    CHECK(shows(steps.column("direct ms")[i], direct));
    CHECK(shows(steps.column("device ms")[i], device));
    CHECK(shows(steps.column("device / direct")[i], device / direct));
    CHECK(shows(steps.column("PyTorch ms")[i], pytorch));
    CHECK(shows(steps.column("direct / PyTorch")[i], direct / pytorch));
    // Each verdict stands behind the ratio that it is about: all of these miss or meet theirs.
    CHECK(steps.rows[i][5].starts_with("missed"));
    CHECK(steps.rows[i][8].starts_with("missed") == (direct / pytorch > 0.65));
  }

  analysis::DramBench bursts;
  bursts.patterns = {"a_seq_rd", "g_rand_rd"};
  bursts.rows = {{"x", {234.9e6, 7.7e6}}, {"y", {68.1e6, 8.5e6}}};
  const TextTable speeds = test::text_tables(analysis::dram_bench_text(bursts)).at(0);
  const Json burst_rates = parse_json(analysis::dram_bench_json(bursts));
  for (const Json& row : burst_rates.at("rows")) {
    const std::size_t line = row.at("device") == "x" ? 0 : 1;
    CHECK(speeds.column("device")[line] == row.at("device").get<std::string>());
    CHECK(shows(speeds.column(row.at("pattern").get<std::string>())[line],
                row.at("bursts_per_cpu_s").get<double>() / 1e6));
  }

  analysis::PlanBench plans;
  plans.sizes = {workloads::Bytes(16384), workloads::Bytes(1 << 20)};
  plans.rows = {{"a", "bp", {0.25, 1.75}}, {"a", "lel", {std::nullopt, 3.5}}};
  const TextTable seconds = test::text_tables(analysis::plan_bench_text(plans)).at(0);
  const Json plan_times = parse_json(analysis::plan_bench_json(plans));
  for (const Json& row : plan_times.at("rows")) {
    const std::size_t line = row.at("buffer_bytes") == 16384 ? 0 : 1;
    CHECK(workloads::parse_size(seconds.column("buffer")[line])->count() ==
          row.at("buffer_bytes").get<std::uint64_t>());
    const std::string cell = seconds.column(row.at("network").get<std::string>() + " " +
                                            row.at("rule").get<std::string>())[line];
    if (row.at("cpu_s").is_null()) CHECK(cell == "too small");
    if (!row.at("cpu_s").is_null()) CHECK(shows(cell, row.at("cpu_s")));
  }
}

}  // namespace spillway::results_tables_test
