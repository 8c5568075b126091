// `spillway dram`: a DRAM device alone under patterns and traces.
#include <doctest/doctest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>

#include "analysis/reports/dram_run.hpp"
#include "models/dram/traces/pattern.hpp"
#include "models/dram/traces/trace_writer.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/json.hpp"

namespace spillway::dram_command_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;
using workloads::Bytes;

namespace {

constexpr std::uint64_t mib = 1 << 20;

/// `spillway dram ARGUMENTS… --json -`.
Json dram(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "dram");
  arguments.insert(arguments.end(), {"--json", "-"});
  const ProgramRun run = run_spillway(arguments, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  return parse_json(run.out);
}

/// Without what differs from run to run.
Json timeless(Json result) {
  result.erase("pattern");
  result.erase("bursts_per_cpu_s");
  return result;
}

void write_trace(const std::filesystem::path& path, models::dram::TraceFormat format,
                 const std::string& pattern) {
  std::ofstream file(path, std::ios::binary);
  models::dram::TraceWriter writer(format, [&](std::string_view text) { file << text; });
  models::dram::Pattern source(pattern, Bytes(mib), 4);
  models::dram::Request request;
  while (source.next(request)) writer.add(request);
  writer.finish();
}

}  // namespace

TEST_CASE("dram prints JSON with the stable keys and figures that fit together") {
  const TemporaryFolder folder;
  const Json result = dram(folder, {"ddr4-2400", "--pattern", "c_rw4k", "--mib", "2"});
  for (const char* key :
       {"device", "pattern", "mapping", "bursts", "cycles", "time_ns", "bandwidth_GBps",
        "pct_of_peak", "avg_read_latency_ns", "row_hits", "activates", "precharges", "refreshes",
        "energy_uJ", "bursts_per_cpu_s"}) {
    CAPTURE(key);
    CHECK(result.contains(key));
  }
  CHECK(result.at("device") == "ddr4-2400");
  CHECK(result.at("pattern") == "c_rw4k");
  CHECK(result.at("mapping") == "RoBaCoBg");
  CHECK(result.at("bursts") == 2 * mib / 64);
  CHECK(result.at("read_bursts") == mib / 64);
  CHECK(result.at("write_bursts") == mib / 64);
  const double time = result.at("time_ns"), bandwidth = result.at("bandwidth_GBps");
  CHECK(time == doctest::Approx(0.833 * result.at("cycles").get<double>()));
  CHECK(bandwidth == doctest::Approx(2.0 * mib / time));
  CHECK(result.at("pct_of_peak") == doctest::Approx(100 * bandwidth / (64 / 3.332)));
  CHECK(result.at("row_hits").get<std::uint64_t>() + result.at("activates").get<std::uint64_t>() ==
        2 * mib / 64);
  // tCL and the burst itself at the least.
  CHECK(result.at("avg_read_latency_ns") > (17 + 4) * 0.833);
  CHECK(result.at("bursts_per_cpu_s") > 0);
  CHECK(result.at("bus_cycles").at("data") == 4 * 2 * mib / 64);
  CHECK(result.at("bus_cycles").contains("row_misses"));
  const Json& energy = result.at("energy_uJ");
  CHECK(energy.size() == 6);
  double sum = 0;
  for (const char* part : {"activate", "read", "write", "refresh", "background"}) {
    CAPTURE(part);
    CHECK(energy.at(part) > 0);
    sum += energy.at(part).get<double>();
  }
  CHECK(energy.at("total") == doctest::Approx(sum));
  CHECK(result.at("io_energy_uJ") > 0);
}

TEST_CASE("the average read latency is null where nothing was read") {
  const TemporaryFolder folder;
  CHECK(dram(folder, {"ddr4-2400", "--pattern", "b_seq_wr", "--mib", "1"})
            .at("avg_read_latency_ns")
            .is_null());
}

TEST_CASE("every pattern runs on every shipped device and is served whole") {
  for (const std::string& name : models::dram::dram_device_names()) {
    const models::dram::DramDevice device = models::dram::dram_device(name);
    for (const std::string& pattern : models::dram::pattern_names()) {
      CAPTURE(name);
      CAPTURE(pattern);
      const analysis::DramRun run = analysis::run_dram_pattern(device, pattern, Bytes(mib));
      CHECK(run.statistics.bursts() == mib / 64);
      // No faster than the data bus of all channels, and no slower than one row cycle a burst with
      // as much again for refresh.
      const std::uint64_t bus = mib / 64 * device.timing.burst / device.channels;
      CHECK(run.statistics.finish >= bus);
      CHECK(run.statistics.finish < 2 * mib / 64 * device.timing.row_cycle);
      if (pattern.ends_with("_30pct")) {
        CHECK(run.statistics.finish >= bus * 10 / 3 - device.timing.burst * 10);
      }
    }
  }
}

