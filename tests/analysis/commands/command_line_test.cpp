// The program as a user runs it.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/json.hpp"

namespace spillway::command_line_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

constexpr const char* network =
    "input: 20\nclasses: 3\nlayers:\n  - {type: fc, out: 8}\n  - {type: fc, out: 6}\n";
constexpr const char* experiment =
    "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 10\ndata: random\n";

void require_one_line(const ProgramRun& run) {
  CHECK(run.exit_code == 2);
  CHECK(run.out == "");
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
}

}  // namespace

TEST_CASE("bad input gives one line with file, line, key, value and what is allowed, and exit 2") {
  struct Case {
    const char* what;
    const char* experiment;
    const char* network;
    std::vector<std::string> words;  ///< that the message must have
  };
  const Case cases[] = {
      {"unknown key",
       "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 10\nbuffr: 3\n",
       network,
       {"e.yaml:5", "buffr", "batch"}},
      {"near miss",
       "network: net.yaml\nrules: lel\ndevice: paper\nbatch: 10\n",
       network,
       {"e.yaml:2", "rules", "did you mean \"rule\""}},
      {"wrong type",
       "network: net.yaml\nrule: lel\ndevice: paper\nbatch: many\n",
       network,
       {"e.yaml:4", "batch", "many", "integer"}},
      {"negative size",
       "network: net.yaml\nrule: lel\ndevice: paper\nbatch: -1\n",
       network,
       {"e.yaml:4", "batch", "-1", "from 1"}},
      {"duplicate key",
       "network: net.yaml\nrule: lel\nrule: bp\ndevice: paper\nbatch: 1\n",
       network,
       {"e.yaml:3", "rule", "duplicate"}},
      {"unknown rule",
       "network: net.yaml\nrule: lell\ndevice: paper\nbatch: 1\n",
       network,
       {"e.yaml:2", "lell", "lel-scfb", "did you mean \"lel\""}},
      {"missing file",
       "network: other.yaml\nrule: lel\ndevice: paper\nbatch: 1\n",
       network,
       {"e.yaml:1", "other.yaml"}},
      {"unknown shipped network",
       "network: mnist-mpl\nrule: lel\ndevice: paper\nbatch: 1\n",
       network,
       {"e.yaml:1", "mnist-mpl", "did you mean \"mnist-mlp\""}},
      {"missing key", "network: net.yaml\nrule: lel\nbatch: 1\n", network, {"e.yaml", "device"}},
      {"empty file", "", network, {"e.yaml:1", "empty"}},
      {"binary junk", "\x01\x02\xff\xfe", network, {"e.yaml:1", "\\x01"}},
      {"broken YAML", "network: [a\nrule: b", network, {"e.yaml:", "YAML"}},
      {"impossible shape",
       experiment,
       "input: [1, 4, 4]\nclasses: 3\nlayers:\n  - type: conv\n    out: 2\n    kernel: 9\n",
       {"net.yaml:6", "layers[0].kernel", "conv1", "at most 4"}},
      {"zero maps",
       experiment,
       "input: 5\nclasses: 3\nlayers:\n  - {type: fc, out: 0}\n",
       {"net.yaml:4", "layers[0].out", "layer fc1", "out is 0", "at least 1"}},
      {"list for a map", experiment, "- 1\n- 2\n", {"net.yaml:1", "a list of 2", "a map"}},
      {"batch-norm",
       experiment,
       "input: 5\nclasses: 3\nlayers:\n  - {type: fc, out: 4, batch_norm: true, bias: true}\n",
       {"fc1", "batch_norm", "bias"}},
      {"small buffer",
       "network: net.yaml\nrule: lel\ndevice: {base: paper, buffer: 64}\nbatch: 10\n",
       network,
       {"buffer", "fc1", "words", "16"}},
      {"wrong unit",
       "network: net.yaml\nrule: lel\ndevice: {base: paper, buffer: 64 kb}\nbatch: 10\n",
       network,
       {"e.yaml:3", "device.buffer", "64 kb", "KiB", "did you mean \"64 KB\""}},
      {"data of another shape",
       "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 10\ndata: mnist\n",
       network,
       {"mnist", "784", "20"}},
  };
  for (const Case& c : cases) {
    CAPTURE(c.what);
    const TemporaryFolder folder;
    folder.write("e.yaml", c.experiment);
    folder.write("net.yaml", c.network);
    for (const char* command : {"run", "train"}) {
      const ProgramRun run = run_spillway({command, "e.yaml", "--json", "out.json"}, folder.path());
      CAPTURE(run.err);
      require_one_line(run);
      for (const std::string& word : c.words) CHECK(run.err.find(word) != std::string::npos);
      CHECK(folder.files() == std::vector<std::string>{"e.yaml", "net.yaml"});
    }
  }
}

