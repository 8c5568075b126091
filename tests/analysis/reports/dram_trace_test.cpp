// What a run sends to DRAM, as a trace.
#include <doctest/doctest.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "analysis/reports/dram_trace_file.hpp"
#include "models/dram/traces/trace_reader.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/json.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::dram_trace_test {

using analysis::DramTraceFile;
using models::dram::Request;
using models::dram::TraceFormat;
using models::dram::TraceReader;
using test::run_spillway;
using test::TemporaryFolder;
using workloads::Bytes;
using workloads::Picoseconds;
using workloads::UnfinishedFile;

namespace {

constexpr bool read = false, write = true;

void write_experiment(const TemporaryFolder& folder) {
  folder.write("net.yaml",
               "input: 20\nclasses: 3\nlayers:\n  - {type: fc, out: 40}\n  - {type: fc, out: 6}\n");
  folder.write("e.yaml", "network: net.yaml\nrule: bp\ndevice: paper\nbatch: 10\ndata: random\n");
}

std::vector<Request> requests_of(const std::filesystem::path& path) {
  TraceReader reader(path);
  std::vector<Request> requests;
  Request request;
  while (reader.next(request)) requests.push_back(request);
  return requests;
}

}  // namespace

TEST_CASE("a run's trace holds every burst of its traffic, in each format the same") {
  const TemporaryFolder folder;
  write_experiment(folder);
  std::vector<Request> first;
  for (const std::string format : {"dramsim3", "dramsys", "ramulator2"}) {
    CAPTURE(format);
    const test::ProgramRun run = run_spillway(
        {"run", "e.yaml", "--dram-trace", "t.trace", "--format", format, "--json", "run.json"},
        folder.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    std::vector<Request> requests = requests_of(folder.path() / "t.trace");
    const auto json = parse_json(folder.read("run.json"));
    std::uint64_t bytes[2] = {0, 0};
    for (const Request& request : requests) bytes[request.is_write ? 1 : 0] += 64;
    CHECK(bytes[0] == json["dram"]["read_bytes"].get<std::uint64_t>());
    CHECK(bytes[1] == json["dram"]["write_bytes"].get<std::uint64_t>());
    CHECK(run.out.find(std::to_string(requests.size()) + " bursts written to t.trace") !=
          std::string::npos);
    const auto in_time = [](const Request& a, const Request& b) {
      return a.earliest_cycle < b.earliest_cycle;
    };
    CHECK(std::is_sorted(requests.begin(), requests.end(), in_time));
    if (first.empty()) first = requests;
    CHECK(first.back().earliest_cycle > 0);
    if (format == "ramulator2") {
      for (Request& request : first) request.earliest_cycle = 0;
    }
    CHECK(requests == first);
  }
}

TEST_CASE("a run is the same with a trace as without") {
  const TemporaryFolder folder;
  write_experiment(folder);
  const test::ProgramRun with =
      run_spillway({"run", "e.yaml", "--json", "-", "--dram-trace", "t"}, folder.path());
  const test::ProgramRun without = run_spillway({"run", "e.yaml", "--json", "-"}, folder.path());
  REQUIRE(with.exit_code == 0);
  CHECK(with.out == without.out);
}

TEST_CASE("a trace whose name ends in stl is one of DRAMSys unless said otherwise") {
  const TemporaryFolder folder;
  write_experiment(folder);
  REQUIRE(run_spillway({"run", "e.yaml", "--dram-trace", "t.stl"}, folder.path()).exit_code == 0);
  CHECK(TraceReader(folder.path() / "t.stl").format() == TraceFormat::dramsys);
  REQUIRE(run_spillway({"run", "e.yaml", "--dram-trace", "u.stl", "--format", "ramulator2"},
                       folder.path())
              .exit_code == 0);
  CHECK(TraceReader(folder.path() / "u.stl").format() == TraceFormat::ramulator2);
}

TEST_CASE("a trace that cannot be written is refused before anything runs") {
  const TemporaryFolder folder;
  write_experiment(folder);
  const std::vector<std::vector<std::string>> calls{
      {"run", "e.yaml", "--dram-trace", "-"},
      {"run", "e.yaml", "--dram-trace", "net.yaml"},
      {"run", "e.yaml", "--dram-trace", "."},
      {"run", "e.yaml", "--dram-trace", "no/such/folder"},
      {"run", "e.yaml", "--dram-trace", "t", "--json", "t"},
      {"run", "e.yaml", "--dram-trace", "t", "--format", "dramsim"},
      {"run", "e.yaml", "--dram-trace", "t", "--format", "rstl"},
      {"run", "e.yaml", "--format", "dramsim3"},
      {"run", "e.yaml", "--dram-trace", "t", "--set", "device.buffer=64"},
  };
  const std::string network = folder.read("net.yaml");
  for (const auto& call : calls) {
    CAPTURE(call.back());
    const test::ProgramRun run = run_spillway(call, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    CHECK(folder.files() == std::vector<std::string>{"e.yaml", "net.yaml"});
    CHECK(folder.read("net.yaml") == network);
  }
}

TEST_CASE("a transaction is as many bursts as it touches, in the cycle in which it was sent") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.path() / "t";
  DramTraceFile trace(path, TraceFormat::dramsys, 833'000);
  trace.add({Picoseconds(0), 0x100, Bytes(64), read});
  trace.add({Picoseconds(832), 0x13f, Bytes(2), write});
  trace.add({Picoseconds(833), 0x1c1, Bytes(64), read});
  trace.add({Picoseconds(1'000'000), 0x200, Bytes(0), read});
  trace.add({Picoseconds(1'000'000), ~std::uint64_t{0}, Bytes(1), write});
  CHECK(trace.bursts() == 6);
  trace.finish();
  const std::vector<Request> expected{{0x100, read, 0},  {0x100, write, 0},
                                      {0x140, write, 0}, {0x1c0, read, 1},
                                      {0x200, read, 1},  {~std::uint64_t{63}, write, 1200}};
  CHECK(requests_of(path) == expected);
}

TEST_CASE("an unfinished file leaves the old one as it was") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.write("t", "old");
  {
    UnfinishedFile file(path);
    file.write("new");
    CHECK(folder.read("t") == "old");
    CHECK_THROWS_AS(UnfinishedFile{path}, workloads::InputError);  // somebody else is at it
  }
  CHECK(folder.read("t") == "old");
  CHECK(folder.files() == std::vector<std::string>{"t"});
}

TEST_CASE("a finished file takes the old one's place and its permissions") {
  const TemporaryFolder folder;
  const std::filesystem::path path = folder.write("t", "an older and longer text");
  std::filesystem::permissions(
      path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  std::filesystem::create_symlink("t", folder.path() / "link");
  UnfinishedFile file(folder.path() / "link");
  file.write("new");
  file.write(" text");
  file.finish();
  CHECK(std::filesystem::is_symlink(folder.path() / "link"));
  CHECK(folder.read("t") == "new text");
  CHECK(std::filesystem::status(path).permissions() ==
        (std::filesystem::perms::owner_read | std::filesystem::perms::owner_write));
  CHECK(folder.files().size() == 2);
}

TEST_CASE("a pipe takes a trace as it grows") {
  const TemporaryFolder folder;
  const std::filesystem::path pipe = folder.path() / "pipe";
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  std::vector<Request> received;
  std::thread reader([&] { received = requests_of(pipe); });
  {
    DramTraceFile trace(pipe, TraceFormat::ramulator2, 1000);
    for (std::uint64_t i = 0; i < 100'000; ++i) {
      trace.add({Picoseconds(i), i * 64, Bytes(64), i % 2 == 0});
    }
    trace.finish();
  }
  reader.join();
  CHECK(received.size() == 100'000);
  CHECK(std::filesystem::is_fifo(pipe));
}

}  // namespace spillway::dram_trace_test
