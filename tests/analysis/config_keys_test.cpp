// Every key that a YAML file may have stands in the documents, and no other: the program is given a
// key that is none and says which there are.
#include <doctest/doctest.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "analysis/studies/study.hpp"
#include "analysis/sweeps/sweep_file.hpp"
#include "models/dram/device.hpp"
#include "sim/experiment.hpp"
#include "tests/support/documents.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::config_keys_test {

namespace {

using Names = std::set<std::string>;

constexpr const char* experiment = R"(
network:
  input: [1, 8, 8]
  classes: 4
  layers:
    - {type: conv, out: 3, kernel: 3, max_pool: {kernel: 2}}
rule: {base: bp}
device: {base: paper}
batch: 2
data: {base: mnist}
)";

/// The names behind "allowed: " in a message about a key called "none", up to a hint.
Names allowed_by(const std::string& message) {
  CAPTURE(message);
  const std::string before = "unknown key \"none\"; allowed: ";
  const std::size_t at = message.find(before);
  REQUIRE(at != std::string::npos);
  const std::string list = message.substr(at + before.size());
  std::istringstream names(list.substr(0, list.find(" (")));
  Names result;
  for (std::string name; std::getline(names >> std::ws, name, ',');) result.insert(name);
  return result;
}

/// What an experiment may have beside a key that is none.
Names allowed_at(const std::vector<std::string>& assignments) {
  try {
    workloads::Config config = workloads::Config::from_text(experiment, "test.yaml");
    for (const std::string& assignment : assignments) config.set(assignment);
    sim::read_experiment(config, "test");
  } catch (const workloads::InputError& error) {
    return allowed_by(error.what());
  }
  FAIL("a key that is none was taken");
  return {};
}

/// The keys of a section that are directly below a path: "array.rows" is `rows` below "array".
Names documented(const std::string& file, const std::string& heading, const std::string& path) {
  const std::string part = test::section(test::document(file), heading);
  const std::string prefix = path.empty() ? "" : path + ".";
  Names names;
  for (const std::string& key : test::first_cells(part, "key")) {
    if (!key.starts_with(prefix)) continue;
    const std::string name = key.substr(prefix.size());
    if (name.find_first_of(".[") == std::string::npos) names.insert(name);
  }
  return names;
}

/// The names in the first column of the table that begins with `heading`.
Names listed(const std::string& section, const std::string& heading) {
  const auto names =
      test::first_cells(test::section(test::document("docs/experiment.md"), section), heading);
  return {names.begin(), names.end()};
}

Names names_of(const std::vector<std::string>& names) { return {names.begin(), names.end()}; }

}  // namespace

TEST_CASE("docs/device.md has every key of a device and of a DRAM device") {
  const std::string file = "docs/device.md";
  for (const std::string path : {"", "array", "host"}) {
    CAPTURE(path);
    const std::string place = "device." + (path.empty() ? path : path + ".") + "none=1";
    CHECK(allowed_at({place}) == documented(file, "## Keys of a device", path));
  }
  for (const std::string path : {"", "geometry", "timing", "currents", "controller"}) {
    CAPTURE(path);
    const std::string place = "device.dram." + (path.empty() ? path : path + ".") + "none=1";
    CHECK(allowed_at({place}) == documented(file, "## Keys of a DRAM device", path));
  }
}

TEST_CASE("docs/energy.md has every key of a technology") {
  const std::string file = "docs/energy.md", heading = "## Keys of a technology";
  for (const std::string path : {"", "mac.fp32", "buffer"}) {
    CAPTURE(path);
    const std::string place = "device.technology." + (path.empty() ? path : path + ".") + "none=1";
    CHECK(allowed_at({"device.technology=45nm", place}) == documented(file, heading, path));
  }
  const auto of_constant =
      test::first_cells(test::section(test::document(file), heading), "in a constant");
  CHECK(allowed_at({"device.technology=45nm", "device.technology.buffer.area.none=1"}) ==
        Names(of_constant.begin(), of_constant.end()));
}

TEST_CASE("docs/device.md lists the shipped DRAM devices") {
  const std::string part =
      test::section(test::document("docs/device.md"), "## Shipped DRAM devices");
  CHECK(names_of(test::first_cells(part, "name")) == names_of(models::dram::dram_device_names()));
}

