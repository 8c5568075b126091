// Results never take the place of what is read, nor of each other.
#include <doctest/doctest.h>

#include <algorithm>

#include "tests/support/program.hpp"

namespace spillway::file_use_test {

namespace {

constexpr const char* network =
    "input: 5\nclasses: 3\nlayers: [{type: fc, out: 6}, {type: fc, out: 4}]\n";
constexpr const char* experiment =
    "network: net.yaml\nrule: lel\ndevice: paper\nbatch: 5\n"
    "data: {base: random, train: 40, test: 12}\n";

/// The command is refused in one line, and all files stay as they were.
void require_refused(const test::TemporaryFolder& folder,
                     const std::vector<std::string>& arguments) {
  std::vector<std::string> before;
  const std::vector<std::string> names = folder.files();
  for (const std::string& name : names) before.push_back(folder.read(name));
  const test::ProgramRun run = test::run_spillway(arguments, folder.path());
  CAPTURE(arguments.front());
  CAPTURE(run.err);
  CHECK(run.exit_code == 2);
  CHECK(run.out.empty());
  CHECK(std::count(run.err.begin(), run.err.end(), '\n') == 1);
  CHECK(folder.files() == names);
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(folder.read(names[i]) == before[i]);
}

}  // namespace

TEST_CASE("no result is written over an experiment or network or study or checkpoint") {
  const test::TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", experiment);
  folder.write(
      "study.yaml",
      "title: t\ndefault: {epochs: 1, seeds: 1}\nrows: [{label: a, experiment: ./e.yaml}]\n");
  require_refused(folder, {"run", "e.yaml", "--json", "net.yaml"});
  require_refused(folder, {"run", "e.yaml", "--json", "./e.yaml"});
  require_refused(folder, {"check", "e.yaml", "--junit", "e.yaml"});
  require_refused(folder, {"check", "e.yaml", "--json", "j", "--junit", "j"});
  require_refused(folder, {"reproduce", "study.yaml", "--json", "e.yaml"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "e.yaml"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "c", "--json", "c"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "-"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint-every", "3"});
  REQUIRE(test::run_spillway({"train", "e.yaml", "--checkpoint", "c"}, folder.path()).exit_code ==
          0);
  require_refused(folder, {"infer", "e.yaml", "--checkpoint", "c", "--json", "c"});
  require_refused(folder, {"infer", "e.yaml", "--checkpoint", "missing", "--out", "o"});
  require_refused(folder, {"infer", "e.yaml", "--checkpoint", "c", "--set", "rule=lel-scfb"});
  require_refused(folder,
                  {"infer", "e.yaml", "--checkpoint", "c", "--set", "network.layers[0].out=7"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "c", "--set", "idealisations=none"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "c", "--set", "device.clock_mhz=5"});
  require_refused(folder, {"train", "e.yaml", "--checkpoint", "c", "--epochs", "3"});
}

TEST_CASE("a network trained layer by layer that stopped early exits at the layers it has") {
  const test::TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("e.yaml", std::string(experiment) +
                             "training: {epochs: 1, order: layer-by-layer, validation: 10, "
                             "enough_gain: 1}\n");
  folder.write("net3.yaml",
               "input: 5\nclasses: 3\nlayers: [{type: fc, out: 6}, {type: fc, out: 4}, "
               "{type: fc, out: 4}]\n");
  const std::vector<std::string> deeper{"--checkpoint", "c", "--set", "network=net3.yaml"};
  const auto run = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.end(), deeper.begin(), deeper.end());
    return test::run_spillway(arguments, folder.path());
  };
  const test::ProgramRun trained = run({"train", "e.yaml"});
  CAPTURE(trained.err);
  REQUIRE(trained.exit_code == 0);
  CHECK(trained.out.find("layer fc1 suffices") != std::string::npos);
  const test::ProgramRun inferred = run({"infer", "e.yaml"});
  CAPTURE(inferred.err);
  CHECK(inferred.exit_code == 0);
  CHECK(inferred.out.find("fc2") != std::string::npos);
  CHECK(inferred.out.find("fc3") == std::string::npos);
  // More epochs would train its layers differently from a run that had them from the start.
  CHECK(run({"train", "e.yaml", "--epochs", "2"}).exit_code == 2);
}

TEST_CASE("rows of one study may differ in their data and train their layers one by one") {
  const test::TemporaryFolder folder;
  folder.write("net.yaml", network);
  folder.write("other.yaml", "input: 9\nclasses: 3\nlayers: [{type: fc, out: 6}]\n");
  folder.write("e.yaml", experiment);
  folder.write("study.yaml",
               "title: t\ndefault: {epochs: 1, seeds: 2}\nrows:\n"
               "  - {label: a, experiment: ./e.yaml, set: [training.order=layer-by-layer]}\n"
               "  - {label: b, experiment: ./e.yaml, set: [network=other.yaml]}\n"
               "  - {label: c, experiment: ./e.yaml, set: [rule=bp, data.train=30]}\n");
  const test::ProgramRun run = test::run_spillway(
      {"reproduce", "study.yaml", "--checkpoints", "k", "--json", "-"}, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  CHECK(run.out.find("\"fc2\"") != std::string::npos);
  // 8 steps a layer, and 6 of the row with 30 images; two seeds.
  CHECK(run.out.find("\"steps\": 32") != std::string::npos);
  CHECK(run.out.find("\"steps\": 16") != std::string::npos);
  CHECK(run.out.find("\"steps\": 12") != std::string::npos);
}

}  // namespace spillway::file_use_test
