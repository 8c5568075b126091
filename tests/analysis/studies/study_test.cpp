// Studies: what the rows of the paper's tables come to.
#include "analysis/studies/study_run.hpp"

#include <doctest/doctest.h>

#include "sim/plan/plan.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::study_test {

using analysis::Study;
using analysis::StudyResult;
using analysis::StudySetting;

namespace {

Study shipped_study(const std::string& name) {
  return analysis::read_study(workloads::shared_folder() / "analysis" / "studies" /
                              (name + ".yaml"));
}

/// Mean test accuracy of a row at a decision.
double accuracy(const StudyResult& result, const std::string& label, std::size_t decision) {
  for (std::size_t r = 0; r < result.study.rows.size(); ++r) {
    if (result.study.rows[r].label == label) {
      return analysis::mean(result.outcomes[r].test.at(decision));
    }
  }
  FAIL("no row " << label);
  return 0;
}

}  // namespace

TEST_CASE("every row of every shipped study is an experiment that can be planned") {
  const std::vector<std::string> names = workloads::shared_names("analysis/studies");
  CHECK(names.size() == 6);
  std::size_t rows = 0;
  for (const std::string& name : names) {
    const Study study = shipped_study(name);
    for (const analysis::StudyRow& row : study.rows) {
      CAPTURE(name);
      CAPTURE(row.label);
      const sim::Experiment experiment = analysis::row_experiment(study, row, study.usual, 1);
      const std::size_t decisions =
          workloads::learning_rule(experiment.rule).local ? experiment.network.layers.size() : 1;
      CHECK((row.paper.empty() || row.paper.size() == decisions));
      for (const std::vector<double>& seed : row.pytorch) CHECK(seed.size() == decisions);
      CHECK_NOTHROW(sim::make_plan(experiment));
      ++rows;
    }
  }
  CHECK(rows > 40);
}

TEST_CASE("the paper's number of epochs keeps its schedule and fewer shorten it") {
  const Study study = shipped_study("table2");
  StudySetting setting = study.usual;
  setting.epochs = study.paper_epochs;
  CHECK(study.paper_epochs == 100);
  CHECK(analysis::row_experiment(study, study.rows[0], setting, 1).schedule.description() ==
        "divided by 5 every 25 epochs");
  setting.epochs = 4;
  const sim::RateSchedule schedule =
      analysis::row_experiment(study, study.rows[0], setting, 1).schedule;
  CHECK(schedule.factor(1) == 1);
  CHECK(schedule.factor(2) == doctest::Approx(0.2));
  CHECK(schedule.factor(3) == doctest::Approx(0.04));
}

TEST_CASE("on the shipped images the rules come in the order that the paper found") {
  const Study study = shipped_study("mnist-short");
  StudySetting setting = study.usual;
  setting.direct = true;
  const StudyResult result = analysis::run_study(study, setting);
  CHECK(result.train_images == 5000);
  for (std::size_t layer = 0; layer < 3; ++layer) {
    CAPTURE(layer);
    const double sym = accuracy(result, "LEL (SYM)", layer);
    CHECK(sym > 90);
    CHECK(accuracy(result, "LEL (SCFB)", layer) > sym - 3);
    CHECK(accuracy(result, "LEL (TLC)", layer) > sym);
    CHECK(accuracy(result, "LEL, independent K", layer) < 35);
  }
  CHECK(accuracy(result, "BP", 0) > accuracy(result, "LEL (SYM)", 2));
  CHECK(accuracy(result, "BP", 0) > accuracy(result, "FA", 0));
}

TEST_CASE("a small study gives a table and files that agree") {
  const test::TemporaryFolder folder;
  folder.write("study.yaml",
               "title: \"A & B <small>\"\npaper_epochs: 9\npaper_seeds: 2\n"
               "default: {epochs: 2, seeds: 2, subset: 300, test: 100}\n"
               "rows:\n"
               "  - {label: \"SYM, with \\\"marks\\\"\", experiment: mnist-mlp-lel, paper: [97.8, "
               "98.2, 98.2],\n     set: [network=mnist-mlp-256]}\n"
               "  - {label: BP, experiment: mnist-mlp-bp, paper: [98.8], set: "
               "[network=mnist-mlp-256]}\n");
  const test::ProgramRun run =
      test::run_spillway({"reproduce", "study.yaml", "--out", "o"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.err.find("about ") != std::string::npos);
  CHECK(run.out.find("97.8") != std::string::npos);
  const auto json = parse_json(folder.read("o/study.json"));
  CHECK(json.at("rows").size() == 2);
  CHECK(json.at("rows")[0].at("decisions").size() == 3);
  CHECK(json.at("rows")[0].at("decisions")[0].at("test").size() == 2);
  // 3 steps of 100 an epoch, 2 epochs, 2 seeds; |P| of the network is 331 776.
  CHECK(json.at("rows")[0].at("steps") == 12);
  CHECK(json.at("rows")[0].at("dram").at("read_words") == 12 * 331776);
  const std::string csv = folder.read("o/study.csv"), svg = folder.read("o/study.svg");
  CHECK(std::count(csv.begin(), csv.end(), '\n') == 5);
  CHECK(csv.find("\"SYM, with \"\"marks\"\"\",mnist-mlp-lel,fc1,97.8,") != std::string::npos);
  CHECK(svg.find("A &amp; B &lt;small&gt;") != std::string::npos);
  const std::string curves = folder.read("o/study-curves.svg");
  for (const char* part : {"A &amp; B &lt;small&gt;", "SYM, with", "fc1 ", "fc2 ", "fc3 ",
                           "readout alone", "BP, for comparison", "<polyline"}) {
    CAPTURE(part);
    CHECK(curves.find(part) != std::string::npos);
  }
  for (const char* part : {">97.8<", ">98.8<", ">fc3<", ">BP<", "after 9 epochs"}) {
    CAPTURE(part);
    CHECK(svg.find(part) != std::string::npos);
  }
  // Continued from checkpoints it prints the same.
  const auto again = [&] {
    return test::run_spillway(
        {"reproduce", "study.yaml", "--out", "o", "--checkpoints", "c", "--direct"}, folder.path());
  };
  const std::string first = again().out;
  CHECK(again().out == first);
}

TEST_CASE("a study that is wrong is refused with the file and the key at fault") {
  const test::TemporaryFolder folder;
  const std::string rest = "default: {epochs: 1, seeds: 1}\nrows:\n";
  const std::pair<const char*, std::vector<std::string>> cases[] = {
      {"  - {label: x, experiment: mnist-mlp-lell}\n",
       {"s.yaml:4", "experiment", "mnist-mlp-lell"}},
      {"  - {label: x, experiment: mnist-mlp-lel, papers: [1]}\n", {"s.yaml:4", "papers", "paper"}},
      {"  - {label: x, experiment: mnist-mlp-lel, paper: [101]}\n", {"s.yaml:4", "101"}},
      {"  - {label: x, experiment: mnist-mlp-lel, set: [batch=none]}\n",
       {"s.yaml:4: rows[0].set[0]: batch=none: ", "found \"none\""}},
      {"  []\n", {"s.yaml:", "rows"}},
  };
  for (const auto& [rows, words] : cases) {
    folder.write("s.yaml", "title: t\n" + rest + rows);
    const test::ProgramRun run = test::run_spillway({"reproduce", "s.yaml"}, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out.empty());
    for (const std::string& word : words) CHECK(run.err.find(word) != std::string::npos);
    CHECK(folder.files() == std::vector<std::string>{"s.yaml"});
  }
}

}  // namespace spillway::study_test