TEST_CASE("docs/experiment.md has every key of an experiment and its network") {
  const std::string file = "docs/experiment.md";
  CHECK(allowed_at({"none=1"}) == documented(file, "## Keys of an experiment", ""));
  CHECK(allowed_at({"network.none=1"}) == documented(file, "## Networks", ""));
  CHECK(allowed_at({"network.layers[0].none=1"}) == documented(file, "## Networks", "layers[]"));
  CHECK(allowed_at({"network.layers[0].max_pool.none=1"}) ==
        documented(file, "## Networks", "layers[].max_pool"));
  CHECK(allowed_at({"network.layers[0]={type: conv, out: 4, kernel: 1, avg_pool: {none: 1}}"}) ==
        documented(file, "## Networks", "layers[].avg_pool"));
  CHECK(allowed_at({"data.none=1"}) == documented(file, "## Data", "data"));
  Names of_optimizers;
  for (const std::string& kind : names_in(workloads::optimizer_kind_names)) {
    of_optimizers.merge(allowed_at({"optimizer.kind=" + kind, "optimizer.none=1"}));
  }
  CHECK(of_optimizers == documented(file, "## Training", "optimizer"));
  CHECK(allowed_at({"training.none=1"}) == documented(file, "## Training", "training"));
  CHECK(allowed_at({"optimizer.schedule.none=1"}) ==
        documented(file, "## Training", "optimizer.schedule"));
  CHECK(allowed_at({"optimizer.schedule=[{none: 1}]"}) ==
        documented(file, "## Training", "optimizer.schedule[]"));
}

TEST_CASE("docs/experiment.md has every rule and option, idealised item and policy") {
  Names options;
  for (const std::string& rule : workloads::learning_rule_names()) {
    options.merge(allowed_at({"rule.base=" + rule, "rule.none=1"}));
  }
  CHECK(options == documented("docs/experiment.md", "## Rules", "rule"));
  CHECK(listed("## Rules", "rule") == names_of(workloads::learning_rule_names()));
  Names items;
  for (const sim::Item item : sim::all_items()) items.insert(to_string(item));
  CHECK(listed("## What is idealised", "item") == items);
  CHECK(listed("## Policies", "policy") == names_of(names_in(sim::policy_names)));
}

TEST_CASE("docs/experiment.md has every key of a study") {
  const test::TemporaryFolder folder;
  const auto allowed = [&](const std::string& text) -> Names {
    try {
      analysis::read_study(folder.write("study.yaml", text));
    } catch (const workloads::InputError& error) {
      return allowed_by(error.what());
    }
    FAIL("a key that is none was taken");
    return {};
  };
  const std::string file = "docs/experiment.md", heading = "## Studies";
  const std::string usual = "title: t\ndefault: {epochs: 1, seeds: 1}\n";
  CHECK(allowed(usual + "none: 1\n") == documented(file, heading, ""));
  CHECK(allowed("title: t\nrows: []\ndefault: {none: 1}\n") ==
        documented(file, heading, "default"));
  CHECK(allowed(usual + "pytorch: {none: 1}\n") == documented(file, heading, "pytorch"));
  CHECK(allowed(usual + "rows: [{none: 1}]\n") == documented(file, heading, "rows[]"));
}

TEST_CASE("docs/sweeps.md has every key of a sweep, and every metric") {
  const test::TemporaryFolder folder;
  const auto allowed = [&](const std::string& text) -> Names {
    try {
      analysis::read_sweep(folder.write("sweep.yaml", text));
    } catch (const workloads::InputError& error) {
      return allowed_by(error.what());
    }
    FAIL("a key that is none was taken");
    return {};
  };
  const std::string file = "docs/sweeps.md", heading = "## Keys of a sweep";
  const std::string usual = "base: mnist-mlp-lel\ncommand: plan\nobjectives: [words]\n";
  const std::string axes = "axes: [{key: seed, values: [1]}]\n", words = "metrics: [words]\n";
  const std::string whole = usual + axes + words;
  CHECK(allowed(whole + "none: 1\n") == [&] {
    Names names = documented(file, heading, "");
    // Maps whose keys are described one by one, or as a list's.
    names.insert({"limits", "slurm"});
    return names;
  }());
  CHECK(allowed(usual + words + "axes: [{none: 1}]\n") == documented(file, heading, "axes[]"));
  CHECK(allowed(usual + words + "axes: [{key: seed, range: {none: 1}}]\n") ==
        documented(file, heading, "axes[].range"));
  CHECK(allowed(usual + axes + "metrics: [{none: 1}]\n") == documented(file, heading, "metrics[]"));
  CHECK(allowed(whole + "search: {method: nsga2, none: 1}\n") ==
        documented(file, heading, "search"));
  CHECK(allowed(whole + "limits: {none: 1}\n") == documented(file, heading, "limits"));
  CHECK(allowed(whole + "slurm: {none: 1}\n") == documented(file, heading, "slurm"));
  Names metrics;
  for (const auto& [command, name] : analysis::point_command_names) {
    const std::vector<std::string> given = analysis::metric_names(command);
    metrics.insert(given.begin(), given.end());
  }
  const auto listed =
      test::first_cells(test::section(test::document(file), "## Metrics"), "metric");
  CHECK(metrics == Names(listed.begin(), listed.end()));
}

}  // namespace spillway::config_keys_test
