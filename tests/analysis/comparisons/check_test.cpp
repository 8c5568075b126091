// The regression of traffic counts: baselines match, and the smallest change is noticed.
#include "analysis/comparisons/check.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <functional>
#include <set>

#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"

namespace spillway::check_test {

using analysis::Difference;

namespace {

std::vector<Difference> compared(const std::string& before, const std::string& after) {
  return analysis::compare_baselines(analysis::read_baseline(before, "before"),
                                     analysis::read_baseline(after, "after"));
}

/// Runs `check small.yaml` with more arguments.
std::function<test::ProgramRun(std::vector<std::string>)> checks_in(
    const test::TemporaryFolder& folder) {
  return [&folder](std::vector<std::string> more) {
    more.insert(more.begin(), {"check", "small.yaml"});
    return test::run_spillway(more, folder.path());
  };
}

/// A small experiment in which every kind of tensor crosses the border.
constexpr const char* experiment = R"(
network:
  input: [2, 8, 8]
  classes: 4
  layers:
    - {type: conv, out: 3, kernel: 3, padding: same, max_pool: {kernel: 2}}
    - {type: fc, out: 6}
rule: bp
device: paper
batch: 5
idealisations: [biases, optimizer state]
)";

}  // namespace

TEST_CASE("the committed baselines hold for all shipped experiments") {
  const auto experiments = analysis::shipped_experiments();
  CHECK(experiments.size() >= 6);
  for (std::size_t i = 0; i < experiments.size(); i += test::cases(1, 5)) {
    const auto& path = experiments[i];
    CAPTURE(path.string());
    const analysis::CheckResult result = analysis::check_experiment(path, false);
    CHECK(result.error == "");
    CHECK(result.differences.empty());
    CHECK(result.rows > 10);
  }
}

TEST_CASE("one word more or less in any row of a baseline is noticed, and nothing else") {
  for (const char* rule : {"bp", "lel"}) {
    const test::TemporaryFolder folder;
    std::string text = experiment;
    text.replace(text.find("rule: bp"), 8, std::string("rule: ") + rule);
    const std::string now = analysis::make_baseline(folder.write("small.yaml", text));
    const Json baseline = parse_json(now);
    CHECK(compared(now, now).empty());
    std::set<std::string> kinds;
    for (const char* ledger : {"ledger", "host_ledger"}) {
      for (std::size_t row = 0; row < baseline.at(ledger).size(); ++row) {
        for (const int change : {-1, 1}) {
          Json changed = baseline;
          auto& words = changed[ledger][row]["words"];
          words = words.get<std::int64_t>() + change;
          const std::vector<Difference> found = compared(changed.dump(), now);
          REQUIRE(found.size() == 1);
          CHECK(found[0].size() == 1);
          kinds.insert(changed[ledger][row]["tensor"]);
        }
        Json removed = baseline;
        removed[ledger].erase(row);
        CHECK(compared(removed.dump(), now).size() == 1);
        CHECK(compared(now, removed.dump()).size() == 1);
      }
    }
    CHECK(kinds.contains("weights"));
    CHECK(kinds.contains("biases"));
    CHECK(kinds.contains("input_images"));
    CHECK(kinds.contains(std::string(rule) == "bp" ? "activations" : "seeds"));
  }
}

TEST_CASE("check exits with 0, 1 for drift and 2 when it could not run, and update mends") {
  const test::TemporaryFolder folder;
  folder.write("small.yaml", experiment);
  const auto check = checks_in(folder);
  CHECK(check({}).exit_code == 2);  // no baseline yet
  CHECK(check({"--update"}).exit_code == 0);
  CHECK(check({}).exit_code == 0);

  Json baseline = parse_json(folder.read("baselines/small.json"));
  auto& first = baseline["ledger"][0]["words"];
  auto& second = baseline["ledger"][1]["words"];
  first = first.get<std::int64_t>() + 1;
  second = second.get<std::int64_t>() + 100;
  folder.write("baselines/small.json", baseline.dump());
  const test::ProgramRun drift = check({"--junit", "junit.xml", "--json", "check.json"});
  CHECK(drift.exit_code == 1);
  const std::size_t large = drift.out.find("(-100)"), small = drift.out.find("(-1)");
  CHECK(large != std::string::npos);
  CHECK(small != std::string::npos);
  CHECK(large < small);  // the largest first
  CHECK(folder.read("junit.xml").find("failures=\"1\"") != std::string::npos);
  CHECK(parse_json(folder.read("check.json")).at("agree") == false);

  const test::ProgramRun update = check({"--update"});
  CHECK(update.exit_code == 0);
  CHECK(update.out.find("(-100)") != std::string::npos);
  CHECK(check({}).exit_code == 0);

  folder.write("baselines/small.json", "junk");
  CHECK(check({}).exit_code == 2);
  CHECK(check({"--update"}).exit_code == 2);  // not taken for a baseline, so not overwritten
  CHECK(folder.read("baselines/small.json") == "junk");
}