TEST_CASE("a pattern as a trace gives what the pattern gives, in every format") {
  using models::dram::TraceFormat;
  const TemporaryFolder folder;
  struct Case {
    const char* pattern;
    const char* file;
    TraceFormat format;
  };
  for (const Case& c : {Case{"h_rand_rw", "t.trace", TraceFormat::dramsim3},
                        Case{"e_copy256", "t.ls", TraceFormat::ramulator2},
                        Case{"a_seq_rd_30pct", "t.stl", TraceFormat::dramsys}}) {
    CAPTURE(c.pattern);
    write_trace(folder.path() / c.file, c.format, c.pattern);
    const Json pattern = dram(folder, {"ddr4-2400", "--pattern", c.pattern, "--mib", "1"});
    const Json trace = dram(folder, {"ddr4-2400", "--trace", c.file});
    CHECK(trace.at("pattern") == c.file);
    CHECK(timeless(trace) == timeless(pattern));
  }
}

TEST_CASE("what a run sent is replayed burst for burst") {
  const TemporaryFolder folder;
  const ProgramRun run = run_spillway(
      {"run", "mnist-mlp-lel", "--dram-trace", "lel.stl", "--json", "run.json"}, folder.path());
  REQUIRE(run.exit_code == 0);
  const Json sent = parse_json(folder.read("run.json")).at("dram");
  const Json replayed = dram(folder, {"ddr4-2400", "--trace", "lel.stl"});
  CHECK(replayed.at("read_bursts").get<std::uint64_t>() * 64 == sent.at("read_bytes"));
  CHECK(replayed.at("write_bursts").get<std::uint64_t>() * 64 == sent.at("write_bytes"));
}

TEST_CASE("another mapping is another result, and that of the device is the usual one") {
  const TemporaryFolder folder;
  const std::vector<std::string> call{"ddr4-2400", "--pattern", "a_seq_rd", "--mib", "1"};
  const auto with = [&](const char* mapping) {
    std::vector<std::string> arguments = call;
    arguments.insert(arguments.end(), {"--mapping", mapping});
    return dram(folder, arguments);
  };
  CHECK(timeless(dram(folder, call)) == timeless(with("RoBaCoBg")));
  const Json other = with("RoBaBgCo");
  CHECK(other.at("mapping") == "RoBaBgCo");
  CHECK(other.at("cycles") > with("RoBaCoBg").at("cycles"));  // one bank group at a time
  CHECK(dram(folder, {"lpddr4-3200", "--pattern", "a_seq_rd", "--mib", "1", "--mapping", "RoBaCo"})
            .at("mapping") == "RoBaCo");
}

TEST_CASE("another controller is another result, and that of the device is the usual one") {
  const TemporaryFolder folder;
  const auto run = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments{"ddr4-2400", "--pattern", "e_copy256", "--mib", "1"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dram(folder, arguments);
  };
  const auto usual = run({}), same = run({"--controller", "row-hits-first"}),
             other = run({"--controller", "bank-queues"});
  CHECK(usual.at("controller") == "row-hits-first");
  CHECK(same.at("cycles") == usual.at("cycles"));
  CHECK(other.at("controller") == "bank-queues");
  CHECK(other.at("cycles") != usual.at("cycles"));
  const ProgramRun wrong = run_spillway(
      {"dram", "ddr4-2400", "--pattern", "e_copy256", "--controller", "bank-queue"}, folder.path());
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("did you mean \"bank-queues\"") != std::string::npos);
}

TEST_CASE("patterns are of the reference's size when nothing is said") {
  const auto size = [](const char* device, const char* pattern, const char* mapping) {
    return analysis::usual_pattern_size(
               models::dram::with_mapping(models::dram::dram_device(device), mapping), pattern)
               .count() /
           mib;
  };
  for (const char* stream : {"a_seq_rd", "b_seq_wr", "c_rw4k", "c_rw4k_off", "d_rw64k",
                             "d_rw64k_off", "e_copy256", "e_copy256_off", "i_three"}) {
    CAPTURE(stream);
    CHECK(size("ddr4-2400", stream, "RoBaCoBg") == 64);
    CHECK(size("ddr4-2400", stream, "RoBaBgCo") == 16);
    CHECK(size("hbm2-2000", stream, "RoBaCoBg") == 16);
  }
  for (const char* other :
       {"f_strided", "g_rand_rd", "h_rand_rw", "a_seq_rd_30pct", "g_rand_rd_30pct"}) {
    CAPTURE(other);
    CHECK(size("ddr4-2400", other, "RoBaCoBg") == 16);
  }
}

