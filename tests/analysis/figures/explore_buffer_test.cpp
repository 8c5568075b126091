// Words against the size of the buffer: options, reports and the bounds beside them.
#include "analysis/figures/explore_buffer.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <sstream>

#include "analysis/closed_forms/lower_bound.hpp"
#include "analysis/formats/output.hpp"
#include "sim/plan/reports/planned_macs.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/svg.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::explore_buffer_test {

using namespace workloads::literals;
using analysis::BufferBlock;
using analysis::BufferExploration;
using analysis::BufferPoint;
using analysis::BufferRow;
using analysis::Curve;
using test::ProgramRun;
using test::require_well_formed;
using test::run_spillway;
using workloads::Bytes;
using workloads::Macs;
using workloads::Words;

namespace {

constexpr const char* small_network =
    "input: [2, 6, 6]\nclasses: 3\nbatch_norm: true\nlayers:\n"
    "  - {type: conv, out: 4, kernel: 3, padding: same, max_pool: {kernel: 2}}\n"
    "  - {type: fc, out: 8}\n";

workloads::Network small() {
  return workloads::read_network(workloads::Config::from_text(small_network, "small.yaml"),
                                 "small");
}

std::vector<Bytes> bytes(std::initializer_list<std::uint64_t> counts) {
  std::vector<Bytes> sizes;
  for (const std::uint64_t count : counts) sizes.emplace_back(count);
  return sizes;
}

/// Rows of a CSV file without quotes, as maps from column to field.
std::vector<std::map<std::string, std::string>> csv_rows(const std::string& text) {
  const auto fields = [](const std::string& line) {
    std::vector<std::string> result;
    for (std::size_t begin = 0; begin <= line.size();) {
      const std::size_t end = std::min(line.find(',', begin), line.size());
      result.push_back(line.substr(begin, end - begin));
      begin = end + 1;
    }
    return result;
  };
  std::istringstream lines(text);
  std::string line;
  std::getline(lines, line);
  const std::vector<std::string> header = fields(line);
  std::vector<std::map<std::string, std::string>> rows;
  while (std::getline(lines, line)) {
    const std::vector<std::string> row = fields(line);
    REQUIRE(row.size() == header.size());
    rows.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) rows.back()[header[i]] = row[i];
  }
  return rows;
}

std::size_t occurrences(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = text.find(part); at != std::string::npos; at = text.find(part, at + 1)) {
    ++count;
  }
  return count;
}