TEST_CASE("what no baseline can hold is refused and not read as something else") {
  const test::TemporaryFolder folder;
  const std::string now = analysis::make_baseline(folder.write("small.yaml", experiment));
  const Json baseline = parse_json(now);
  const auto refused = [&](const Json& changed) {
    CHECK_THROWS_AS(compared(changed.dump(), now), workloads::InputError);
  };
  for (const Json& value : {Json(1.5), Json(-5), Json(1e30), Json("7"), Json(nullptr)}) {
    Json changed = baseline;
    changed["ledger"][0]["words"] = value;
    refused(changed);
  }
  Json twice = baseline;
  twice["ledger"].push_back(twice["ledger"][0]);
  refused(twice);
  for (const Json& value : {Json(nullptr), Json::object()}) {
    Json changed = baseline;
    changed["ledger"] = value;
    refused(changed);
  }
  for (const char* key : {"network", "rule"}) {
    Json changed = baseline;
    changed[key] = "other";
    CHECK_FALSE(compared(changed.dump(), now).empty());
  }
  Json batch = baseline;
  batch["batch"] = 7;
  CHECK(compared(batch.dump(), now).size() == 1);
}

TEST_CASE("a first baseline takes one line, and a change says how many percent it is") {
  const test::TemporaryFolder folder;
  folder.write("small.yaml", experiment);
  const auto check = checks_in(folder);
  const test::ProgramRun first = check({"--update", "--json", "j"});
  const auto rows = parse_json(folder.read("j")).at("experiments")[0].at("rows");
  CHECK(first.out == "small.yaml: " + std::to_string(rows.get<int>()) +
                         " counts written as its first baseline\n");
  CHECK(check({"--update"}).out.find("as in the baseline") != std::string::npos);

  Json baseline = parse_json(folder.read("baselines/small.json"));
  const auto words = baseline["macs"].get<std::int64_t>();
  baseline["macs"] = words * 4 / 5;                                           // 25 % more now
  baseline["macs_padded"] = baseline["macs_padded"].get<std::int64_t>() + 1;  // hardly fewer
  baseline["ledger"].erase(0);  // a row of no baseline
  folder.write("baselines/small.json", baseline.dump());
  const test::ProgramRun drift = check({"--json", "j"});
  CHECK(drift.exit_code == 1);
  CHECK(drift.out.find("), +25.00 %\n") != std::string::npos);
  CHECK(drift.out.find("(-1), under -0.01 %\n") != std::string::npos);
  const Json said = parse_json(folder.read("j"));
  for (const auto& row : said.at("experiments")[0].at("differences")) {
    if (row.at("what") == "macs") CHECK(row.at("percent").get<double>() == doctest::Approx(25));
    if (row.at("baseline") == 0) CHECK(row.at("percent").is_null());
  }
}

TEST_CASE("check lays --set over the experiments") {
  const test::TemporaryFolder folder;
  folder.write("small.yaml", experiment);
  const auto check = checks_in(folder);
  REQUIRE(check({"--update"}).exit_code == 0);
  const test::ProgramRun drift = check({"--set", "batch=6"});
  CHECK(drift.exit_code == 1);
  CHECK(drift.out.find("batch: 5 in the baseline, 6 now (+1), +20.00 %") != std::string::npos);
  CHECK(check({"--policy", "layer"}).exit_code == 1);
  CHECK(check({"--set", "bach=6"}).exit_code == 2);
}