TEST_CASE("the text names the device and its figures and energy with the interface apart") {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_spillway({"dram", "ddr4-2400", "--pattern", "a_seq_rd", "--mib", "1"}, folder.path());
  REQUIRE(run.exit_code == 0);
  for (const char* words : {"ddr4-2400", "RoBaCoBg", "a_seq_rd", "16 384", "GB/s", "refresh",
                            "turnaround", "row misses", "interface, apart", "pJ/bit"}) {
    CAPTURE(words);
    CHECK(run.out.find(words) != std::string::npos);
  }
}

TEST_CASE("a device of one's own is a file") {
  const TemporaryFolder folder;
  const auto shipped = std::filesystem::path(SPILLWAY_SOURCE_DIR) / "models/devices/dram";
  std::ifstream stream(shipped / "ddr4-2400.yaml");
  std::string text((std::istreambuf_iterator<char>(stream)), {});
  const auto replace = [&](const std::string& from, const std::string& to) {
    REQUIRE(text.find(from) != std::string::npos);
    text.replace(text.find(from), from.size(), to);
  };
  replace("name: ddr4-2400", "name: mine");
  replace("channels: 1", "channels: 2");
  folder.write("mine.yaml", text);
  const auto run = [&](const std::string& device) {
    return dram(folder, {device, "--pattern", "a_seq_rd", "--mib", "1"});
  };
  CHECK(run("mine.yaml").at("device") == "mine");
  CHECK(run("mine.yaml").at("bandwidth_GBps").get<double>() >
        1.5 * run("ddr4-2400").at("bandwidth_GBps").get<double>());
}

TEST_CASE("patterns and traces are in bursts of the device, whatever their size") {
  const TemporaryFolder folder;
  for (const std::uint64_t burst : {16u, 32u, 128u}) {
    CAPTURE(burst);
    const std::string set = "geometry.burst=" + std::to_string(burst);
    for (const char* pattern : {"a_seq_rd", "e_copy256", "h_rand_rw"}) {
      CAPTURE(pattern);
      const Json result =
          dram(folder, {"ddr4-2400", "--pattern", pattern, "--mib", "1", "--set", set});
      CHECK(result.at("burst_bytes") == burst);
      CHECK(result.at("bursts") == mib / burst);
    }
    folder.write("t", "0x0 READ 0\n0x10 READ 1\n0x20 READ 2\n0x40 READ 3\n0x80 READ 4\n");
    const Json trace = dram(folder, {"ddr4-2400", "--trace", "t", "--set", set});
    CHECK(trace.at("bursts") == 5);
  }
  const ProgramRun refused = run_spillway({"dram", "ddr4-2400", "--pattern", "e_copy256", "--set",
                                           "geometry.burst=512", "--set", "interleave=512"},
                                          folder.path());
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("found bursts of 512 bytes; allowed: up to 256") != std::string::npos);
}

