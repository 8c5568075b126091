// The locality dial: what its points are, its reports and its options.
#include "analysis/figures/locality.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>

#include "analysis/closed_forms/graph_form.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/output.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "sim/run/training.hpp"
#include "tests/support/build.hpp"
#include "tests/support/hand_schedules.hpp"
#include "tests/support/printed.hpp"
#include "tests/support/random_experiment.hpp"
#include "tests/support/random_graph.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/svg.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::locality_test {

using namespace workloads::literals;
using analysis::Locality;
using analysis::LocalityRow;
using sim::Direction;
using sim::Policy;
using test::printed;
using test::TemporaryFolder;
using test::TextTable;
using workloads::Bytes;
using workloads::Words;

namespace {

constexpr const char* small_network =
    "input: [2, 6, 6]\nclasses: 3\nlayers:\n"
    "  - {type: conv, out: 4, kernel: 3, padding: same}\n"
    "  - {type: conv, out: 4, kernel: 3, padding: same, relu: false}\n"
    "  - {type: add, from: [conv2, conv1]}\n"
    "  - {type: fc, out: 8}\n";
constexpr const char* small_experiment =
    "network: {base: net.yaml}\nrule: {base: lel-tlc, classifier_rate: 0.01}\n"
    "device: {base: paper, buffer: 1 KiB}\nbatch: 4\ndata: {base: random, train: 40, test: 40}\n";

const TemporaryFolder& with_files(const TemporaryFolder& folder) {
  folder.write("net.yaml", small_network);
  folder.write("e.yaml", small_experiment);
  return folder;
}

Words words_of(const sim::Plan& plan) { return Words(test::moved_words(plan)); }

}  // namespace

TEST_CASE("the dial goes from the natural blocks to one and then to backpropagation") {
  const Locality locality =
      analysis::explore_locality(analysis::plain_experiment(test::residual_network(), 3),
                                 {2_KiB, 64_KiB}, {.rule = "lel-scfb"});
  const auto natural = static_cast<int>(natural_blocks(test::residual_network()).size());
  REQUIRE(natural > 1);
  REQUIRE(locality.settings.size() == static_cast<std::size_t>(natural) + 1);
  REQUIRE(locality.rows.size() == 2 * locality.settings.size());
  for (std::size_t i = 0; i < locality.rows.size(); ++i) {
    const LocalityRow& row = locality.rows[i];
    const auto at = static_cast<int>(i % locality.settings.size());
    CHECK(row.setting.blocks == (at < natural ? std::optional(natural - at) : std::nullopt));
    CHECK(row.setting.rule == (at < natural ? "lel-scfb" : "bp"));
    CHECK(row.buffer == (i < locality.settings.size() ? 2_KiB : 64_KiB));
  }
  CHECK(analysis::setting_title(locality.rows[0].setting) ==
        analysis::counted(static_cast<std::uint64_t>(natural), "block"));
  CHECK(analysis::setting_title(locality.rows.back().setting) == "BP");
}

TEST_CASE("a point of the dial is the plan of an experiment with so many blocks" *
          test::slow_if_sanitized) {
  const TemporaryFolder folder;
  with_files(folder);
  const auto path = folder.path() / "e.yaml";
  for (const Policy policy : {Policy::best, Policy::layer}) {
    sim::Experiment dialled = sim::read_experiment(path);
    dialled.policy = policy;
    const Locality locality =
        analysis::explore_locality(dialled, {1_KiB, 6_KiB}, {.rule = "lel-tlc", .jobs = 1});
    for (const LocalityRow& row : locality.rows) {
      const std::string rule =
          row.setting.blocks ? fmt::format("{{base: lel-tlc, classifier_rate: 0.01, blocks: {}}}",
                                           *row.setting.blocks)
                             : "bp";
      const sim::Plan plan = sim::make_plan(
          sim::read_experiment(path, {"rule=" + rule, "policy=" + sim::to_string(policy),
                                      fmt::format("device.buffer={}", row.buffer.count())}));
      CAPTURE(rule);
      REQUIRE(row.point.planned());
      CHECK(row.words() == words_of(plan));
      CHECK(row.point.reads == plan.ledger().total(models::Port::dram, Direction::read));
      CHECK(row.point.host_writes == plan.ledger().total(models::Port::host, Direction::write));
      CHECK(row.point.macs == planned_macs(plan).macs);
      CHECK(row.point.readout == planned_macs(plan).readout);
      CHECK(row.point.recomputed == planned_macs(plan).recomputed);
    }
  }
}