TEST_CASE("wrong usage gives one line and exit 2") {
  const TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
  const std::vector<std::vector<std::string>> calls{
      {"rum", "e.yaml"},
      {"run"},
      {"run", "e.yaml", "e.yaml"},
      {"run", "missing.yaml"},
      {"run", "."},
      {"run", "e.yaml", "--jsn", "x"},
      {"run", "e.yaml", "--set", "batch"},
      {"run", "e.yaml", "--set", "batch=none"},
      {"run", "e.yaml", "--set", "device.bufer=64KiB"},
      {"run", "e.yaml", "--json", "no/such/folder/x.json"},
      {"train", "e.yaml", "--epochs", "0"},
      {"train", "e.yaml", "--epochs", "x"},
      {"figure6", "--batch", "0"},
      {"figure6", "--out", "e.yaml"},
      {"check", "missing.yaml"},
      {"network", "mnist"},
  };
  for (const auto& call : calls) {
    CAPTURE(call.back());
    const ProgramRun run = run_spillway(call, folder.path());
    CAPTURE(run.err);
    require_one_line(run);
  }
}

TEST_CASE("run and plan print JSON with the stable keys, and their counts agree") {
  const TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
  const ProgramRun run = run_spillway({"run", "e.yaml", "--json", "-"}, folder.path());
  const ProgramRun plan = run_spillway({"plan", "e.yaml", "--json", "-"}, folder.path());
  REQUIRE(run.exit_code == 0);
  REQUIRE(plan.exit_code == 0);
  const Json r = parse_json(run.out), p = parse_json(plan.out);
  for (const char* key : {"network", "rule", "batch", "dram", "host", "macs", "macs_padded",
                          "cycles", "time_ns", "buffer", "ledger"}) {
    CHECK(r.contains(key));
  }
  for (const char* key :
       {"read_words", "write_words", "read_bytes", "write_bytes", "activates", "row_hits", "device",
        "channels", "mapping", "placement", "bandwidth_GBps", "pct_of_peak", "row_hit_rate",
        "bus_ns", "energy_pJ", "energy_pJ_per_bit", "io_energy_pJ"}) {
    CHECK(r.at("dram").contains(key));
  }
  for (const char* key : {"data", "refresh", "turnaround", "row_misses", "idle"}) {
    CHECK(r.at("dram").at("bus_ns").contains(key));
  }
  for (const char* key : {"activate", "read", "write", "refresh", "background", "total"}) {
    CHECK(r.at("dram").at("energy_pJ").contains(key));
    CHECK(r.at("dram").at("energy_pJ_per_bit").contains(key));
  }
  CHECK(r.at("dram").at("placement") == "packed");
  CHECK(r.at("ledger") == p.at("ledger"));
  CHECK(r.at("dram").at("read_words") == p.at("dram").at("read_words"));
  CHECK(r.at("host").at("write_words") == p.at("host").at("write_words"));
  CHECK(r.at("macs_padded") == p.at("macs_padded"));
  CHECK_FALSE(p.contains("cycles"));
  std::uint64_t read = 0, written = 0;
  for (const Json& row : r.at("ledger")) {
    (row.at("direction") == "read" ? read : written) += row.at("words").get<std::uint64_t>();
  }
  CHECK(read == r.at("dram").at("read_words"));
  CHECK(written == r.at("dram").at("write_words"));
}

