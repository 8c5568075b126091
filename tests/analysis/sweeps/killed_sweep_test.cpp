// Sweeps that are ended in the middle.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <thread>

#include "tests/support/program.hpp"
#include "tests/support/small_sweep.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::killed_sweep_test {

namespace fs = std::filesystem;
using test::TemporaryFolder;

namespace {

const std::vector<std::string> command{"sweep", "s.yaml", "--out", "out", "-j", "2"};

pid_t begin_sweep(const TemporaryFolder& folder) {
  return test::start_spillway(command, folder.path(), "said");
}

std::size_t results_in(const TemporaryFolder& folder) {
  std::error_code error;
  std::size_t count = 0;
  for (const auto& entry : fs::directory_iterator(folder.path() / "out" / "points", error)) {
    count += entry.path().extension() == ".json" ? 1 : 0;
  }
  return count;
}

/// Waits until the sweep has so many results or is over; true when it still runs.
bool wait_for_results(const TemporaryFolder& folder, pid_t process, std::size_t count) {
  while (results_in(folder) < count) {
    if (::waitpid(process, nullptr, WNOHANG) == process) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return true;
}

/// Every file of a folder and when it was written.
std::map<std::string, fs::file_time_type> times_of(const fs::path& folder) {
  std::map<std::string, fs::file_time_type> times;
  for (const auto& entry : fs::directory_iterator(folder)) {
    times[entry.path().filename().string()] = entry.last_write_time();
  }
  return times;
}

std::string table_of(const TemporaryFolder& folder) {
  return test::run_spillway({"sweep", "table", "out", "--csv", "-"}, folder.path()).out;
}

constexpr const char* forty_points =
    "axes:\n  - {key: rule, values: [bp, lel]}\n"
    "  - {key: device.buffer, range: {from: 1 KiB, to: 20 KiB, step: 1 KiB}}\n";

}  // namespace

TEST_CASE("a sweep that is killed again and again ends with the table of one that was not") {
  const TemporaryFolder undisturbed, folder;
  for (const TemporaryFolder* each : {&undisturbed, &folder}) {
    test::write_small_experiment(*each);
    each->write("s.yaml", test::small_sweep(forty_points));
  }
  REQUIRE(test::run_spillway(command, undisturbed.path()).exit_code == 0);
  workloads::SplitMix random(11);
  std::map<std::string, fs::file_time_type> before;
  int killed = 0;
  for (std::size_t want = 3; want < 40; want += 5 + random.below(6)) {
    const pid_t process = begin_sweep(folder);
    if (wait_for_results(folder, process, want)) {
      ::kill(process, SIGKILL);
      test::exit_code_of(process);
      ++killed;
    }
    // What was there was not done again, and is whole.
    std::map<std::string, fs::file_time_type> now = times_of(folder.path() / "out" / "points");
    for (const auto& [name, time] : before) CHECK(now.at(name) == time);
    for (const auto& [name, time] : now) {
      CAPTURE(name);
      CHECK_NOTHROW(parse_json(folder.read("out/points/" + name)));
    }
    before = std::move(now);
  }
  CHECK(killed >= 3);
  const test::ProgramRun last = test::run_spillway(command, folder.path());
  CHECK(last.exit_code == 0);
  CHECK(table_of(folder) == table_of(undisturbed));
  CHECK(results_in(folder) == 40);
  CHECK(fs::is_empty(folder.path() / "out" / "unfinished"));
}

TEST_CASE("an interrupted sweep ends at once and says how to go on") {
  const TemporaryFolder folder;
  test::write_small_experiment(folder);
  // The second point would take hours.
  folder.write("s.yaml",
               "base: ./e.yaml\ncommand: train\nmetrics: [words]\n"
               "axes: [{key: training.epochs, values: [1, 1000000]}]\n");
  const pid_t process = begin_sweep(folder);
  REQUIRE(wait_for_results(folder, process, 1));
  ::kill(process, SIGINT);
  CHECK(test::exit_code_of(process) == 130);
  CHECK(folder.read("said").find("stopped; 1 of 2 points have results in out, and the same command "
                                 "does the rest") != std::string::npos);
}

}  // namespace spillway::killed_sweep_test