TEST_CASE("under policy paper every setting of the dial has the words of its closed form") {
  sim::Experiment experiment = test::experiment(test::residual_network(), "lel", 5);
  experiment.policy = Policy::paper;
  const Locality locality = analysis::explore_locality(experiment, {4_MiB});
  for (const LocalityRow& row : locality.rows) {
    CAPTURE(analysis::setting_title(row.setting));
    workloads::RuleOptions options;
    options.block_count = row.setting.blocks;
    const auto form = analysis::graph_words(experiment.network, row.setting.rule, options, 5);
    REQUIRE(row.point.planned());
    CHECK(row.point.reads == form.reads);
    CHECK(row.point.writes == form.writes);
    CHECK(row.point.macs == analysis::graph_macs(experiment.network, row.setting.rule, options, 5));
  }
}

TEST_CASE("what is alive at once is a buffer in which nothing crosses the border twice" *
          test::slow_if_sanitized) {
  const sim::Experiment experiment = analysis::plain_experiment(test::residual_network(), 3);
  for (const LocalityRow& row : analysis::explore_locality(experiment, {64_KiB}).rows) {
    sim::Experiment planned = analysis::at_setting(experiment, row.setting);
    planned.policy = Policy::best;
    planned.device.buffer = 2 * row.need;  // room for what no placement fills
    CAPTURE(analysis::setting_title(row.setting));
    CHECK(row.once == Words(test::compulsory_words(planned)));
    CHECK(words_of(sim::make_plan(planned)) == row.once);
  }
}

TEST_CASE("what is alive at once follows the largest block") {
  const workloads::Network network = workloads::make_network(
      "chain", {1, 1, 16}, 3, {test::fc(16), test::fc(16), test::fc(16), test::fc(16)});
  sim::Experiment experiment = analysis::plain_experiment(network, 50);
  experiment.policy = Policy::best;
  const Locality locality = analysis::explore_locality(experiment, {1_MiB});
  REQUIRE(locality.settings.size() == 5);
  const auto need = [&](std::size_t row) { return locality.rows[row].need; };
  CHECK(need(1) > need(0));   // 2, 1 and 1 layers
  CHECK(need(2) == need(1));  // 2 and 2
  CHECK(need(3) > need(2));   // 4
  CHECK(need(4) == need(3));  // BP
  CHECK_FALSE(locality.searched_alike);
  experiment.policy = Policy::layer;
  CHECK(analysis::explore_locality(experiment, {1_MiB}).searched_alike);
}

TEST_CASE("table and CSV and JSON of the dial hold the same numbers" * test::slow_if_sanitized) {
  const TemporaryFolder folder;
  const test::Printed dial =
      printed(with_files(folder), {"locality", "e.yaml", "--sizes", "64,1000,8K", "--epochs", "1",
                                   "--csv", "x.csv", "--svg", "x.svg", "-j", "2"});
  const TextTable csv = test::csv_table(folder.read("x.csv"));
  REQUIRE(dial.tables.size() == 1);
  const TextTable& table = dial.tables[0];
  const Json& rows = dial.result.at("rows");
  REQUIRE(rows.size() == 3 * 4);
  REQUIRE(csv.rows.size() == rows.size());
  REQUIRE(table.rows.size() == rows.size());
  CHECK(dial.result.at("rule") == "lel-tlc");
  CHECK(dial.result.at("epochs") == 1);
  int refused = 0;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const Json& row = rows[i];
    CAPTURE(row.dump());
    for (const auto& [key, value] : row.items()) {
      if (key == "refused") continue;
      CHECK(csv.column(key)[i] == (value.is_string() ? value.get<std::string>() : value.dump()));
    }
    CHECK(csv.column("network")[i] == "e");
    CHECK(workloads::parse_size(table.column("buffer")[i])->count() == row.at("buffer_bytes"));
    CHECK(test::shows(table.column("test %")[i], 100 * row.at("test_accuracy").get<double>()));
    if (row.contains("refused")) {
      CHECK(table.column("words")[i] == "-");
      CHECK(csv.column("words")[i] == "");
      CHECK(dial.text.find(row.at("refused").get<std::string>()) != std::string::npos);
      ++refused;
      continue;
    }
    for (const auto& [column, key, factor] : {std::tuple{"DRAM read", "dram_read_words", 1.0},
                                              {"DRAM written", "dram_write_words", 1.0},
                                              {"host read", "host_read_words", 1.0},
                                              {"host written", "host_write_words", 1.0},
                                              {"words", "words", 1.0},
                                              {"/ BP's", "words_over_bp", 1.0},
                                              {"once", "once_words", 1.0},
                                              {"million MACs", "macs", 1e-6},
                                              {"done again", "macs_again", 1e-6}}) {
      CAPTURE(column);
      CHECK(test::shows(table.column(column)[i], factor * row.at(key).get<double>()));
    }
    CHECK(row.at("words") ==
          row.at("dram_read_words").get<int>() + row.at("dram_write_words").get<int>() +
              row.at("host_read_words").get<int>() + row.at("host_write_words").get<int>());
  }
  CHECK(refused == 4);
  CHECK_FALSE(rows.back().contains("blocks"));
  CHECK(table.column("errors")[3] == "BP");
  test::require_well_formed(folder.read("x.svg"));
}