TEST_CASE("--set overrides any key") {
  const TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
  const ProgramRun run = run_spillway(
      {"run", "e.yaml", "--json", "-", "--set", "device.buffer=1 MiB", "--set", "batch=3", "--set",
       "rule=bp", "--set", "device.array.rows=8", "--set", "network.layers.1.out=9"},
      folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  const Json r = parse_json(run.out);
  CHECK(r.at("buffer").at("capacity_bytes") == 1 << 20);
  CHECK(r.at("batch") == 3);
  CHECK(r.at("rule") == "bp");
  // 2 |P| + |A| with 20 x 8 and 8 x 9 weights.
  CHECK(r.at("dram").at("read_words") == 2 * (160 + 72) + 3 * (8 + 9));
}

TEST_CASE("both rules learn the shipped subset of MNIST to at least 88 %" *
          test::slow_if_sanitized) {
  const TemporaryFolder folder;
  for (const char* rule : {"bp", "lel"}) {
    CAPTURE(rule);
    const ProgramRun run =
        run_spillway({"train", std::string("mnist-mlp-") + rule, "--epochs", "10", "--json", "-"},
                     folder.path());
    REQUIRE(run.exit_code == 0);
    const Json epochs = parse_json(run.out).at("epochs");
    REQUIRE(epochs.size() == 10);
    const Json& last = epochs.back();
    CHECK(last.at("test_accuracy").size() == (std::string(rule) == "bp" ? 1 : 3));
    // At a constant learning rate one epoch may dip; three of them tell.
    for (std::size_t layer = 0; layer < last.at("test_accuracy").size(); ++layer) {
      double sum = 0;
      for (std::size_t e = 7; e < 10; ++e)
        sum += epochs[e].at("test_accuracy")[layer].get<double>();
      CHECK(sum / 3 >= 0.88);
    }
    CHECK(last.at("train_accuracy").back().get<double>() >= 0.88);
    CHECK(last.at("loss").get<double>() < epochs.front().at("loss").get<double>());
  }
}

TEST_CASE("help names every command, and each command's help its options") {
  const TemporaryFolder folder;
  const ProgramRun help = run_spillway({"--help"}, folder.path());
  CHECK(help.exit_code == 0);
  for (const char* command :
       {"figure6", "run", "plan", "train", "check", "network", "table1", "dram", "accuracy"}) {
    CHECK(help.out.find(std::string("  ") + command) != std::string::npos);
    const ProgramRun own = run_spillway({command, "--help"}, folder.path());
    CHECK(own.exit_code == 0);
    CHECK(own.out.find("--json") != std::string::npos);
  }
}

TEST_CASE("a result goes through links and into pipes without taking their place") {
  const TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("real.json", "before");
  std::filesystem::create_symlink("real.json", folder.path() / "link.json");
  std::filesystem::create_symlink("/dev/full", folder.path() / "full");
  CHECK(run_spillway({"network", "net.yaml", "--json", "link.json"}, folder.path()).exit_code == 0);
  CHECK(std::filesystem::is_symlink(folder.path() / "link.json"));
  CHECK(parse_json(folder.read("real.json")).at("network") == "net");
  CHECK(run_spillway({"network", "net.yaml", "--json", "full"}, folder.path()).exit_code == 2);
  CHECK(std::filesystem::is_character_file(folder.path() / "full"));
  const ProgramRun onto_input =
      run_spillway({"network", "net.yaml", "--json", "net.yaml"}, folder.path());
  require_one_line(onto_input);
  CHECK(folder.read("net.yaml") == network);
}

TEST_CASE("a mini-batch too large for the figure's device is refused before anything runs") {
  const TemporaryFolder folder;
  const ProgramRun run = run_spillway({"figure6", "--batch", "400", "--out", "new"}, folder.path());
  require_one_line(run);
  CHECK_FALSE(std::filesystem::exists(folder.path() / "new"));
}

}  // namespace spillway::command_line_test
