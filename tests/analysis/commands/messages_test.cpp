// What is said of mistakes that people make: what was found, what is allowed, what stands in.
#include <doctest/doctest.h>

#include <algorithm>

#include "analysis/commands/command.hpp"
#include "tests/support/program.hpp"

namespace spillway::messages_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

constexpr const char* network = "input: [4, 8, 8]\nclasses: 3\nlayers: [{type: fc, out: 8}]\n";
constexpr const char* experiment =
    "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 10\n"
    "data: {base: random, train: 40, test: 12}\n";

/// Refused in one line that has all of these words and none of `never`.
void require_says(const TemporaryFolder& folder, const std::vector<std::string>& arguments,
                  const std::vector<std::string>& words, const std::string& never = "--help") {
  const ProgramRun run = run_spillway(arguments, folder.path());
  CAPTURE(arguments);
  CAPTURE(run.err);
  CHECK(run.exit_code == 2);
  CHECK(run.out == "");
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  CHECK(run.err.find("allowed") != std::string::npos);
  CHECK(run.err.find(never) == std::string::npos);
  for (const std::string& word : words) {
    CAPTURE(word);
    CHECK(run.err.find(word) != std::string::npos);
  }
}

void write_files(const TemporaryFolder& folder) {
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
}

}  // namespace

TEST_CASE("a shipped file of another kind is named for what it is") {
  const TemporaryFolder folder;
  write_files(folder);
  require_says(folder, {"run", "mnist-mlp"},
               {"\"mnist-mlp\", which is a network", "mnist-mlp-bp", "mnist-mlp-lel-tlc"},
               "cifar10");
  require_says(folder, {"check", "vgg16"}, {"\"vgg16\", which is a network"});
  for (const char* command : {"network", "table1", "explore-buffer"}) {
    require_says(folder, {command, "mnist-mlp-lel"},
                 {"which is an experiment of the network mnist-mlp", "cifar10-5layer"});
  }
  require_says(folder, {"reproduce", "mnist-mlp"}, {"which is a network", "table2"});
  require_says(folder, {"dram", "mnist-mlp-lel", "--pattern", "c_rw4k"},
               {"which is an experiment", "ddr4-2400"});
  require_says(folder, {"run", "e.yaml", "--set", "network=mnist-mlp-lel"},
               {"\"mnist-mlp-lel\" is an experiment of the network mnist-mlp"});
  require_says(folder, {"run", "e.yaml", "--set", "device=mnist-mlp-lel"},
               {"device:", "is an experiment"});
  require_says(folder, {"run", "e.yaml", "--set", "device=ddr4-2400"}, {"is a DRAM device"});
}

TEST_CASE("a file of another kind is named for what it is") {
  const TemporaryFolder folder;
  write_files(folder);
  require_says(folder, {"run", "net.yaml"}, {"net.yaml:1", "found a network", "an experiment"});
  require_says(folder, {"network", "e.yaml"}, {"e.yaml:1", "found an experiment", "a network"});
  require_says(folder, {"run", "e.yaml", "--set", "device=./e.yaml"},
               {"found an experiment", "a device"});
  require_says(folder, {"run", "e.yaml", "--set", "network=./e.yaml"},
               {"found an experiment", "a network"});
  require_says(folder, {"reproduce", "e.yaml"}, {"found an experiment", "a study"});
  require_says(folder, {"dram", "./e.yaml", "--pattern", "c_rw4k"},
               {"found an experiment", "a DRAM device"});
}

TEST_CASE("no file and two files are told from one") {
  const TemporaryFolder folder;
  write_files(folder);
  for (const char* command : {"run", "plan", "train"}) {
    require_says(folder, {command}, {"found no file", "an experiment", "mnist-mlp-lel"}, "0 files");
    require_says(folder, {command, "e.yaml", "f.yaml"},
                 {"found 2 files, e.yaml, f.yaml", "one YAML file of an experiment"});
  }
  require_says(folder, {"network"}, {"found no file", "a network", "vgg16"});
}

TEST_CASE("types of layers that other tools have say what stands in for them") {
  const TemporaryFolder folder;
  const std::pair<const char*, std::vector<std::string>> types[] = {
      {"dwconv", {"conv with groups", "out: 4, groups: 4"}},
      {"DepthwiseConv2D", {"conv with groups", "out: 4, groups: 4"}},
      {"depthwise_conv", {"conv with groups"}},
      {"AveragePool2d", {"allowed: avg_pool", "conv layer before"}},
      {"GlobalAvgPool", {"allowed: global_avg_pool", "global_avg_pool: true"}},
      {"MaxPooling2D", {"allowed: max_pool", "conv layer before"}},
      {"residual", {"type: add, from: ["}},
      {"Concatenate", {"type: concat, from: ["}},
      {"dense", {"allowed: fc"}},
      {"Conv2d", {"allowed: conv"}},
      {"relu", {"relu: true"}},
      {"BatchNormalization", {"allowed: batch_norm", "batch_norm: true"}},
      {"softmax", {"rule.loss"}},
      {"lstm", {"conv, fc", "nothing stands in"}},
      {"cnv", {"conv, fc", "did you mean \"conv\""}}};
  for (const auto& [type, words] : types) {
    folder.write("net.yaml", std::string("input: [4, 8, 8]\nclasses: 3\nlayers:\n  - {type: ") +
                                 type + ", out: 8, kernel: 3}\n");
    std::vector<std::string> all = words;
    all.insert(all.end(), {"net.yaml:4", "layers[0].type", std::string("\"") + type + "\""});
    require_says(folder, {"network", "net.yaml"}, all);
  }
}

