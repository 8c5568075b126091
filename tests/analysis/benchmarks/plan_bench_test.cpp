// `spillway bench plan`.
#include <doctest/doctest.h>

#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/json.hpp"

namespace spillway::plan_bench_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

TEST_CASE("bench plan times a plan for every size of buffer") {
  const TemporaryFolder folder;
  const ProgramRun run = run_spillway(
      {"bench", "plan", "--network", "mnist-mlp", "--rule", "bp", "--batch", "10", "--json", "j"},
      folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json result = parse_json(folder.read("j"));
  const Json& rows = result.at("rows");
  REQUIRE(rows.size() == 13);
  CHECK(rows.front().at("buffer_bytes") == 16 << 10);
  CHECK(rows.back().at("buffer_bytes") == 64 << 20);
  for (const Json& row : rows) CHECK(row.at("cpu_s") > 0);
  CHECK(run.out.find("mnist-mlp bp") != std::string::npos);
  CHECK(run.out.find("13 plans") != std::string::npos);
  CHECK(run_spillway({"bench", "plan", "--pytorch", "p"}, folder.path()).exit_code == 2);
  CHECK(run_spillway({"bench", "plan", "--network", "mnist"}, folder.path()).exit_code == 2);
}

TEST_CASE("bench plan --depth plans ever deeper networks") {
  const TemporaryFolder folder;
  const ProgramRun run = run_spillway(
      {"bench", "plan", "--depth", "20", "--rule", "lel", "--json", "j"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json rows = parse_json(folder.read("j")).at("rows");
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].at("layers") == 10);
  CHECK(rows[1].at("layers") == 20);
  for (const Json& row : rows) {
    CHECK(row.at("cpu_s") > 0);
    CHECK(row.at("peak_bytes") > 1 << 20);
    // Each layer's weights once in and once out, and what its pass writes and the next one reads.
    CHECK(row.at("dram_words") >= 2 * 256 * 256 * row.at("layers").get<std::uint64_t>());
  }
  CHECK(run_spillway({"bench", "plan", "--depth", "20", "--batch", "3"}, folder.path()).exit_code ==
        2);
  CHECK(run_spillway({"bench", "plan", "--depth", "5"}, folder.path()).exit_code == 2);
  CHECK(run_spillway({"bench", "plan", "--recompute"}, folder.path()).exit_code == 2);
  CHECK(run_spillway({"bench", "dram", "--depth", "20"}, folder.path()).exit_code == 2);
}

TEST_CASE("bench plan --objective sets plans beside those of layer and of the fewest words") {
  if (test::sanitized) return;  // a minute
  const TemporaryFolder folder;
  const ProgramRun run = run_spillway(
      {"bench", "plan", "--objective", "time", "--network", "mnist-mlp", "--rule", "lel", "--batch",
       "20", "--device", "edge", "--sizes", "1MiB,4MiB", "--json", "j", "--csv", "c"},
      folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json rows = parse_json(folder.read("j")).at("rows");
  REQUIRE(rows.size() == 2);
  for (const Json& row : rows) {
    CHECK(row.at("device") == "edge");
    CHECK(row.at("bound_ratio") >= 1);
    CHECK(row.at("layer_ratio") > 1);
    CHECK(row.at("words_ratio") > 0.98);
  }
  CHECK(rows[1].at("buffer_bytes") == 4 << 20);
  CHECK(folder.read("c").find("mnist-mlp,lel,edge,1048576,") != std::string::npos);
  for (const std::vector<std::string>& wrong :
       std::vector<std::vector<std::string>>{{"train", "--objective", "time"},
                                             {"dram", "--sizes", "1MiB"},
                                             {"plan", "--device", "edge"},
                                             {"plan", "--csv", "c"},
                                             {"plan", "--objective", "time", "--repeats", "2"},
                                             {"plan", "--objective", "time", "--depth", "10"},
                                             {"plan", "--objective", "speed"}}) {
    std::vector<std::string> arguments{"bench"};
    arguments.insert(arguments.end(), wrong.begin(), wrong.end());
    const ProgramRun refused = run_spillway(arguments, folder.path());
    CAPTURE(refused.err);
    CHECK(refused.exit_code == 2);
  }
}

}  // namespace spillway::plan_bench_test