TEST_CASE("what a run sends in bursts of 32 bytes is replayed in bursts of 32 bytes") {
  const TemporaryFolder folder;
  folder.write("net.yaml", "input: 20\nclasses: 3\nlayers:\n  - {type: fc, out: 40}\n");
  folder.write("e.yaml",
               "network: net.yaml\nrule: bp\ndevice: {base: paper, dram: {geometry: {burst: 32}}}\n"
               "batch: 10\ndata: random\n");
  const ProgramRun run =
      run_spillway({"run", "e.yaml", "--dram-trace", "t", "--json", "run.json"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json sent = parse_json(folder.read("run.json")).at("dram");
  const Json replayed = dram(folder, {"ddr4-2400", "--trace", "t", "--set", "geometry.burst=32"});
  CHECK(replayed.at("read_bursts").get<std::uint64_t>() * 32 == sent.at("read_bytes"));
  CHECK(replayed.at("write_bursts").get<std::uint64_t>() * 32 == sent.at("write_bytes"));
}

TEST_CASE("a trace comes through standard input, too") {
  const TemporaryFolder folder;
  write_trace(folder.path() / "t", models::dram::TraceFormat::dramsim3, "c_rw4k");
  const std::string command = "cd '" + folder.path().string() +
                              "' && '" SPILLWAY_PROGRAM
                              "' dram ddr4-2400 --trace - --json out.json < t > text";
  REQUIRE(std::system(command.c_str()) == 0);
  const Json piped = parse_json(folder.read("out.json"));
  CHECK(piped.at("pattern") == "standard input");
  CHECK(timeless(piped) == timeless(dram(folder, {"ddr4-2400", "--trace", "t"})));
}

TEST_CASE("addresses beyond the device are refused, or wrap on request") {
  const TemporaryFolder folder;
  folder.write("t", "0xFFFFFFFFFFFF READ 1\n");
  const ProgramRun refused = run_spillway({"dram", "ddr4-2400", "--trace", "t"}, folder.path());
  CHECK(refused.exit_code == 2);
  CHECK(refused.err.find("t:1: address: found \"0xffffffffffff\"") != std::string::npos);
  CHECK(refused.err.find("below 0x200000000") != std::string::npos);
  CHECK(dram(folder, {"ddr4-2400", "--trace", "t", "--wrap"}).at("bursts") == 1);
  // A pattern of 512 MiB on a device of 256 MiB.
  const std::vector<std::string> random{
      "ddr4-2400", "--pattern", "g_rand_rd", "--mib", "1", "--set", "geometry.rows_per_bank=2048"};
  std::vector<std::string> call = random;
  call.insert(call.begin(), "dram");
  const ProgramRun small = run_spillway(call, folder.path());
  CHECK(small.exit_code == 2);
  CHECK(small.err.find("allowed: below 0x10000000") != std::string::npos);
  std::vector<std::string> wrapped = random;
  wrapped.push_back("--wrap");
  CHECK(dram(folder, wrapped).at("bursts") == mib / 64);
}

TEST_CASE("cycles that go backwards are told of") {
  const TemporaryFolder folder;
  folder.write("t", "0x0 READ 9\n0x40 READ 5\n0x80 READ 6\n");
  const ProgramRun run =
      run_spillway({"dram", "ddr4-2400", "--trace", "t", "--json", "-"}, folder.path());
  CHECK(run.exit_code == 0);
  CHECK(run.err.find("warning: t:2: found cycle 5 after 9; 2 lines") != std::string::npos);
  CHECK(parse_json(run.out).at("backwards_cycles") == 2);
  folder.write("t", "0x0 READ 5\n0x40 READ 5\n0x80 READ 6\n");
  CHECK(run_spillway({"dram", "ddr4-2400", "--trace", "t"}, folder.path()).err == "");
}

TEST_CASE("a trace may count in another clock than the DRAM's") {
  const TemporaryFolder folder;
  // Each request opens a row of its own long after the one before: the last decides on the end.
  folder.write("t", "0x0 READ 0\n0x2000000 READ 12000\n");
  folder.write("u", "0x0 READ 0\n0x2000000 READ 16000\n");
  const auto cycles = [&](const char* trace, std::vector<std::string> more) {
    std::vector<std::string> arguments{"ddr4-3200", "--trace", trace};
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dram(folder, arguments).at("cycles").get<std::uint64_t>();
  };
  CHECK(cycles("t", {}) > 12000);
  CHECK(cycles("t", {"--clock-mhz", "1200"}) == cycles("u", {}));
  CHECK(cycles("u", {"--clock-mhz", "1600"}) == cycles("u", {}));
  for (const char* wrong : {"0", "-5", "fast", ""}) {
    CAPTURE(wrong);
    const ProgramRun run =
        run_spillway({"dram", "ddr4-3200", "--trace", "t", "--clock-mhz", wrong}, folder.path());
    CHECK(run.exit_code == 2);
    CHECK(run.err.find("--clock-mhz") != std::string::npos);
  }
}

TEST_CASE("values of a device's file are set, its ranks among them") {
  const TemporaryFolder folder;
  const std::vector<std::string> call{"ddr4-2400", "--pattern", "g_rand_rd", "--mib", "1"};
  const auto with = [&](std::vector<std::string> more) {
    std::vector<std::string> arguments = call;
    arguments.insert(arguments.end(), more.begin(), more.end());
    return dram(folder, arguments);
  };
  const Json one = with({}), two = with({"--set", "geometry.ranks=2", "--mapping", "RoRaBaCoBg"});
  CHECK(one.at("ranks") == 1);
  CHECK(two.at("ranks") == 2);
  CHECK(two.at("mapping") == "RoRaBaCoBg");
  // Four activates at a time were what random reads waited for.
  CHECK(two.at("cycles").get<double>() < 0.7 * one.at("cycles").get<double>());
  CHECK(two.at("energy_uJ").at("background").get<double>() > one.at("energy_uJ").at("background"));
  folder.write("mine.yaml", "base: ddr4-2400\nchannels: 2\n");
  std::vector<std::string> own = call;
  own.front() = "mine.yaml";
  CHECK(dram(folder, own).at("cycles") == with({"--set", "channels=2"}).at("cycles"));
  const ProgramRun wrong = run_spillway(
      {"dram", "ddr4-2400", "--pattern", "g_rand_rd", "--set", "geometry.ranks=2"}, folder.path());
  CHECK(wrong.exit_code == 2);
  CHECK(wrong.err.find("RoRaBaCoBg") != std::string::npos);
}

TEST_CASE("bench dram times every device and a run") {
  const TemporaryFolder folder;
  const ProgramRun run =
      run_spillway({"bench", "dram", "--repeats", "1", "--json", "j"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json result = parse_json(folder.read("j"));
  CHECK(result.at("rows").size() == 6 * 9);
  for (const Json& row : result.at("rows")) CHECK(row.at("bursts_per_cpu_s") > 1000);
  CHECK(result.at("run").at("bursts_per_cpu_s") > 1000);
  CHECK(run.out.find("cifar10-10layer") != std::string::npos);
  CHECK(run.out.find("hbm2-2000") != std::string::npos);
  // Nothing of the other bench is meant.
  CHECK(run_spillway({"bench", "dram", "--batch", "5"}, folder.path()).exit_code == 2);
  CHECK(run_spillway({"bench"}, folder.path()).exit_code == 2);
}

TEST_CASE("wrong usage of dram gives one line and exit 2") {
  const TemporaryFolder folder;
  folder.write("bad.trace", "0x40 READ 1\n0x80 RAED 2\n");
  folder.write("good.trace", "0x40 READ 1\n");
  struct Case {
    std::vector<std::string> arguments;
    std::vector<std::string> words;
  };
  const std::vector<Case> cases{
      {{"ddr4-2400"}, {"--pattern", "--trace"}},
      {{"ddr4-2400", "--pattern", "a_seq_rd", "--trace", "good.trace"}, {"both"}},
      {{"--pattern", "a_seq_rd"}, {"0 devices", "ddr4-2400"}},
      {{"ddr4-2400", "hbm2-2000", "--pattern", "a_seq_rd"}, {"2 devices"}},
      {{"ddr4-2401", "--pattern", "a_seq_rd"}, {"ddr4-2401", "did you mean \"ddr4-2400\""}},
      {{"no/such.yaml", "--pattern", "a_seq_rd"}, {"no/such.yaml"}},
      {{"ddr4-2400", "--pattern", "a_seq_rx"}, {"a_seq_rx", "did you mean \"a_seq_rd\""}},
      {{"ddr4-2400", "--pattern", "a_seq_rd", "--mib", "0"}, {"--mib", "0", "1 to"}},
      {{"ddr4-2400", "--pattern", "a_seq_rd", "--mapping", "RoBaCo"}, {"mapping", "RoBaCoBg"}},
      {{"ddr4-2400", "--pattern", "a_seq_rd", "--format", "dramsim3"}, {"--format", "--trace"}},
      {{"ddr4-2400", "--pattern", "a_seq_rd", "--clock-mhz", "800"}, {"--clock-mhz", "--trace"}},
      {{"ddr4-2400", "--trace", "good.trace", "--mib", "1"}, {"--mib", "--pattern"}},
      {{"ddr4-2400", "--trace", "good.trace", "--format", "ramulator3"},
       {"did you mean \"ramulator2\""}},
      {{"ddr4-2400", "--trace", "good.trace", "--format", "ramulator2"},
       {"good.trace:1: operation", "LD or ST"}},
      {{"ddr4-2400", "--trace", "good.trace", "--json", "good.trace"}, {"good.trace"}},
      {{"ddr4-2400", "--trace", "missing.trace"}, {"missing.trace", "No such file"}},
      {{"ddr4-2400", "--trace", "bad.trace", "--json", "out.json"},
       {"bad.trace:2: operation", "\"RAED\"", "READ or WRITE", "0xADDRESS READ|WRITE CYCLE"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.words.front());
    std::vector<std::string> call{"dram"};
    call.insert(call.end(), c.arguments.begin(), c.arguments.end());
    const ProgramRun run = run_spillway(call, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
    for (const std::string& word : c.words) CHECK(run.err.find(word) != std::string::npos);
    CHECK(folder.files() == std::vector<std::string>{"bad.trace", "good.trace"});
  }
}

}  // namespace spillway::dram_command_test