TEST_CASE("configurations of DRAMsim3 and models of other tools are no broken YAML") {
  const TemporaryFolder folder;
  const std::string ini =
      "[dram_structure]\nprotocol = DDR4\nbankgroups = 4\n\n[timing]\ntCK = 1\n";
  folder.write("DDR4.ini", ini);
  folder.write("ddr4.yaml", ini);
  folder.write("commented.yaml", "; DDR4\n\n" + ini);
  for (const char* file : {"./DDR4.ini.yaml", "./ddr4.yaml", "./commented.yaml"}) {
    folder.write("DDR4.ini.yaml", ini);
    require_says(folder, {"dram", file, "--pattern", "c_rw4k"},
                 {".ini file", "DRAMsim3", "as YAML"}, "second document");
  }
  require_says(folder, {"run", "DDR4.ini"}, {".ini file"}, "not valid YAML");
  folder.write("model.onnx", "anything");
  folder.write("model.yaml", std::string("\x08\x07\x12\x07pytorch", 11));
  folder.write("large.yaml",
               std::string("\x08\x07\x12\x07pytorch", 11) + std::string(5 << 20, 'x'));
  for (const char* file : {"model.onnx", "model.yaml", "large.yaml"}) {
    require_says(folder, {"network", file}, {"ONNX model", "a network as YAML"}, "control byte");
  }
  folder.write("weights.yaml", std::string("PK\x03\x04\x00\x00", 6));
  require_says(folder, {"network", "weights.yaml"}, {"zip archive", "a YAML file"});
  folder.write("two.yaml", "a: 1\n---\nb: 2\n");
  require_says(folder, {"network", "two.yaml"}, {"two.yaml:3", "second document", "\"---\""});
  folder.write("list.yaml", "[a]\n");
  require_says(folder, {"network", "list.yaml"}, {"a list of 1"}, ".ini");
}

TEST_CASE("an option's value says what the option takes") {
  const TemporaryFolder folder;
  write_files(folder);
  require_says(folder, {"train", "e.yaml", "--epochs", "two"},
               {"--epochs: found \"two\"", "an integer from 1 to 1000000"});
  require_says(folder, {"train", "e.yaml", "--epochs", "1.5"}, {"found 1.5;", "an integer from"});
  require_says(folder, {"train", "e.yaml", "--epochs", "0"}, {"found 0;", "an integer from 1"});
  require_says(folder, {"train", "e.yaml", "--epochs", "99999999999999999999"},
               {"an integer from"});
  require_says(folder, {"train", "e.yaml", "--epochs"}, {"--epochs: found no value", "--epochs N"});
  require_says(folder, {"items", "--dropout", "x"}, {"--dropout", "a number from 0 to 0.99"});
  require_says(folder, {"items", "--dropout", "nan"}, {"--dropout", "a number from 0 to 0.99"});
  require_says(folder, {"run", "e.yaml", "--no-values=3"}, {"--no-values: found a value"});
  require_says(folder, {"run", "e.yaml", "--json", "a", "--json", "b"},
               {"--json: found more than once", "--json FILE once"});
  require_says(folder, {"figure6", "more"}, {"figure6", "--batch"});
  require_says(folder, {"bench", "plan", "--repeats", "many"}, {"--repeats", "an integer from 1"});
  require_says(folder, {"dram", "ddr4-2400", "--pattern", "c_rw4k", "--mib", "-1"},
               {"--mib: found -1;", "an integer from 1"});
}

TEST_CASE("a mini-batch whose tensors fill more than the DRAM names the batch") {
  const TemporaryFolder folder;
  require_says(folder, {"run", "mnist-mlp-lel", "--set", "batch=1000000"},
               {"batch 1000000", "device.dram", "8589934592 bytes", "a smaller batch"},
               "each at its place");
}