TEST_CASE("accuracy along the dial is that of training so many blocks") {
  const TemporaryFolder folder;
  with_files(folder);
  const sim::Experiment dialled = sim::read_experiment(folder.path() / "e.yaml");
  const Locality locality =
      analysis::explore_locality(dialled, {1_KiB}, {.rule = "lel-tlc", .epochs = 2});
  for (const LocalityRow& row : locality.rows) {
    sim::Experiment trained = analysis::at_setting(dialled, row.setting);
    trained.training.epochs = 2;
    sim::TrainingOptions direct;
    direct.direct = true;
    const auto result = sim::train(trained, sim::load_data(trained), direct);
    CHECK(row.accuracy == result.state.history.back().test_accuracy.back());
  }
}

TEST_CASE("locality refuses bad options in one line before anything is written") {
  struct Case {
    std::vector<std::string> arguments, words;
  };
  const Case cases[] = {
      {{"resnet81"}, {"resnet81", "did you mean \"resnet8\""}},
      {{}, {"one YAML file", "resnet18"}},
      {{"net.yaml", "--sizes", "16kb"}, {"--sizes", "16kb", "did you mean \"16KB\""}},
      {{"net.yaml", "--rule", "bp"}, {"--rule", "found \"bp\"", "lel-scfb"}},
      {{"net.yaml", "--policy", "bset"}, {"--policy", "did you mean \"best\""}},
      {{"net.yaml", "--batch", "0"}, {"--batch", "found 0"}},
      {{"e.yaml", "--epochs", "0"}, {"--epochs", "found 0"}},
      {{"net.yaml", "--epochs", "1"}, {"--epochs", "beside an experiment"}},
      {{"net.yaml", "--set", "batch=3"}, {"--set", "beside an experiment"}},
      {{"e.yaml", "--set", "bach=3"}, {"bach", "did you mean \"batch\""}},
      {{"e.yaml", "--epochs", "1", "--batch", "50"}, {"40", "50"}},
      {{"net.yaml", "--csv", "-", "--svg", "-"}, {"standard output"}},
      {{"net.yaml", "--svg", "no/such/folder/x.svg"}, {"no/such/folder"}},
  };
  for (const Case& c : cases) {
    const TemporaryFolder folder;
    with_files(folder);
    std::vector<std::string> arguments{"locality", "--json", "out.json"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    const test::ProgramRun run = test::run_spillway(arguments, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::ranges::count(run.err, '\n') == 1);
    for (const std::string& word : c.words) CHECK(run.err.find(word) != std::string::npos);
    CHECK(folder.files() == std::vector<std::string>{"e.yaml", "net.yaml"});
  }
}

TEST_CASE("the figure of the dial has a curve of words for each size") {
  Locality locality =
      analysis::explore_locality(analysis::plain_experiment(test::residual_network(), 3),
                                 {64_B, 8_KiB, 64_KiB});  // the first is too small
  const auto curves = [](const std::string& svg) {
    std::size_t count = 0;
    for (std::size_t at = svg.find("<polyline"); at != std::string::npos;
         at = svg.find("<polyline", at + 1)) {
      ++count;
    }
    return count;
  };
  const std::string svg = analysis::locality_svg(locality);
  test::require_well_formed(svg);
  CHECK(curves(svg) == 2 + 2);  // and MACs, memory
  locality.epochs = 1;
  for (LocalityRow& row : locality.rows) row.accuracy = 0.5;
  CHECK(curves(analysis::locality_svg(locality)) == 2 + 3);
  locality.rows.resize(locality.settings.size());  // nothing planned
  test::require_well_formed(analysis::locality_svg(locality));
}

}  // namespace spillway::locality_test