/// An exploration of made-up numbers.
BufferExploration made_up(bool batch_norm) {
  const auto point = [](std::uint64_t reads, std::uint64_t writes) {
    return BufferPoint{Words(reads), Words(writes),   "",
                       Bytes(0),     Macs(5'000'000), Macs(reads * 10'000)};
  };
  const BufferPoint refused{Words(0), Words(0), "too small: allowed: at least 96 bytes",
                            96_B,     Macs(0),  Macs(0)};
  BufferExploration exploration{"a <net> & more",
                                7,
                                60_words,
                                70_words,
                                200_words,
                                {{"bp", 300_words}, {"lel", 150_words}},
                                analysis::curves_of({"bp", "lel"}),
                                {}};
  for (int b = 0; b <= (batch_norm ? 1 : 0); ++b) {
    exploration.blocks.push_back(
        {b == 1,
         {{64_B,
           {refused, refused, point(400, 100), point(400, 100)},
           310_words,
           {260_words, 240_words}},
          {1_KiB,
           {point(500, 100), point(350, 100), point(200, 100), point(200, 100)},
           250_words,
           {250_words, 240_words}}}});
  }
  return exploration;
}

}  // namespace

TEST_CASE("sizes are a list of sizes and ranges of powers of two") {
  CHECK(analysis::parse_sizes("16KiB..64KiB") == bytes({16384, 32768, 65536}));
  CHECK(analysis::parse_sizes("20 KiB .. 100 KiB") == bytes({32768, 65536}));
  CHECK(analysis::parse_sizes("1KiB..1KiB") == bytes({1024}));
  CHECK(analysis::parse_sizes("1 MiB, 100,1KiB..2KiB, 2KiB") ==
        bytes({100, 1024, 2048, 1024 * 1024}));
  CHECK(analysis::parse_sizes("16KiB..64MiB").size() == 13);
  CHECK(analysis::parse_sizes("16KB, 16K, 0.1MiB") == bytes({16000, 16384, 104856}));
  for (const char* wrong : {"", "64MiB..16KiB", "33KiB..63KiB", "16kB", "0", "3", "16KiB..",
                            "..16KiB", "1KiB,,2KiB", "-5", "1..2..3", "16KiB...64KiB"}) {
    CAPTURE(wrong);
    CHECK_THROWS_AS(analysis::parse_sizes(wrong), workloads::InputError);
  }
  CHECK(analysis::size_name(16_KiB) == "16 KiB");
  CHECK(analysis::size_name(1536_KiB) == "1536 KiB");
  CHECK(analysis::size_name(2_MiB) == "2 MiB");
  CHECK(analysis::size_name(1001_B) == "1001 B");
}

TEST_CASE("explore-buffer refuses bad options in one line before anything is written") {
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const Case cases[] = {
      {{"mnist-mpl"}, {"mnist-mpl", "did you mean \"mnist-mlp\""}},
      {{}, {"one YAML file", "mnist-mlp"}},
      {{"small.yaml", "--sizes", "16kb"}, {"--sizes", "16kb", "16KiB", "did you mean \"16KB\""}},
      {{"small.yaml", "--sizes", "64KiB..16KiB"}, {"--sizes", "64KiB..16KiB", "smaller"}},
      {{"small.yaml", "--size", "16KiB"}, {"--size", "did you mean \"--sizes\""}},
      {{"small.yaml", "--batch", "0"}, {"--batch", "found 0", "from 1"}},
      {{"small.yaml", "--batch", "x"}, {"--batch"}},
      {{"small.yaml", "--svg", "no/such/folder/x.svg"}, {"no/such/folder", "existing folder"}},
      {{"small.yaml", "--svg", "out.json"}, {"out.json"}},
      {{"small.yaml", "--csv", "small.yaml"}, {"small.yaml"}},
      {{"small.yaml", "--csv", "-", "--svg", "-"}, {"standard output"}},
  };
  for (const Case& c : cases) {
    const test::TemporaryFolder folder;
    folder.write("small.yaml", small_network);
    std::vector<std::string> arguments{"explore-buffer", "--json", "out.json"};
    arguments.insert(arguments.end(), c.arguments.begin(), c.arguments.end());
    const ProgramRun run = run_spillway(arguments, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    for (const std::string& word : c.words) CHECK(run.err.find(word) != std::string::npos);
    CHECK(folder.files() == std::vector<std::string>{"small.yaml"});
    CHECK(folder.read("small.yaml") == small_network);
  }
}

TEST_CASE("table and CSV and JSON of an exploration hold the same numbers" *
          test::slow_if_sanitized) {
  const test::TemporaryFolder folder;
  folder.write("small.yaml", small_network);
  const std::string sizes = test::sanitized ? "16,1KiB" : "16,1KiB..4KiB";
  const ProgramRun run =
      run_spillway({"explore-buffer", "small.yaml", "--sizes", sizes, "--batch", "4", "--csv",
                    "out.csv", "--json", "out.json", "--svg", "out.svg"},
                   folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.err == "");
  const Json exploration = parse_json(folder.read("out.json"));
  const auto rows = csv_rows(folder.read("out.csv"));
  REQUIRE(rows.size() == 2 * test::cases(4, 2));  // without and with batch-norm
  REQUIRE(exploration.at("rows").size() == rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) {
    const Json& row = exploration.at("rows")[r];
    const auto field = [&](const std::string& name) { return rows[r].at(name); };
    CAPTURE(row.dump());
    CHECK(field("network") == "small");
    CHECK(field("batch_norm") == (row.at("batch_norm").get<bool>() ? "true" : "false"));
    CHECK(row.at("batch_norm") == (r >= rows.size() / 2));
    CHECK(field("buffer_bytes") == row.at("buffer_bytes").dump());
    CHECK(field("forward_alone_words") == row.at("forward_alone_words").dump());
    CHECK(field("compulsory_words") == exploration.at("compulsory_words").dump());
    CHECK(field("table1_bp_words") == exploration.at("table1_words").at("bp").dump());
    CHECK(field("table1_lel_words") == exploration.at("table1_words").at("lel").dump());
    const bool refused = row.at("buffer_bytes") == 16;
    for (const std::string curve : {"bp", "bp_recompute", "lel", "lel_recompute"}) {
      const Json& point = row.at(curve);
      CHECK(point.contains("refused") == refused);
      if (refused) {
        CHECK(field(curve + "_words") == "");
        CHECK(field(curve + "_macs") == "");
        CHECK(field(curve + "_macs_again") == "");
        CHECK(field(curve + "_smallest_bytes") == point.at("smallest_bytes").dump());
        continue;
      }
      CHECK(field(curve + "_words") == point.at("words").dump());
      CHECK(field(curve + "_macs") == point.at("macs").dump());
      CHECK(field(curve + "_macs_again") == point.at("macs_again").dump());
      CHECK(field(curve + "_reads") == point.at("reads").dump());
      CHECK(field(curve + "_writes") == point.at("writes").dump());
      CHECK(point.at("words") ==
            point.at("reads").get<std::uint64_t>() + point.at("writes").get<std::uint64_t>());
      CHECK(run.out.find(analysis::grouped(point.at("words").get<std::uint64_t>())) !=
            std::string::npos);
    }
    CHECK(row.contains("bp_over_lel") == !refused);
    CHECK(row.contains("bp_recompute_over_lel_recompute") == !refused);
    CHECK((field("bp_over_lel") == "") == refused);
    if (refused) continue;
    const double lel = row.at("lel").at("words").get<double>();
    CHECK(row.at("bp_over_lel") == doctest::Approx(row.at("bp").at("words").get<double>() / lel));
    CHECK(std::stod(field("bp_recompute_over_lel_recompute")) ==
          doctest::Approx(row.at("bp_recompute").at("words").get<double>() /
                          row.at("lel_recompute").at("words").get<double>()));
    for (const std::string rule : {"bp", "lel"}) {
      CHECK(field(rule + "_bound_words") == row.at(rule + "_bound_words").dump());
      CHECK(row.at(rule).at("words") >= row.at(rule + "_bound_words"));
    }
  }
  CHECK(run.out.find("too small") != std::string::npos);
  require_well_formed(folder.read("out.svg"));
}

TEST_CASE("an exploration is the plan of an experiment in the setting that it states" *
          test::slow_if_sanitized) {
  const BufferExploration exploration = analysis::explore_buffer(small(), 4, bytes({1024}));
  REQUIRE(exploration.blocks.size() == 2);
  const test::TemporaryFolder folder;
  folder.write("small.yaml", small_network);
  const auto experiment = folder.write(
      "e.yaml",
      "network: {base: small.yaml}\nrule: bp\ndevice: {base: paper, buffer: 1 KiB}\nbatch: 4\n"
      "data: random\noptimizer: {momentum: 0}\npolicy: best\nidealisations: []\n");
  for (const BufferBlock& block : exploration.blocks) {
    for (std::size_t c = 0; c < exploration.curves.size(); ++c) {
      const Curve& curve = exploration.curves[c];
      const sim::Plan plan = sim::make_plan(sim::read_experiment(
          experiment, {fmt::format("network.batch_norm={}", block.batch_norm), "rule=" + curve.rule,
                       curve.recompute ? "policy=best-recompute" : "policy=best"}));
      const BufferPoint& point = block.rows.front().points[c];
      CHECK(point.reads == plan.ledger().total(models::Port::dram, sim::Direction::read));
      CHECK(point.writes == plan.ledger().total(models::Port::dram, sim::Direction::write));
      CHECK(point.macs == planned_macs(plan).macs);
      CHECK(point.recomputed == planned_macs(plan).recomputed);
    }
  }
}

TEST_CASE("a larger buffer moves no more words and none moves fewer than every word once" *
          test::slow_if_sanitized) {
  const BufferExploration exploration =
      analysis::explore_buffer(small(), 4, analysis::parse_sizes("512..1MiB"));
  CHECK(exploration.compulsory == exploration.images + 2 * exploration.weights);
  for (const BufferBlock& block : exploration.blocks) {
    for (std::size_t c = 0; c < exploration.curves.size(); ++c) {
      for (std::size_t r = 0; r < block.rows.size(); ++r) {
        const BufferPoint& point = block.rows[r].points[c];
        CAPTURE(point.refusal);
        REQUIRE(point.planned());
        CHECK(point.words() >= exploration.compulsory);
        const Words bound = block.rows[r].bounds[exploration.rule_of(c)];
        if (!exploration.curves[c].recompute) CHECK(point.words() >= bound);
        if (r > 0) CHECK(point.words() <= block.rows[r - 1].points[c].words());
      }
      CHECK(block.rows.back().points[c].words() ==
            block.rows.back().bounds[exploration.rule_of(c)]);
    }
  }
}

TEST_CASE("a buffer that is too small is refused with a size that works") {
  const BufferExploration tried = analysis::explore_buffer(small(), 4, bytes({16, 4096}));
  for (const BufferBlock& block : tried.blocks) {
    CHECK_FALSE(tried.ratios(block.rows[0]));
    CHECK(tried.ratios(block.rows[1]));
    for (std::size_t c = 0; c < tried.curves.size(); ++c) {
      const BufferPoint& point = block.rows[0].points[c];
      REQUIRE_FALSE(point.planned());
      CHECK(point.refusal.find("too small") != std::string::npos);
      const BufferExploration enough = analysis::explore_buffer(small(), 4, {point.smallest});
      CHECK(enough.blocks[block.batch_norm].rows[0].points[c].planned());
    }
  }
}

TEST_CASE("memory has room for any network") {
  // 10 GB of images.
  const workloads::Network network =
      workloads::make_network("large", {1, 128, 128}, 3, {test::conv(1, 1)});
  const BufferExploration exploration =
      analysis::explore_buffer(network, 150'000, bytes({1 << 20}));
  for (const BufferPoint& point : exploration.blocks[0].rows[0].points) {
    CAPTURE(point.refusal);
    CHECK(point.words() >= exploration.images);
  }
}

TEST_CASE("no ratio stands alone") {
  const BufferExploration exploration = made_up(false);
  CHECK_FALSE(exploration.ratios(exploration.blocks[0].rows[0]));
  const auto ratios = exploration.ratios(exploration.blocks[0].rows[1]);
  REQUIRE(ratios);
  REQUIRE(ratios->size() == 2);
  CHECK(ratios->at(0) == doctest::Approx(2));    // BP's
  CHECK(ratios->at(1) == doctest::Approx(1.5));  // recomputing
  const std::string text = analysis::exploration_text(exploration);
  CHECK(occurrences(text, "refused") == 2 + 2);  // words, MACs
  CHECK(text.find("2.000") != std::string::npos);
  CHECK(text.find("1.500") != std::string::npos);
  CHECK(text.find("3.5 (+233.33 %)") != std::string::npos);  // 3.5 million beside 1.5
  CHECK(text.find("batch-norm\n\n") == std::string::npos);   // one block, no heading
}

TEST_CASE("the figure is well formed with one block and with two and with a single size") {
  const std::string one = analysis::exploration_svg(made_up(false));
  const std::string two = analysis::exploration_svg(made_up(true));
  CHECK(one == analysis::exploration_svg(made_up(false)));
  for (const std::string& svg : {one, two}) require_well_formed(svg);
  CHECK(one.find("a &lt;net&gt; &amp; more") != std::string::npos);
  // Four curves of words, the bound of the forward pass, two of ratios.
  CHECK(occurrences(one, "<polyline") == 7);
  CHECK(occurrences(two, "<polyline") == 14);
  CHECK(occurrences(two, "with batch-norm") == 1);
  BufferExploration single = made_up(false);
  single.blocks[0].rows.erase(single.blocks[0].rows.begin() + 1);
  require_well_formed(analysis::exploration_svg(single));
}

TEST_CASE("a Table 1 far above the plans' ratios does not flatten their panel") {
  BufferExploration exploration = made_up(false);  // ratios 2 and 1.5, Table 1 says 2
  const std::string near = analysis::exploration_svg(exploration);
  CHECK(near.find(">Table 1: 2.00<") != std::string::npos);
  exploration.rules[0].second = Words(122 * 150);
  const std::string far = analysis::exploration_svg(exploration);
  require_well_formed(far);
  CHECK(far.find(">Table 1: 122.00, above this panel<") != std::string::npos);
  // The axis of ratios still ends at 2, in steps of 0.2.
  CHECK(far.find(">1.8<") != std::string::npos);
  for (const char* label : {">3<", ">20<", ">50<", ">100<", ">125<"}) {
    CAPTURE(label);
    CHECK(far.find(label) == std::string::npos);
  }
  exploration.rules[0].second = Words(15);  // and one far below
  const std::string below = analysis::exploration_svg(exploration);
  CHECK(below.find(">Table 1: 0.10, below this panel<") != std::string::npos);
}

TEST_CASE("any rules are compared, with the last one") {
  analysis::ExplorationOptions options;
  options.rules = {"lel-tlc", "dfa"};
  const BufferExploration exploration =
      analysis::explore_buffer(small(), 4, bytes({4096}), options);
  CHECK(exploration.curves ==
        std::vector<Curve>{{"lel-tlc", false}, {"lel-tlc", true}, {"dfa", false}, {"dfa", true}});
  CHECK(exploration.reference(0) == 2);
  CHECK(exploration.reference(1) == 3);
  const auto ratios = exploration.ratios(exploration.blocks[0].rows[0]);
  REQUIRE(ratios);
  const auto words = [&](std::size_t c) {
    return static_cast<double>(exploration.blocks[0].rows[0].points[c].words().count());
  };
  CHECK(*ratios == std::vector<double>{words(0) / words(2), words(1) / words(3)});
  const std::string csv = analysis::exploration_csv(exploration);
  CHECK(csv.find(",lel_tlc_over_dfa,lel_tlc_recompute_over_dfa_recompute,") != std::string::npos);
  CHECK(csv.find(",closed_form_lel_tlc_words,closed_form_dfa_words\n") != std::string::npos);
  CHECK(csv_rows(csv).size() == 2);
  const Json json = parse_json(analysis::exploration_json(exploration));
  CHECK(json.at("closed_form_words").at("lel_tlc") == exploration.rules[0].second->count());
  CHECK_FALSE(json.contains("table1_words"));
  const std::string text = analysis::exploration_text(exploration);
  CHECK(text.find("no schedule of LEL-TLC or DFA avoids") != std::string::npos);
  CHECK(text.find("Closed forms, without images: LEL-TLC ") != std::string::npos);
  require_well_formed(analysis::exploration_svg(exploration));
  CHECK_THROWS_AS(analysis::curves_of({"bpp"}), workloads::InputError);
}

TEST_CASE("one rule alone has no ratios but to itself") {
  analysis::ExplorationOptions options;
  options.rules = {"lel"};
  const BufferExploration alone = analysis::explore_buffer(small(), 4, bytes({4096}), options);
  CHECK(alone.compared().empty());
  CHECK(alone.ratios(alone.blocks[0].rows[0])->empty());
  CHECK_FALSE(alone.closed_form_ratio());
  CHECK(analysis::exploration_csv(alone).find("_over_") == std::string::npos);
  require_well_formed(analysis::exploration_svg(alone));
}

TEST_CASE(
    "the planner moves no fewer words in the forward pass than the bound where layers run "
    "alone") {
  for (const std::uint64_t buffer : {600, 2000, 8000, 64'000}) {
    workloads::Network network = small();
    for (workloads::Layer& layer : network.layers) layer.batch_norm = false;
    sim::Experiment experiment = test::experiment(network, "bp", 16);
    experiment.policy = sim::Policy::layer;
    experiment.device.buffer = Bytes(buffer);
    experiment.idealisations = sim::Idealisations::none();
    Words words;
    const sim::Plan plan = sim::make_plan(experiment);
    for (const sim::LedgerLine& line : plan.ledger().lines()) {
      const bool forward = line.key.phase == workloads::Phase::forward;
      const bool readout = line.key.item == sim::Item::readout_layer;
      if (forward && !readout) words += line.words;
    }
    CHECK(words >= analysis::forward_alone_words(network, 16, Words(buffer / 4)));
  }
}

TEST_CASE("the larger networks have the shapes that their files state") {
  const auto network = [](const std::string& name) {
    return workloads::read_network(workloads::shared_folder() / "workloads" / "networks" /
                                   (name + ".yaml"));
  };
  const workloads::Network vgg = network("vgg16");
  CHECK(vgg.layers.size() == 15);
  CHECK(vgg.layers[12].output == workloads::ImageShape{512, 7, 7});
  // The published 138 344 128 weights are these and the readout's 4096 x 1000.
  CHECK(vgg.weights() == Words(138'344'128 - 4096 * 1000));
  const workloads::Network chain = network("resnet-chain");
  CHECK(chain.layers.size() == 17);
  CHECK(chain.layers[0].output == workloads::ImageShape{64, 56, 56});
  CHECK(chain.layers[16].output == workloads::ImageShape{512, 7, 7});
  CHECK(chain.weights() == Words(10'994'880));
}

}  // namespace spillway::explore_buffer_test
