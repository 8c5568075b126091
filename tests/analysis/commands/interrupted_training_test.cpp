// A training run that is killed at any moment continues to the same bits.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/support/program.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::interrupted_training_test {

using test::exit_code_of;

namespace {

constexpr const char* experiment =
    "network:\n"
    "  input: [2, 5, 5]\n"
    "  classes: 3\n"
    "  layers:\n"
    "    - {type: conv, out: 4, kernel: 3, padding: same, batch_norm: true, dropout: 0.25}\n"
    "    - {type: fc, out: 10}\n"
    "rule: lel-scfb\n"
    "device: {base: paper, buffer: 1 MiB}\n"
    "batch: 10\n"
    "data: {base: random, train: 200, test: 20}\n"
    "optimizer: {rate: 0.05, schedule: {divide_by: 5, every: 10}}\n"
    "training: {epochs: 30}\n";

/// Starts `spillway train` on the experiment in `folder`.
pid_t start_training(const test::TemporaryFolder& folder, const char* checkpoint) {
  return test::start_spillway(
      {"train", "e.yaml", "--checkpoint", checkpoint, "--checkpoint-every", "3"}, folder.path());
}

}  // namespace

TEST_CASE("a run killed twenty times at random moments ends as an undisturbed one does") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const auto begin = std::chrono::steady_clock::now();
  REQUIRE(exit_code_of(start_training(folder, "whole")) == 0);
  const auto whole_time = std::chrono::steady_clock::now() - begin;
  const std::string whole = folder.read("whole");
  workloads::SplitMix numbers(17);
  int killed = 0, finished = 0;
  while (killed < 20 || finished == 0) {
    const pid_t child = start_training(folder, "killed");
    if (killed < 20) {
      // Spread over a third of the whole run, the program's own start included.
      std::this_thread::sleep_for(numbers.uniform() / 3 * whole_time);
      kill(child, SIGKILL);
    }
    const int code = exit_code_of(child);
    if (code == -1) {
      ++killed;
      continue;
    }
    REQUIRE(code == 0);
    ++finished;
    CHECK(folder.read("killed") == whole);
    std::filesystem::remove(folder.path() / "killed");
  }
  CHECK(killed == 20);
}

TEST_CASE("a run that is asked to end keeps what it has done") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  REQUIRE(exit_code_of(start_training(folder, "whole")) == 0);
  const std::filesystem::path file = folder.path() / "ended";
  int asked = 0, begun = 0;
  for (int code = -1; code != 0 || asked == 0;) {
    REQUIRE(++begun < 50);
    if (code == 0) std::filesystem::remove(file);  // it was faster than the signal
    const bool first = !std::filesystem::exists(file);
    const auto before = first ? std::filesystem::file_time_type() : last_write_time(file);
    const pid_t child = start_training(folder, "ended");
    // Once it has written a checkpoint of its own it listens.
    int status = 0;
    bool ended = false;
    while (!ended && (!std::filesystem::exists(file) || last_write_time(file) == before)) {
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
      ended = waitpid(child, &status, WNOHANG) == child;
    }
    if (!ended && asked < 3) kill(child, SIGTERM);
    code = ended ? WEXITSTATUS(status) : exit_code_of(child);
    REQUIRE((code == 0 || code == 130));
    asked += code == 130;
  }
  CHECK(folder.read("ended") == folder.read("whole"));
}

}  // namespace spillway::interrupted_training_test
