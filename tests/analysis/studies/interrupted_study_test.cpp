// A study that is stopped continues with the same command, and never with rows of other settings.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "tests/support/program.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::interrupted_study_test {

using test::exit_code_of;
using test::ProgramRun;
using test::TemporaryFolder;

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
    "data: {base: random, train: 60, test: 20}\n"
    "optimizer: {rate: 0.05}\n";

constexpr const char* study =
    "title: t\ndefault: {epochs: 6, seeds: 2}\nrows:\n"
    "  - {label: a, experiment: ./e.yaml}\n"
    "  - {label: b, experiment: ./e.yaml, set: [rule=bp]}\n"
    "  - {label: c, experiment: ./e.yaml, set: [training.order=layer-by-layer]}\n";

void write_study(const TemporaryFolder& folder) {
  folder.write("e.yaml", experiment);
  folder.write("s.yaml", study);
}

const std::vector<std::string> command{"reproduce", "s.yaml", "--direct", "--out", "o"};

ProgramRun reproduce(const TemporaryFolder& folder, const std::vector<std::string>& more = {}) {
  std::vector<std::string> arguments = command;
  arguments.insert(arguments.end(), more.begin(), more.end());
  return test::run_spillway(arguments, folder.path());
}

/// Starts the same in the background.
pid_t start(const TemporaryFolder& folder) { return test::start_spillway(command, folder.path()); }

std::size_t checkpoints_in(const TemporaryFolder& folder) {
  std::size_t count = 0;
  for (const std::string& name : folder.files()) count += name.ends_with(".checkpoint");
  return count;
}

/// Runs until there are so many checkpoints and ends it by a signal there; false when it was
/// faster.
bool stopped_by(const TemporaryFolder& folder, std::size_t checkpoints, int signal) {
  const pid_t child = start(folder);
  while (checkpoints_in(folder) < checkpoints) {
    if (waitpid(child, nullptr, WNOHANG) == child) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  kill(child, signal);
  return exit_code_of(child) != 0;
}

void stop_with(const TemporaryFolder& folder, std::size_t checkpoints, int signal) {
  int begun = 1;
  while (!stopped_by(folder, checkpoints, signal)) REQUIRE(++begun < 50);
}

}  // namespace

TEST_CASE("a study killed again and again ends in the table and files of an undisturbed one") {
  const TemporaryFolder undisturbed, folder;
  write_study(undisturbed);
  write_study(folder);
  const auto begin = std::chrono::steady_clock::now();
  const ProgramRun whole = reproduce(undisturbed);
  const auto whole_time = std::chrono::steady_clock::now() - begin;
  REQUIRE(whole.exit_code == 0);
  workloads::SplitMix numbers(23);
  for (int i = 0; i < 6; ++i) {
    const pid_t child = start(folder);
    std::this_thread::sleep_for(numbers.uniform() / 2 * whole_time);
    kill(child, SIGKILL);
    exit_code_of(child);
  }
  for (const std::size_t finished : {1, 2, 4}) stop_with(folder, finished, SIGKILL);
  const ProgramRun last = reproduce(folder);
  CAPTURE(last.err);
  REQUIRE(last.exit_code == 0);
  CHECK(last.out == whole.out);
  for (const char* name : {"o/s.csv", "o/s.json", "o/s.svg", "o/s-curves.svg"}) {
    CAPTURE(name);
    CHECK(folder.read(name) == undisturbed.read(name));
  }
  CHECK(checkpoints_in(folder) == 0);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "o" / "s.unfinished"));
}

TEST_CASE("a study that is asked to end says where it goes on, and goes on there") {
  const TemporaryFolder folder;
  write_study(folder);
  stop_with(folder, 3, SIGTERM);
  const ProgramRun again = reproduce(folder);
  CHECK(again.exit_code == 0);
  CHECK(again.err.find("continues from o/s.unfinished: of 6 runs, ") != std::string::npos);
}

TEST_CASE("other settings begin anew, name what differs and leave what is kept of the first ones") {
  const TemporaryFolder folder, fresh;
  write_study(folder);
  write_study(fresh);
  stop_with(folder, 3, SIGKILL);
  const std::size_t kept = checkpoints_in(folder);
  folder.write("e.yaml", std::string(experiment) + "idealisations: none\n");
  fresh.write("e.yaml", std::string(experiment) + "idealisations: none\n");
  for (const std::vector<std::string>& changed :
       std::vector<std::vector<std::string>>{{}, {"--epochs", "7"}, {"--subset", "50"}}) {
    const ProgramRun run = reproduce(folder, changed);
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    CHECK(run.err.find("there are " + std::to_string(kept) + " runs in o/s.unfinished of other") !=
          std::string::npos);
    CHECK(run.err.find("idealisations is ") != std::string::npos);
    CHECK(run.err.find("continues from") == std::string::npos);
    CHECK(run.err.find("o/s.unfinished still has runs of other settings") != std::string::npos);
    CHECK(run.out == reproduce(fresh, changed).out);
    CHECK(checkpoints_in(folder) == kept);
  }
  // With the first settings it goes on.
  folder.write("e.yaml", experiment);
  CHECK(reproduce(folder).err.find("continues from o/s.unfinished") != std::string::npos);
  CHECK(checkpoints_in(folder) == 0);
}

TEST_CASE("another number of epochs with the same rates is another run") {
  const TemporaryFolder folder;
  write_study(folder);
  // Rates are divided after epochs 2 and 3 of both three and four.
  const ProgramRun three = reproduce(folder, {"--epochs", "3", "--checkpoints", "k"});
  const ProgramRun four = reproduce(folder, {"--epochs", "4", "--checkpoints", "k"});
  CHECK(four.err.find("3epochs") != std::string::npos);
  CHECK(four.err.find("another number of epochs") != std::string::npos);
  CHECK(four.out == reproduce(folder, {"--epochs", "4"}).out);
  CHECK(three.out == reproduce(folder, {"--epochs", "3", "--checkpoints", "k"}).out);
}

}  // namespace spillway::interrupted_study_test
