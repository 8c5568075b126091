// `spillway diff`: two results side by side.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/program.hpp"
#include "workloads/support/json.hpp"

namespace spillway::result_diff_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

void write_experiment(const TemporaryFolder& folder) {
  folder.write(
      "e.yaml",
      "network: {input: 20, classes: 3, layers: [{type: fc, out: 8}, {type: fc, out: 6}]}\n"
      "rule: lel\ndevice: paper\nbatch: 10\ndata: random\n");
}

void make(const TemporaryFolder& folder, const std::string& name,
          const std::vector<std::string>& more = {}, const std::string& command = "run") {
  std::vector<std::string> arguments{command, "e.yaml", "--json", name};
  arguments.insert(arguments.end(), more.begin(), more.end());
  const ProgramRun run = run_spillway(arguments, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
}

const Json& row(const Json& comparison, const std::string& section, const std::string& what) {
  for (const Json& found : comparison.at(section)) {
    if (found.at("what") == what) return found;
  }
  FAIL("no row " << what << " in " << comparison.dump());
  return comparison;
}

}  // namespace

TEST_CASE("two results of one experiment are the same, whatever version made them") {
  const TemporaryFolder folder;
  write_experiment(folder);
  make(folder, "a.json");
  make(folder, "b.json");
  CHECK(folder.read("a.json") == folder.read("b.json"));
  Json other = parse_json(folder.read("b.json"));
  other["version"] = "9.9";
  folder.write("b.json", other.dump());
  const ProgramRun run =
      run_spillway({"diff", "a.json", "b.json", "--json", "d.json"}, folder.path());
  CHECK(run.exit_code == 0);
  CHECK(run.err == "");
  CHECK(run.out.find("The same settings and the same results.") != std::string::npos);
  CHECK(run.out.find("spillway 9.9") != std::string::npos);
  const Json comparison = parse_json(folder.read("d.json"));
  CHECK(comparison.at("same") == true);
  CHECK(comparison.at("counts").empty());
}

TEST_CASE("results that differ are shown by setting, count, byte, time and energy with percent") {
  const TemporaryFolder folder;
  write_experiment(folder);
  make(folder, "a.json");
  make(folder, "b.json", {"--set", "batch=20", "--set", "device.array.rows=8"});
  const ProgramRun run =
      run_spillway({"diff", "a.json", "b.json", "--json", "d.json"}, folder.path());
  CHECK(run.exit_code == 1);
  const Json before = parse_json(folder.read("a.json")), after = parse_json(folder.read("b.json"));
  const Json comparison = parse_json(folder.read("d.json"));
  CHECK(comparison.at("same") == false);
  REQUIRE(comparison.at("settings").size() == 2);
  CHECK(row(comparison, "settings", "batch").at("a") == 10);
  CHECK(row(comparison, "settings", "batch").at("b") == 20);
  CHECK(row(comparison, "settings", "device array rows").at("b") == 8);
  const Json& macs = row(comparison, "counts", "macs");
  CHECK(macs.at("difference") == before.at("macs").get<double>());  // twice as many
  CHECK(macs.at("percent") == doctest::Approx(100));
  CHECK(row(comparison, "counts", "host read words").at("a") == before.at("host").at("read_words"));
  CHECK(row(comparison, "bytes", "buffer high water bytes").at("b") ==
        after.at("buffer").at("high_water_bytes"));
  const Json& time = row(comparison, "time", "time ns");
  CHECK(time.at("percent") ==
        doctest::Approx(
            100 * (after.at("time_ns").get<double>() / before.at("time_ns").get<double>() - 1)));
  CHECK(row(comparison, "time", "fc1 forward compute busy ns").at("a") ==
        before.at("time_by_layer")[0].at("compute").at("busy_ns"));
  CHECK(row(comparison, "energy", "DRAM energy pJ total").at("b") ==
        after.at("dram").at("energy_pJ").at("total"));
  for (const char* part : {"Settings that differ", "Counts that differ", "Bytes that differ",
                           "Time that differs", "Energy that differ", "+100.00 %"}) {
    CAPTURE(part);
    CHECK(run.out.find(part) != std::string::npos);
  }
}

TEST_CASE("items that only one of the results idealises are settings that differ") {
  const TemporaryFolder folder;
  write_experiment(folder);
  make(folder, "a.json", {}, "plan");
  make(folder, "b.json", {"--set", "idealisations=[labels]"}, "plan");
  const ProgramRun run = run_spillway({"diff", "a.json", "b.json", "--json", "-"}, folder.path());
  CHECK(run.exit_code == 1);
  const Json comparison = parse_json(run.out);
  CHECK(row(comparison, "settings", "idealisations biases").at("a") == "yes");
  CHECK(row(comparison, "settings", "idealisations biases").at("b").is_null());
  for (const Json& found : comparison.at("settings")) {
    CHECK(found.at("what") != "idealisations labels");
  }
  CHECK(row(comparison, "counts", "DRAM fc1 update biases write words").at("b") == 8);
}

TEST_CASE("a plan and the run of it differ in nothing that both have but the buffer in use") {
  const TemporaryFolder folder;
  write_experiment(folder);
  make(folder, "a.json", {"--policy", "best"}, "plan");
  make(folder, "b.json", {"--policy", "best"});
  const ProgramRun run = run_spillway({"diff", "a.json", "b.json", "--json", "-"}, folder.path());
  const Json comparison = parse_json(run.out);
  CHECK(comparison.at("settings").empty());
  CHECK(comparison.at("counts").empty());
  CHECK(comparison.at("time").empty());
  for (const Json& found : comparison.at("bytes")) {
    CHECK(found.at("what") == "buffer high water bytes");
  }
}

TEST_CASE("what is no result is refused in one line") {
  const TemporaryFolder folder;
  write_experiment(folder);
  make(folder, "a.json");
  Json old = parse_json(folder.read("a.json"));
  old.erase("schema");
  folder.write("old.json", old.dump());
  Json later = parse_json(folder.read("a.json"));
  later["schema"] = 99;
  folder.write("later.json", later.dump());
  folder.write("list.json", "[1, 2]");
  folder.write("broken.json", "{\"schema\": 1,");
  std::string deep = "{\"schema\": 1, \"command\": \"run\", \"x\": ";
  for (int i = 0; i < 1000; ++i) deep += "[[1], ";
  deep += "2";
  for (int i = 0; i < 1000; ++i) deep += "]";
  folder.write("deep.json", deep + "}");
  const std::vector<std::pair<std::vector<std::string>, std::string>> cases{
      {{"a.json"}, "1 files given; allowed: two"},
      {{"a.json", "a.json", "a.json"}, "3 files given"},
      {{"a.json", "none.json"}, "none.json: cannot be read"},
      {{"a.json", "old.json"}, "old.json: found no result with a schema"},
      {{"later.json", "a.json"}, "later.json: schema: found 99; allowed: 1"},
      {{"a.json", "list.json"}, "list.json: found no result"},
      {{"a.json", "broken.json"}, "broken.json: not JSON"},
      {{"a.json", "e.yaml"}, "e.yaml: not JSON"},
      {{"a.json", "deep.json"}, "lists within lists"},
      {{"a.json", "a.json", "--json", "a.json"}, "is read and to be written"}};
  for (const auto& [files, words] : cases) {
    std::vector<std::string> arguments{"diff"};
    arguments.insert(arguments.end(), files.begin(), files.end());
    const ProgramRun run = run_spillway(arguments, folder.path());
    CAPTURE(run.err);
    CAPTURE(words);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(run.err.find(words) != std::string::npos);
  }
}

}  // namespace spillway::result_diff_test
