// A sweep as a user runs it: results, failures, going on, shards, tables.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>
#include <thread>

#include "analysis/sweeps/evolution.hpp"
#include "analysis/sweeps/run_sweep.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/small_sweep.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"

namespace spillway::sweep_test {

namespace fs = std::filesystem;
using test::ProgramRun;
using test::run_spillway;
using test::small_sweep;
using test::TemporaryFolder;

namespace {

ProgramRun sweep(const TemporaryFolder& folder, std::vector<std::string> more = {}) {
  std::vector<std::string> arguments{"sweep", "s.yaml", "--out", "out", "-j", "2"};
  arguments.insert(arguments.end(), more.begin(), more.end());
  return run_spillway(arguments, folder.path());
}

void write_sweep(const TemporaryFolder& folder, const std::string& rest,
                 const std::string& command = "plan") {
  test::write_small_experiment(folder);
  folder.write("s.yaml", small_sweep(rest, command));
}

/// The table as CSV.
std::string table_of(const TemporaryFolder& folder) {
  const ProgramRun run = run_spillway({"sweep", "table", "out", "--csv", "-"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  return run.out;
}

Json json_table(const TemporaryFolder& folder, const std::string& action = "table") {
  const ProgramRun run = run_spillway({"sweep", action, "out", "--json", "-"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  return parse_json(run.out);
}

std::vector<std::string> results(const TemporaryFolder& folder) {
  std::vector<std::string> names;
  for (const std::string& name : folder.files()) {
    if (name.starts_with("out/points/")) names.push_back(name);
  }
  return names;
}

constexpr const char* two_axes =
    "axes:\n  - {key: rule, values: [bp, lel]}\n"
    "  - {key: device.buffer, values: [64, 1 KiB, 16 KiB]}\n"
    "objectives: [words, high_water_bytes]\n";

/// Arguments of a command line as a shell would split them; quotation marks are single ones.
std::vector<std::string> shell_words(const std::string& line) {
  std::vector<std::string> words(1);
  bool quoted = false;
  for (const char c : line) {
    if (c == '\'') {
      quoted = !quoted;
    } else if (c == ' ' && !quoted) {
      words.emplace_back();
    } else {
      words.back() += c;
    }
  }
  return words;
}

}  // namespace

TEST_CASE("a point's result is what its command writes, to the byte") {
  for (const std::string command : {"plan", "run --no-values", "run", "train"}) {
    const TemporaryFolder folder;
    write_sweep(folder,
                "axes: [{key: rule, values: [bp, {value: {base: lel, loss: square-hinge}}]}]\n"
                "set: [\"training.epochs=1\"]\n",
                command);
    if (command == "train") {
      folder.write("s.yaml",
                   "base: ./e.yaml\ncommand: train\nmetrics: [words, accuracy, loss, time_ms]\n"
                   "axes: [{key: rule, values: [bp, lel]}]\nset: [training.epochs=1]\n");
    }
    const ProgramRun run = sweep(folder);
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    REQUIRE(results(folder).size() == 2);
    for (const std::string& name : results(folder)) {
      const std::string file = folder.read(name);
      const Json point = parse_json(file);
      std::vector<std::string> words = shell_words(point.at("command").get<std::string>());
      REQUIRE(words[0] == "OMP_NUM_THREADS=1");
      REQUIRE(words[1] == "spillway");
      words.erase(words.begin(), words.begin() + 2);
      ::setenv("OMP_NUM_THREADS", "1", 1);
      const ProgramRun alone = run_spillway(words, folder.path());
      ::unsetenv("OMP_NUM_THREADS");
      CAPTURE(alone.err);
      REQUIRE(alone.exit_code == 0);
      CHECK(file.ends_with("\"result\":\n" + alone.out + "}\n"));
      CHECK(name == "out/points/" + point.at("hash").get<std::string>() + ".json");
      CHECK(point.at("settings").at("network").at("classes") == 3);
      CHECK(point.at("settings").at("device").at("dram").contains("timing"));
    }
  }
}

TEST_CASE(
    "points that differ in their DRAM share a schedule, and have the results that they have "
    "alone") {
  for (const std::string command : {"plan", "run --no-values"}) {
    const TemporaryFolder folder;
    write_sweep(folder,
                "axes:\n  - {key: rule, values: [bp, lel]}\n"
                "  - {key: device.dram, values: [ddr4-2400, lpddr5-6400, hbm2-2000]}\n"
                "  - {key: device.clock_mhz, values: [100, 900]}\n"
                "  - {key: device.buffer, values: [64, 4 KiB]}\n",
                command);
    const ProgramRun run =
        run_spillway({"sweep", "s.yaml", "--out", "out", "-j", "1"}, folder.path());
    CHECK(run.out.starts_with("24 points: 12 done, 12 refused"));
    int compared = 0;
    for (const std::string& name : results(folder)) {
      const std::string file = folder.read(name);
      std::vector<std::string> words =
          shell_words(parse_json(file).at("command").get<std::string>());
      words.erase(words.begin(), words.begin() + 2);
      CHECK(file.ends_with("\"result\":\n" + run_spillway(words, folder.path()).out + "}\n"));
      ++compared;
    }
    CHECK(compared == 12);
  }
  const analysis::Choice none;
  using Groups = std::vector<std::vector<std::size_t>>;
  CHECK(analysis::schedule_groups({{"a", none, "s"},
                                   {"b", none, "t"},
                                   {"c", none, "s"},
                                   {"d", none, ""},
                                   {"e", none, "s"},
                                   {"f", none, ""},
                                   {"g", none, "s"},
                                   {"h", none, "t"}},
                                  3) == Groups{{0, 2, 4}, {1, 7}, {3}, {5}, {6}});
}

TEST_CASE("points minimise time where nothing else is stated, and then depend on their DRAM") {
  const TemporaryFolder folder;
  for (const std::string objective : {"time", "words"}) {
    write_sweep(folder, "axes: [{key: device.dram, values: [ddr4-2400, lpddr5-6400]}]\n");
    std::string experiment = folder.read("e.yaml");
    const std::string stated = "objective: words\n";
    if (objective == "time") experiment.erase(experiment.find(stated), stated.size());
    folder.write("e.yaml", experiment);
    const analysis::Sweep read = analysis::read_sweep(folder.path() / "s.yaml");
    analysis::PointReader reader(read);
    const analysis::PointInputs first = reader.inputs({0}), second = reader.inputs({1});
    CHECK(name_in(sim::objective_names, first.experiment.objective) == objective);
    CHECK(first.hash != second.hash);
    CHECK((first.schedule == second.schedule) == (objective == "words"));
    CHECK(run_spillway({"sweep", "s.yaml", "--out", objective}, folder.path()).exit_code == 0);
  }
  for (const std::string& name : folder.files()) {
    if (!name.ends_with(".json") || name.find("/points/") == std::string::npos) continue;
    CAPTURE(name);
    CHECK(parse_json(folder.read(name)).at("result").at("objective") ==
          name.substr(0, name.find('/')));
  }
}

TEST_CASE("a sweep goes on where it was, and an input that changed is done anew") {
  const TemporaryFolder folder;
  write_sweep(folder, two_axes);
  const ProgramRun first = sweep(folder);
  CAPTURE(first.err);
  CHECK(first.exit_code == 0);
  CHECK(first.out.starts_with("6 points: 4 done, 2 refused; results in out\n"));
  CHECK(first.out.find("device.buffer") != std::string::npos);  // the reason …
  CHECK(first.out.find("spillway plan") != std::string::npos);  // … and the command
  const std::string table = table_of(folder);
  // Nothing is done twice.
  CHECK(sweep(folder).out.starts_with("6 points: 0 done, 4 there before, 2 refused"));
  // One that is missing is done alone.
  const std::string lost = results(folder).front();
  fs::remove(folder.path() / lost);
  CHECK(sweep(folder).out.starts_with("6 points: 1 done, 3 there before, 2 refused"));
  CHECK(table_of(folder) == table);
  CHECK(sweep(folder, {"--retry-failed"})
            .out.starts_with("6 points: 0 done, 4 there before, 2 refused"));
  // An empty file, as a machine that lost its power leaves it, is no result.
  folder.write(lost, "");
  CHECK(sweep(folder).out.starts_with("6 points: 1 done, 3 there before, 2 refused"));
  // The experiment's own file changes: all is new, and what was there stays.
  std::string experiment = folder.read("e.yaml");
  experiment.replace(experiment.find("out: 10"), 7, "out: 11");
  folder.write("e.yaml", experiment);
  CHECK(sweep(folder).out.starts_with("6 points: 4 done, 2 refused"));
  CHECK(table_of(folder) != table);
  CHECK(results(folder).size() == 8);
  // Changed back, the old results are found again.
  test::write_small_experiment(folder);
  CHECK(sweep(folder).out.starts_with("6 points: 0 done, 4 there before, 2 refused"));
  CHECK(table_of(folder) == table);
}

TEST_CASE("every key of an experiment is part of a point's name") {
  const TemporaryFolder folder;
  test::write_small_experiment(folder);
  const std::vector<std::string> changes{"batch=5",
                                         "seed=2",
                                         "rule=lel",
                                         "rule={base: bp, loss: square-hinge}",
                                         "policy=layer",
                                         "idealisations=none",
                                         "optimizer.rate=0.2",
                                         "optimizer.momentum=0.5",
                                         "optimizer.schedule={divide_by: 2, every: 3}",
                                         "training.epochs=3",
                                         "training.validation=4",
                                         "data.train=12",
                                         "data.standardise=true",
                                         "network.layers[0].out=5",
                                         "network.layers[1].bias=false",
                                         "network.input_dropout=0.1",
                                         "device.buffer=8KiB",
                                         "device.clock_mhz=400",
                                         "device.array.rows=8",
                                         "device.queue_depth=3",
                                         "device.name=other",
                                         "device.dram.channels=2",
                                         "device.dram.timing.tRCD=30",
                                         "device.dram=lpddr5-6400",
                                         "device.dram.currents.idd0=200",
                                         "device.host.bandwidth_gb_per_s=2"};
  std::set<std::string> names;
  const auto name_with = [&](const std::string& change) {
    folder.write("s.yaml", small_sweep("axes: [{key: batch, values: [4]}]\n"));
    if (!change.empty()) {
      folder.write("s.yaml", small_sweep("axes: [{key: \"" + change.substr(0, change.find('=')) +
                                         "\", name: x, values: [{value: " +
                                         change.substr(change.find('=') + 1) + "}]}]\n"));
    }
    const ProgramRun run = sweep(folder, {"--dry-run"});
    CAPTURE(change);
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    return test::text_tables(run.out).at(0).column("hash").at(0);
  };
  names.insert(name_with(""));
  for (const std::string& change : changes) {
    CAPTURE(change);
    CHECK(names.insert(name_with(change)).second);
  }
}

TEST_CASE("a changed data set is never served an old result") {
  const TemporaryFolder folder;
  test::write_small_experiment(folder);
  const fs::path shipped = fs::path(SPILLWAY_SOURCE_DIR) / "workloads/data/mnist-subset";
  fs::create_directories(folder.path() / "data");
  for (const auto& entry : fs::directory_iterator(shipped)) {
    fs::copy_file(entry.path(), folder.path() / "data" / entry.path().filename());
  }
  folder.write("s.yaml",
               "base: mnist-mlp-lel\ncommand: run\nmetrics: [words]\nset: [network=mnist-mlp-256, "
               "\"data={base: mnist, folder: " +
                   (folder.path() / "data").string() + "}\"]\naxes: [{key: batch, values: [2]}]\n");
  CHECK(sweep(folder).out.starts_with("1 point: 1 done"));
  CHECK(sweep(folder).out.starts_with("1 point: 0 done, 1 there before"));
  folder.write("data/more", "x");
  CHECK(sweep(folder).out.starts_with("1 point: 1 done"));
}

TEST_CASE("a file that changes while a sweep runs is given no result by its old name") {
  const TemporaryFolder folder;
  test::write_small_experiment(folder);
  folder.write("net.yaml", "input: 8\nclasses: 3\nlayers: [{type: fc, out: 10}]\n");
  folder.write("s.yaml", small_sweep("axes: [{key: network, values: [./net.yaml]}]\n"));
  const fs::path home = fs::current_path();
  fs::current_path(folder.path());  // the value of an axis is a path from there
  const analysis::Sweep read = analysis::read_sweep("s.yaml");
  analysis::PointReader reader(read);
  const auto points = analysis::list_points(read, reader, {});
  folder.write("net.yaml", "input: 8\nclasses: 3\nlayers: [{type: fc, out: 11}]\n");
  const analysis::SweepFolder out("out");
  out.prepare();
  analysis::SweepOutcome outcome;
  CHECK(analysis::do_points(read, reader, out, points, {}, outcome));
  CHECK(outcome.failed == 1);
  CHECK(outcome.failures.at(0).reason.find("changed while the sweep ran") != std::string::npos);
  CHECK_FALSE(out.has_result(points.at(0).hash));
  fs::current_path(home);
}

TEST_CASE("points that fail are reported with their command and done again") {
  const TemporaryFolder folder;
  const std::string limit = test::sanitized ? "5" : "1";
  test::write_small_experiment(folder);
  folder.write("s.yaml",
               "base: ./e.yaml\ncommand: train\nmetrics: [words]\n"
               "axes: [{key: training.epochs, values: [1, 1000000]}]\n"
               "limits: {seconds: " +
                   limit + "}\n");
  const ProgramRun run = sweep(folder);
  CHECK(run.exit_code == 1);
  CHECK(run.out.starts_with("2 points: 1 done, 1 failed"));
  CHECK(run.out.find("took longer than " + limit + " s") != std::string::npos);
  CHECK(run.out.find("OMP_NUM_THREADS=1 spillway train") != std::string::npos);
  CHECK(sweep(folder).out.starts_with("2 points: 0 done, 1 there before, 1 failed"));
  const std::string csv = table_of(folder);
  CHECK(csv.find(",failed,1000000,,false,false,took longer than " + limit + " s\n") !=
        std::string::npos);
}

TEST_CASE("shares of a sweep together are the sweep") {
  const TemporaryFolder folder;
  write_sweep(folder, two_axes);
  sweep(folder);
  const std::string whole = table_of(folder);
  // Side by side, into a folder that none has made yet.
  fs::remove_all(folder.path() / "out");
  std::vector<int> codes(3);
  {
    std::vector<std::jthread> shares;
    for (std::size_t i = 0; i < codes.size(); ++i) {
      shares.emplace_back([&, i] {
        codes[i] = sweep(folder, {"--shard", std::to_string(i + 1) + "/3"}).exit_code;
      });
    }
  }
  CHECK(codes == std::vector<int>{0, 0, 0});
  CHECK(table_of(folder) == whole);
  fs::remove_all(folder.path() / "out");
  CHECK(sweep(folder, {"--shard", "1/4"}).out.starts_with("2 points: 1 done, 1 refused"));
  ::setenv("SLURM_ARRAY_TASK_ID", "11", 1);
  ::setenv("SLURM_ARRAY_TASK_MIN", "10", 1);
  ::setenv("SLURM_ARRAY_TASK_COUNT", "4", 1);
  CHECK(sweep(folder).out.starts_with("2 points: 2 done"));
  for (const char* name :
       {"SLURM_ARRAY_TASK_ID", "SLURM_ARRAY_TASK_MIN", "SLURM_ARRAY_TASK_COUNT"}) {
    ::unsetenv(name);
  }
  const ProgramRun status = run_spillway({"sweep", "status", "out"}, folder.path());
  CHECK(status.out.find("6 points, 3 done, 1 refused, 0 failed, 2 missing") != std::string::npos);
  sweep(folder, {"--shard", "3/4"});
  sweep(folder, {"--shard", "4/4"});
  CHECK(table_of(folder) == whole);
  for (const char* wrong : {"0/4", "5/4", "1", "a/b", "1/0", "/", "-1/2"}) {
    const ProgramRun run = sweep(folder, {"--shard", wrong});
    CHECK(run.exit_code == 2);
    CHECK(run.err.find("--shard") != std::string::npos);
  }
}

TEST_CASE("the table, CSV and JSON of a sweep say the same, and the front is that of its points") {
  const TemporaryFolder folder;
  write_sweep(folder, std::string(two_axes) + "constraints: [high_water_bytes <= 8 KiB]\n");
  REQUIRE(sweep(folder).exit_code == 0);
  const Json json = json_table(folder);
  const Json& points = json.at("points");
  REQUIRE(points.size() == 6);
  const ProgramRun text = run_spillway({"sweep", "table", "out"}, folder.path());
  const test::TextTable table = test::text_tables(text.out).at(0);
  std::vector<Json> done;
  std::ranges::copy_if(points, std::back_inserter(done),
                       [](const Json& point) { return point.at("status") == "done"; });
  REQUIRE(table.rows.size() == done.size());
  std::istringstream csv(table_of(folder));
  std::string line;
  std::getline(csv, line);
  CHECK(line == "point,hash,status,rule,buffer,words,high_water_bytes,feasible,front,message");
  for (const Json& point : points) {
    std::getline(csv, line);
    const Json& metrics = point.at("metrics");
    const auto cell = [](const Json& value) { return value.is_null() ? "" : value.dump(); };
    const std::string begin =
        std::to_string(point.at("point").get<int>()) + "," + point.at("hash").get<std::string>() +
        "," + point.at("status").get<std::string>() + "," +
        point.at("settings").at("rule").get<std::string>() + "," +
        point.at("settings").at("buffer").dump() + "," + cell(metrics.at("words")) + "," +
        cell(metrics.at("high_water_bytes")) + "," + point.at("feasible").dump() + "," +
        point.at("front").dump() + ",";
    CHECK(line.starts_with(begin));
  }
  for (std::size_t i = 0; i < done.size(); ++i) {
    CHECK(table.column("point")[i] == done[i].at("point").dump());
    CHECK(test::shows(table.column("words")[i], done[i].at("metrics").at("words")));
    CHECK(test::shows(table.column("high_water_bytes")[i],
                      done[i].at("metrics").at("high_water_bytes")));
    CHECK((table.column("front")[i] == "yes") == done[i].at("front").get<bool>());
    CHECK((table.column("feasible")[i] == "yes") == done[i].at("feasible").get<bool>());
    const double words = done[i].at("metrics").at("words"),
                 bytes = done[i].at("metrics").at("high_water_bytes");
    const bool dominated = std::ranges::any_of(done, [&](const Json& other) {
      const double w = other.at("metrics").at("words"),
                   b = other.at("metrics").at("high_water_bytes");
      return other.at("feasible") && w <= words && b <= bytes && (w < words || b < bytes);
    });
    CHECK(done[i].at("feasible") == (bytes <= 8192));
    CHECK(done[i].at("front") == (bytes <= 8192 && !dominated));
  }
  const Json front = json_table(folder, "pareto").at("points");
  CHECK(std::ranges::all_of(front, [](const Json& point) { return point.at("front"); }));
  CHECK(!front.empty());
  // Over other objectives.
  const ProgramRun most =
      run_spillway({"sweep", "pareto", "out", "--maximise", "words", "--json", "-"}, folder.path());
  CHECK(parse_json(most.out).at("points").size() == 1);
  // Of some rows alone.
  const ProgramRun some = run_spillway({"sweep", "table", "out", "--where", "rule == lel",
                                        "--where", "buffer >= 1 KiB and words > 0", "--json", "-"},
                                       folder.path());
  const Json chosen = parse_json(some.out).at("points");
  REQUIRE(chosen.size() == 2);
  CHECK(chosen[0].at("point") == 5);
  CHECK(chosen[1].at("settings").at("rule") == "lel");
  const ProgramRun wrong =
      run_spillway({"sweep", "table", "out", "--where", "rule == lell"}, folder.path());
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("--where:1: found \"lell\"") != std::string::npos);
  // The table lies beside the points, too.
  CHECK(folder.read("out/sweep.csv") == table_of(folder));
}

TEST_CASE("an axis whose values all gave equal metrics is named") {
  const TemporaryFolder folder;
  write_sweep(
      folder,
      "axes:\n  - {key: seed, values: [1, 2]}\n"
      "  - {key: batch, values: [2, 4]}\n  - {key: device.clock_mhz, values: [100, 200]}\n");
  const ProgramRun run = sweep(folder);
  CHECK(run.out.find("axis seed: all of its values gave equal metrics\n") != std::string::npos);
  CHECK(run.out.find("axis clock_mhz: all of its") != std::string::npos);
  CHECK(run.out.find("axis batch") == std::string::npos);
}

TEST_CASE("a sweep lists its points and estimates without writing") {
  const TemporaryFolder folder;
  write_sweep(folder, two_axes);
  const std::vector<std::string> before = folder.files();
  const ProgramRun run = sweep(folder, {"--dry-run"});
  CHECK(run.exit_code == 0);
  CHECK(test::text_tables(run.out).at(0).rows.size() == 6);
  CHECK(run.out.find("6 points, 6 to do: about") != std::string::npos);
  CHECK(folder.files() == before);
}

TEST_CASE("figures and the page of a sweep show its points") {
  const TemporaryFolder folder;
  write_sweep(folder, std::string(two_axes) + "title: a < b\n");
  REQUIRE(sweep(folder).exit_code == 0);
  const auto plot = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"sweep", "plot", "out", "--svg", "-"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return run_spillway(arguments, folder.path());
  };
  const auto count = [](const std::string& text, const std::string& part) {
    int found = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++found;
    return found;
  };
  const std::string scatter = plot({}).out;
  CHECK(count(scatter, "<title>point ") == 4);
  CHECK(scatter.find("Pareto front") != std::string::npos);
  CHECK(scatter.find("a &lt; b") != std::string::npos);
  const std::string lines = plot({"--kind", "lines", "--x", "buffer"}).out;
  CHECK(count(lines, "<polyline") == 2);
  CHECK(count(lines, "<title>point ") == 4);
  CHECK(count(plot({"--kind", "heat-map"}).out, "<title>point ") == 4);
  CHECK(plot({"--kind", "pie"}).err.find("lines, heat-map, scatter") != std::string::npos);
  CHECK(plot({"--kind", "lines", "--x", "bufer"}).err.find("did you mean \"buffer\"") !=
        std::string::npos);
  CHECK(plot({"--x", "words", "--y", "words"}).exit_code == 2);
  REQUIRE(run_spillway({"sweep", "plot", "out"}, folder.path()).exit_code == 0);
  CHECK(folder.read("out/scatter.svg") == scatter);
  const std::string page = folder.read("out/sweep.html");
  CHECK(count(page, "\"hash\":") == 6);
  CHECK(page.find("http://www.w3.org/2000/svg") != std::string::npos);
  CHECK(count(page, "http") == 1);  // it needs nothing else
}

TEST_CASE("an evolutionary search keeps its budget and repeats with its seed") {
  const TemporaryFolder folder;
  write_sweep(folder,
              "axes:\n  - {key: rule, values: [bp, lel]}\n"
              "  - {key: device.buffer, range: {from: 4 KiB, to: 40 KiB, step: 1 KiB}}\n"
              "  - {key: batch, range: {from: 1, to: 8, step: 1}}\n"
              "objectives: [words, high_water_bytes]\n"
              "search: {method: nsga2, points: 24, population: 8, seed: 2}\n");
  const ProgramRun run = sweep(folder);
  if (!analysis::has_evolution()) {
    CHECK(run.exit_code == 2);
    CHECK(run.err.find("built without (libpagmo-dev); allowed: grid, random") != std::string::npos);
    return;
  }
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.out.starts_with("24 points: 24 done"));
  const std::string table = table_of(folder);
  // The same again, of which a part is there.
  const std::vector<std::string> files = results(folder);
  for (std::size_t i = 0; i < files.size(); i += 2) fs::remove(folder.path() / files[i]);
  CHECK(sweep(folder).out.starts_with("24 points: 12 done, 12 there before"));
  CHECK(table_of(folder) == table);
}

}  // namespace spillway::sweep_test
