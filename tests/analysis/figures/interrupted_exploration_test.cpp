// An exploration of buffer sizes: the same bytes from any number of threads, and from any number of
// interruptions.
#include <doctest/doctest.h>
#include <sys/wait.h>

#include <chrono>
#include <csignal>
#include <thread>

#include "analysis/figures/explore_partial.hpp"
#include "tests/support/build.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"

namespace spillway::interrupted_exploration_test {

using analysis::BufferExploration;
using analysis::Curve;
using analysis::ExplorationOptions;
using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;
using workloads::Bytes;

namespace {

constexpr const char* network_text =
    "input: 8\nclasses: 2\nlayers: [{type: fc, out: 6, batch_norm: true}]\n";
constexpr const char* quick_network_text = "input: 20\nclasses: 3\nlayers: [{type: fc, out: 12}]\n";

workloads::Network network(const std::string& name = "small, of two") {
  return workloads::read_network(workloads::Config::from_text(network_text, "small.yaml"), name);
}

const std::vector<Bytes> sizes{Bytes(16), Bytes(1024), Bytes(2048), Bytes(4096)};

/// What a run of so many plans leaves when it is stopped then.
struct Stopped {};
void stop_after(std::size_t plans, analysis::PartialExploration& partial) {
  ExplorationOptions options;
  options.jobs = 1;
  options.recall = [&](BufferExploration& so_far) { partial.recall(so_far); };
  std::size_t done = 0;
  options.keep = [&](const BufferExploration& so_far) {
    partial.keep(so_far);
    if (++done == plans) throw Stopped{};
  };
  CHECK_THROWS_AS(analysis::explore_buffer(network(), 4, sizes, options), Stopped);
  partial.write();
}

std::size_t plans_made(const ExplorationOptions& base, BufferExploration* result) {
  ExplorationOptions options = base;
  std::size_t made = 0;
  options.progress = [&](const analysis::ExplorationProgress& at) { made = at.done; };
  *result = analysis::explore_buffer(network(), 4, sizes, options);
  return made;
}

pid_t start(const TemporaryFolder& folder) {
  return test::start_spillway({"explore-buffer", "small.yaml", "--sizes", "256..32KiB", "--batch",
                               "8", "--csv", "out.csv", "-j", "2"},
                              folder.path(), "err");
}

}  // namespace

TEST_CASE("an exploration is the same bytes from one job and from several") {
  const TemporaryFolder folder;
  folder.write("small.yaml", network_text);
  std::string first;
  for (const char* jobs : {"1", "2", "5"}) {
    const ProgramRun run =
        run_spillway({"explore-buffer", "small.yaml", "--sizes", "16,1KiB..4KiB", "--batch", "4",
                      "-j", jobs, "--csv", "out.csv", "--json", "out.json", "--svg", "out.svg"},
                     folder.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    const std::string all =
        run.out + folder.read("out.csv") + folder.read("out.json") + folder.read("out.svg");
    if (first.empty()) first = all;
    CHECK(all == first);
    CHECK_FALSE(std::filesystem::exists(folder.path() / "out.csv.partial"));
  }
  for (const char* wrong : {"0", "-1", "x"}) {
    CHECK(run_spillway({"explore-buffer", "small.yaml", "-j", wrong}, folder.path()).exit_code ==
          2);
  }
}

TEST_CASE("an exploration goes on from the plans that were kept and ends in the same bytes") {
  BufferExploration whole, continued;
  const std::size_t all = plans_made({}, &whole);
  CHECK(all == 2 * 4 * 4);
  for (const std::size_t stopped_after : {1, 5, 11, 27}) {
    CAPTURE(stopped_after);
    const TemporaryFolder folder;
    analysis::PartialExploration partial(folder.path() / "p", network(), 4, sizes);
    stop_after(stopped_after, partial);
    ExplorationOptions options;
    options.recall = [&](BufferExploration& so_far) { partial.recall(so_far); };
    // Those of the first size were refused, and are tried again for the reason.
    std::size_t kept = stopped_after;
    for (std::size_t i = 0; i < stopped_after; ++i) kept -= i % 16 < 4;
    CHECK(plans_made(options, &continued) == all - kept);
    CHECK(exploration_csv(continued) == exploration_csv(whole));
    CHECK(exploration_json(continued) == exploration_json(whole));
    CHECK(exploration_svg(continued) == exploration_svg(whole));
  }
}

TEST_CASE("a row that is not planned yet has empty cells and no ratio") {
  const TemporaryFolder folder;
  analysis::PartialExploration partial(folder.path() / "p", network(), 4, sizes);
  stop_after(6, partial);  // four of the first size, two of the second
  std::istringstream lines(folder.read("p"));
  std::vector<std::string> rows;
  for (std::string line; std::getline(lines, line);) rows.push_back(line);
  REQUIRE(rows.size() == 2 + 8);
  CHECK(rows[0].starts_with("# unfinished: version "));
  CHECK(rows[0].ends_with("; batch 4; sizes 16 1024 2048 4096"));
  CHECK(rows[1].starts_with("network,batch,batch_norm,buffer_bytes,bp_reads"));
  CHECK(rows[3].starts_with("\"small, of two\",4,false,1024,"));
  CHECK(rows[3].find(",,,,,,,,,,,,,,") != std::string::npos);  // LEL's twelve and two ratios
  CHECK(rows[4].find("false,2048,,,,,,") != std::string::npos);
}

TEST_CASE("what was kept of another exploration is refused by what differs") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "p";
  analysis::PartialExploration partial(path, network(), 4, sizes);
  stop_after(5, partial);
  const std::string kept = folder.read("p");
  const auto message = [&](const workloads::Network& of, std::int64_t batch,
                           const std::vector<Bytes>& at) -> std::string {
    analysis::PartialExploration other(path, of, batch, at);
    ExplorationOptions options;
    options.recall = [&](BufferExploration& so_far) { other.recall(so_far); };
    try {
      analysis::explore_buffer(of, batch, at, options);
    } catch (const workloads::InputError& error) {
      return error.what();
    }
    return "";
  };
  CHECK(message(network(), 5, sizes).find("batch 4, here batch 5; allowed") != std::string::npos);
  CHECK(message(network(), 4, {Bytes(1024)}).find("sizes 16 1024 2048 4096, here sizes 1024") !=
        std::string::npos);
  CHECK(message(network("other"), 4, sizes).find("here network other [") != std::string::npos);
  workloads::Network changed = network();  // the same name
  changed.layers[0].relu = false;
  CHECK(message(changed, 4, sizes).find("found network small, of two [") != std::string::npos);
  for (const std::string& damaged :
       {kept.substr(0, kept.find('\n') + 1) + "network\n", kept + "x,1,2\n", "hello\n" + kept,
        kept + kept.substr(kept.rfind("\"small")).replace(20, 1, "9")}) {
    folder.write("p", damaged);
    CHECK(message(network(), 4, sizes).find("found ") != std::string::npos);
    CHECK(folder.read("p") == damaged);
  }
}

TEST_CASE("an exploration that is killed or asked to end continues to the same bytes") {
  const TemporaryFolder folder;
  folder.write("small.yaml", quick_network_text);
  const ProgramRun whole = run_spillway({"explore-buffer", "small.yaml", "--sizes", "256..32KiB",
                                         "--batch", "8", "--csv", "whole.csv"},
                                        folder.path());
  REQUIRE(whole.exit_code == 0);
  const std::filesystem::path partial = folder.path() / "out.csv.partial";
  const auto wait_for_partial = [&](pid_t child) {
    while (!std::filesystem::exists(partial)) {
      if (waitpid(child, nullptr, WNOHANG) == child) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    return true;
  };
  for (const int signal : {SIGKILL, SIGTERM, SIGINT}) {
    CAPTURE(signal);
    std::filesystem::remove(folder.path() / "out.csv");
    const pid_t child = start(folder);
    if (wait_for_partial(child)) {
      kill(child, signal);
      const int code = test::exit_code_of(child);
      if (code == -1) {
        CHECK(signal == SIGKILL);
      } else if (code != 0) {  // 0: it was done before the signal came
        CHECK(code == 130);
        CHECK(folder.read("err").find("kept in out.csv.partial") != std::string::npos);
      }
    }
    CHECK(test::exit_code_of(start(folder)) == 0);
    CHECK(folder.read("out.csv") == folder.read("whole.csv"));
    CHECK_FALSE(std::filesystem::exists(partial));
  }
}

}  // namespace spillway::interrupted_exploration_test