TEST_CASE("every output of every command is tried before work starts") {
  const TemporaryFolder folder;
  write_files(folder);
  folder.write(
      "study.yaml",
      "title: t\ndefault: {epochs: 1, seeds: 1}\nrows: [{label: a, experiment: ./e.yaml}]\n");
  REQUIRE(run_spillway({"train", "e.yaml", "--checkpoint", "c", "--epochs", "1"}, folder.path())
              .exit_code == 0);
  REQUIRE(run_spillway({"plan", "e.yaml", "--json", "plan.json"}, folder.path()).exit_code == 0);
  folder.write("sweep.yaml",
               "base: ./e.yaml\ncommand: plan\nmetrics: [words]\nobjectives: [words]\n"
               "axes: [{key: seed, values: [1]}]\n");
  REQUIRE(run_spillway({"sweep", "sweep.yaml", "--out", "swept"}, folder.path()).exit_code == 0);
  std::filesystem::create_directory_symlink("/proc", folder.path() / "baselines");
  const std::vector<std::string> before = folder.files();
  // A folder that takes no files whatever its permissions say.
  const std::string target = "/proc/x.json";
  const std::vector<std::vector<std::string>> calls{
      {"figure6", "--out", "/proc"},
      {"rules", "--json", target},
      {"items", "--json", target},
      {"network", "net.yaml", "--json", target},
      {"table1", "net.yaml", "--json", target},
      {"macs", "--json", target},
      {"run", "e.yaml", "--json", target},
      {"run", "e.yaml", "--dram-trace", target},
      {"plan", "e.yaml", "--json", target},
      {"diff", "plan.json", "plan.json", "--json", target},
      {"report", "plan.json", "--out", target},
      {"check", "e.yaml", "--json", target},
      {"check", "e.yaml", "--junit", target},
      {"check", "e.yaml", "--update"},
      {"explore-buffer", "vgg16", "--json", target},
      {"explore-buffer", "vgg16", "--csv", target},
      {"explore-buffer", "vgg16", "--svg", target},
      {"locality", "vgg16", "--json", target},
      {"locality", "vgg16", "--csv", target},
      {"locality", "vgg16", "--svg", target},
      {"sweep", "sweep.yaml", "--out", "/proc"},
      {"sweep", "sweep.yaml", "--json", target},
      {"sweep", "table", "swept", "--csv", target},
      {"sweep", "pareto", "swept", "--json", target},
      {"sweep", "plot", "swept", "--svg", target},
      {"train", "e.yaml", "--json", target},
      {"train", "e.yaml", "--checkpoint", target},
      {"infer", "e.yaml", "--checkpoint", "c", "--json", target},
      {"infer", "e.yaml", "--checkpoint", "c", "--out", "/proc"},
      {"reproduce", "study.yaml", "--json", target},
      {"reproduce", "study.yaml", "--out", "/proc"},
      {"reproduce", "study.yaml", "--checkpoints", "/proc"},
      {"bench", "train", "--json", target},
      {"bench", "dram", "--json", target},
      {"bench", "plan", "--json", target},
      {"dram", "ddr4-2400", "--pattern", "c_rw4k", "--json", target},
      {"accuracy", "--json", target}};
  for (const auto& call : calls) require_says(folder, call, {"could not be written"});
  std::filesystem::remove(folder.path() / "baselines");
  CHECK(folder.files() == before);
  for (const analysis::Command& command : analysis::commands()) {
    CAPTURE(command.name);
    CHECK(std::ranges::any_of(calls, [&](const auto& call) { return call[0] == command.name; }));
  }
}

TEST_CASE("a run that is continued with other settings names them with both values") {
  const TemporaryFolder folder;
  write_files(folder);
  const std::vector<std::string> train{"train", "e.yaml", "--checkpoint", "c", "--epochs", "1"};
  REQUIRE(run_spillway(train, folder.path()).exit_code == 0);
  const std::string good = folder.read("c");
  const std::pair<const char*, const char*> changes[] = {
      {"optimizer.rate=0.05", "optimizer.rate is 0.1 in the checkpoint and 0.05 now"},
      {"optimizer.momentum=0.5", "optimizer.momentum is 0.9 in the checkpoint and 0.5 now"},
      {"batch=5", "batch is 10 in the checkpoint and 5 now"},
      {"seed=2", "seed is 1 in the checkpoint and 2 now"},
      {"policy=layer", "policy is paper in the checkpoint and layer now"},
      {"rule.loss=square-hinge",
       "rule.loss is cross-entropy in the checkpoint and square-hinge now"},
      {"data.train=30", "data.train is 40 in the checkpoint and 30 now"},
      {"device.buffer=2MiB", "device.buffer is "},
      {"device.array.rows=8", "device.array.rows is "},
      {"device.dram={base: ddr4-2400, channels: 2}",
       "device.dram.channels is 1 in the checkpoint and 2 now"},
      {"network={base: net.yaml, dropout: 0.5}",
       "network.layers[0].dropout is 0 in the checkpoint and 0.5 now"},
      {"network.layers[0].out=7", "network.layers[0].out is 8 in the checkpoint and 7 now"},
      {"idealisations=[labels]", "in the checkpoint and labels now"}};
  for (const auto& [change, words] : changes) {
    std::vector<std::string> call = train;
    call.insert(call.end(), {"--set", change});
    require_says(folder, call, {"c: ", words});
    CHECK(folder.read("c") == good);
  }
  require_says(folder, {"infer", "e.yaml", "--checkpoint", "c", "--set", "rule=bp"},
               {"rule is lel in the checkpoint and bp now", "this network and rule"});
  std::vector<std::string> direct = train;
  direct.emplace_back("--direct");
  require_says(folder, direct, {"through the device", "without a device"});
  std::string old = good;
  old.replace(0, 21, "spillway checkpoint 1");
  folder.write("c", old);
  require_says(folder, train, {"another version of Spillway"});
}

}  // namespace spillway::messages_test
