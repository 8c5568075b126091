// The command line on a network that has no right or wrong decisions, and on one written whole.
#include <doctest/doctest.h>

#include "tests/support/program.hpp"
#include "workloads/support/json.hpp"

namespace spillway::autoencoder_test {

namespace {

const std::vector<std::string> small{"mnist-autoencoder-lel",
                                     "--set",
                                     "network.layers[0].out=16",
                                     "--set",
                                     "network.layers[2].out=16",
                                     "--set",
                                     "data={base: mnist, train: 200, test: 100}"};

std::vector<std::string> command(const std::string& name, std::vector<std::string> arguments,
                                 const std::vector<std::string>& more) {
  arguments.insert(arguments.begin(), name);
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

}  // namespace

TEST_CASE("an autoencoder is trained and run with its loss and without an accuracy") {
  const test::TemporaryFolder folder;
  const auto run = [&](const std::string& name, const std::vector<std::string>& more) {
    const test::ProgramRun result = test::run_spillway(command(name, small, more), folder.path());
    CAPTURE(result.err);
    REQUIRE(result.exit_code == 0);
    return result.out;
  };
  const std::string trained =
      run("train", {"--epochs", "1", "--checkpoint", "run.checkpoint", "--json", "train.json"});
  CHECK(trained.find("nan") == std::string::npos);
  const auto epoch = parse_json(folder.read("train.json")).at("epochs").at(0);
  CHECK(epoch.at("layers").size() == 4);
  CHECK(epoch.at("layer_loss").at(3).get<double>() > 0);
  CHECK(epoch.at("train_accuracy").at(3).is_null());
  CHECK(epoch.at("test_accuracy").at(3).is_null());
  const std::string exits = run("infer", {"--checkpoint", "run.checkpoint", "--images", "100",
                                          "--out", "exits", "--json", "infer.json"});
  CHECK(exits.find("nan") == std::string::npos);
  const auto rows = parse_json(folder.read("infer.json")).at("exits");
  CHECK(rows.size() == 4);
  CHECK(rows.at(3).at("exit") == "fc4");
  CHECK(rows.at(3).at("accuracy").is_null());
  CHECK(rows.at(3).at("loss").get<double>() > 0);
  CHECK(folder.read("exits/infer.csv").find("\nfc4,,") != std::string::npos);
  const std::string figure = folder.read("exits/infer.svg");
  CHECK(figure.find("loss on test images") != std::string::npos);
  CHECK(figure.find("nan") == std::string::npos);
}

TEST_CASE("a study refuses a row without accuracies") {
  const test::TemporaryFolder folder;
  folder.write("study.yaml",
               "title: a study\ndefault: {epochs: 1, seeds: 1}\nrows:\n"
               "  - {label: auto, experiment: mnist-autoencoder-bp}\n");
  const test::ProgramRun run = test::run_spillway({"reproduce", "study.yaml"}, folder.path());
  CHECK(run.exit_code == 2);
  CHECK(run.err.find("targets: inputs; allowed in a study: labels") != std::string::npos);
}

TEST_CASE("a run of a network written whole has no words and no MACs of a readout") {
  const test::TemporaryFolder folder;
  for (const std::string rule : {"bp", "fa", "dfa", "lel"}) {
    CAPTURE(rule);
    const test::ProgramRun run = test::run_spillway(
        {"run", "mnist-autoencoder-bp", "--set", "rule.base=" + rule, "--set", "batch=4", "--set",
         "idealisations=none", "--no-values", "--json", "run.json"},
        folder.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == 0);
    const auto json = parse_json(folder.read("run.json"));
    CHECK(json.at("macs_readout") == 0);
    CHECK(json.at("planned_agrees") == true);
    std::uint64_t images = 0;
    for (const auto& line : json.at("ledger")) {
      CHECK(line.at("layer") != "readout");
      if (line.at("tensor") == "input_images") images += line.at("words").get<std::uint64_t>();
    }
    CHECK(images == (rule == "lel" ? 1 : 3) * 4 * 784);
  }
}

}  // namespace spillway::autoencoder_test