TEST_CASE("bytes on the bus and activates are compared exactly, time and energy with a tolerance") {
  const test::TemporaryFolder folder;
  const std::string now = analysis::make_baseline(folder.write("small.yaml", experiment));
  const Json baseline = parse_json(now);
  for (const char* key : {"dram_bus_bytes_read", "dram_bus_bytes_written", "dram_activates"}) {
    Json changed = baseline;
    changed["costs"][key] = changed["costs"][key].get<std::uint64_t>() + 1;
    REQUIRE(compared(changed.dump(), now).size() == 1);
    CHECK(compared(changed.dump(), now)[0].what == key);
  }
  for (const char* key : {"time_ps", "dram_energy_pJ", "dram_io_energy_pJ"}) {
    const auto value = baseline["costs"][key].get<double>();
    for (const double percent : {-0.09, 0.09, -0.12, 0.12, 3.0}) {
      Json changed = baseline;
      changed["costs"][key] = static_cast<std::uint64_t>(value * (1 + percent / 100));
      CAPTURE(key);
      CAPTURE(percent);
      CHECK(compared(changed.dump(), now).size() == (std::abs(percent) < 0.1 ? 0 : 1));
      changed["costs"]["tolerance_pct"] = 1;
      CHECK(compared(changed.dump(), now).size() == (percent < 1 ? 0 : 1));
    }
  }
  for (const Json& value : {Json(-1), Json("1"), Json(nullptr)}) {
    Json changed = baseline;
    changed["costs"]["tolerance_pct"] = value;
    CHECK_THROWS_AS(compared(changed.dump(), now), workloads::InputError);
  }
}

TEST_CASE("another controller, clock or port is drift, and a baseline's own tolerance is kept") {
  const test::TemporaryFolder folder;
  folder.write("small.yaml", experiment);
  const auto check = checks_in(folder);
  REQUIRE(check({"--update"}).exit_code == 0);
  for (const char* setting : {"device.dram.controller=bank-queues", "device.clock_mhz=250",
                              "device.buffer_port=64", "device.queue_depth=1"}) {
    const test::ProgramRun drift = check({"--set", setting});
    CAPTURE(setting);
    CAPTURE(drift.out + drift.err);
    CHECK(drift.exit_code == 1);
    CHECK(drift.out.find("time_ps: ") != std::string::npos);
    CHECK(drift.out.find("words") == std::string::npos);
  }
  // One of before holds counts alone.
  Json counts = parse_json(folder.read("baselines/small.json"));
  counts["costs"]["tolerance_pct"] = 900;
  folder.write("baselines/small.json", counts.dump());
  CHECK(check({"--set", "device.clock_mhz=250"}).exit_code == 0);
  REQUIRE(check({"--update", "--set", "device.clock_mhz=250"}).exit_code == 0);
  CHECK(parse_json(folder.read("baselines/small.json"))["costs"]["tolerance_pct"] == 900);
  counts.erase("costs");
  folder.write("baselines/small.json", counts.dump());
  const test::ProgramRun without = check({});
  CHECK(without.exit_code == 0);
  CHECK(without.out.find("lacks bytes, time and energy: --update adds them") != std::string::npos);
  CHECK(check({"--update"}).out.find("are added") != std::string::npos);
  CHECK(check({"--set", "device.clock_mhz=250"}).exit_code == 1);
}

TEST_CASE("check alone checks the experiments of the folder that one is in") {
  const test::TemporaryFolder folder;
  folder.write("b.yaml", experiment);
  folder.write("a.yaml", experiment);
  folder.write("net.yaml", "input: 4\nclasses: 2\nlayers: [{type: fc, out: 3}]\n");
  folder.write("device.yaml", "name: d\nbuffer: 3\narray: {}\n");
  folder.write("broken.yaml", "a: [\n");
  folder.write("notes.txt", experiment);
  CHECK(analysis::experiments_in(folder.path()) ==
        std::vector<std::filesystem::path>{folder.path() / "a.yaml", folder.path() / "b.yaml"});
  const auto check = [&](std::vector<std::string> more) {
    more.insert(more.begin(), "check");
    return test::run_spillway(more, folder.path());
  };
  CHECK(check({}).exit_code == 2);  // no baselines yet
  const test::ProgramRun first = check({"--update"});
  CHECK(first.exit_code == 0);
  CHECK(std::count(first.out.begin(), first.out.end(), '\n') == 2);
  CHECK(folder.files() == std::vector<std::string>{"a.yaml", "b.yaml", "baselines/a.json",
                                                   "baselines/b.json", "broken.yaml", "device.yaml",
                                                   "net.yaml", "notes.txt"});
  const test::ProgramRun again = check({});
  CHECK(again.exit_code == 0);
  CHECK(again.out.starts_with("a.yaml: "));
  CHECK(again.out.find("\nb.yaml: ") != std::string::npos);
  // One that is no longer readable is missed, not passed over.
  folder.write("b.yaml", "a: [\n");
  CHECK(check({}).exit_code == 2);
}

}  // namespace spillway::check_test
