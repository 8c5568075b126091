// docs/json.md has every key of every JSON that the program writes, and no other.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/figure6.hpp"
#include "analysis/figures/rule_tables.hpp"
#include "tests/support/documents.hpp"
#include "tests/support/program.hpp"
#include "workloads/support/json.hpp"

namespace spillway::json_keys_test {

namespace {

using Keys = std::set<std::string>;

/// The paths of all values: "dram.read_words", "rows[].rule".
void add_keys(const Json& json, const std::string& path, Keys& keys) {
  if (json.is_object()) {
    for (const auto& [key, value] : json.items()) {
      add_keys(value, path.empty() ? key : path + "." + key, keys);
    }
  } else if (json.is_array()) {
    for (const Json& element : json) add_keys(element, path + "[]", keys);
  } else {
    keys.insert(path);
  }
}

/// "<name>" of a documented key stands for any name.
bool is_described_by(const std::string& key, const std::string& described) {
  if (described.find('<') == std::string::npos) return key == described;
  static std::map<std::string, std::regex> patterns;
  const auto found = patterns.find(described);
  if (found != patterns.end()) return std::regex_match(key, found->second);
  const std::string plain = std::regex_replace(described, std::regex(R"([.\[\]])"), R"(\$&)");
  const std::string any = std::regex_replace(plain, std::regex("<[^>]*>"), R"([^.\[\]]+)");
  return std::regex_match(key, patterns.emplace(described, any).first->second);
}

/// Keys of sections of docs/json.md, or another document.
Keys documented(const std::vector<std::string>& headings,
                const std::string& document = "docs/json.md") {
  Keys keys;
  for (const std::string& heading : headings) {
    const auto found = test::first_cells(test::section(test::document(document), heading), "key");
    keys.insert(found.begin(), found.end());
  }
  return keys;
}

/// `unseen` are the beginnings of keys that only a result in error has.
void compare(const Keys& written, const Keys& keys, const std::string& unseen = "-") {
  for (const std::string& key : written) {
    CAPTURE(key);
    const auto describes = [&](const std::string& described) {
      return is_described_by(key, described);
    };
    CHECK(std::ranges::any_of(keys, describes));
  }
  for (const std::string& described : keys) {
    CAPTURE(described);
    const auto is_described = [&](const std::string& key) {
      return is_described_by(key, described);
    };
    CHECK((described.starts_with(unseen) || std::ranges::any_of(written, is_described)));
  }
}

/// Commands in one folder, and the keys of what they write with --json.
class Written {
 public:
  const Keys& keys() const { return keys_; }
  const test::TemporaryFolder& folder() const { return folder_; }

  void add(std::vector<std::string> arguments, int exit_code = 0) {
    arguments.insert(arguments.end(), {"--json", "result.json"});
    const test::ProgramRun run = test::run_spillway(arguments, folder_.path());
    CAPTURE(run.err);
    REQUIRE(run.exit_code == exit_code);
    add_text(folder_.read("result.json"));
  }
  void add_text(const std::string& json) { add_keys(parse_json(json), "", keys_); }

 private:
  test::TemporaryFolder folder_;
  Keys keys_;
};

/// The names between commas of the first line.
Keys columns(const std::string& csv) {
  Keys names;
  std::istringstream line(csv.substr(0, csv.find('\n')));
  for (std::string name; std::getline(line, name, ',');) names.insert(name);
  return names;
}

constexpr const char* small_training = "data={base: mnist, train: 400, test: 200}";

}  // namespace

TEST_CASE("docs/json.md with docs/energy.md and docs/timeline.md has the keys of run and plan") {
  Written run, plan;
  run.add({"run", "mnist-mlp-lel", "--no-values"});
  run.add({"run", "mnist-mlp-lel", "--no-values", "--set", "device.dram=lpddr5-6400"});
  run.add({"run", "mnist-mlp-lel", "--no-values", "--set", "device.technology=45nm"});
  run.add({"run", "mnist-mlp-lel", "--no-values", "--set", "device.technology=7nm", "--set",
           "device.dram=lpddr5-6400"});
  plan.add({"plan", "mnist-mlp-lel"});
  plan.add({"plan", "mnist-mlp-lel", "--policy", "best", "--set", "device.buffer=4MiB"});
  plan.add({"plan", "cifar10-5layer-lel-tlc", "--policy", "layer", "--set",
            "rule.classifier_rate=0.1", "--set",
            "data={base: cifar10, folder: nowhere, train: 10, test: 10}", "--set",
            "device.host.bandwidth_gb_per_s=1"});
  plan.add(
      {"plan", "mnist-mlp-lel", "--set", "optimizer={kind: adamw}", "--set", "rule.random=stored"});
  plan.folder().write(
      "average.yaml",
      "network:\n  input: [2, 6, 6]\n  classes: 3\n  layers:\n    - {type: conv, "
      "out: 4, kernel: 3, avg_pool: {kernel: 2}}\nrule: bp\ndevice: paper\nbatch: 2\n");
  plan.add({"plan", "average.yaml"});
  plan.folder().write("graph.yaml",
                      "network:\n  input: [2, 6, 6]\n  classes: 3\n  layers:\n"
                      "    - {type: conv, out: 2, kernel: 1, relu6: true}\n"
                      "    - {type: add, from: [conv1, input]}\n"
                      "rule: {base: lel, blocks: 1}\ndevice: paper\nbatch: 2\n");
  plan.add({"plan", "graph.yaml"});
  Keys common = documented({"## run and plan"});
  common.merge(documented({"### Of run and plan"}, "docs/energy.md"));
  Keys own_run = documented({"### run"});
  for (const char* document : {"docs/energy.md", "docs/timeline.md"}) {
    own_run.merge(documented({"### Of run"}, document));
  }
  const Keys own_plan = documented({"### plan"});
  Keys of_run = common, of_plan = common, both = common, written = run.keys();
  of_run.insert(own_run.begin(), own_run.end());
  of_plan.insert(own_plan.begin(), own_plan.end());
  both.insert(own_run.begin(), own_run.end());
  both.insert(own_plan.begin(), own_plan.end());
  written.insert(plan.keys().begin(), plan.keys().end());
  compare(written, both, "planned_differs[]");
  for (const std::string& key : run.keys()) {
    CAPTURE(key);
    CHECK(std::ranges::any_of(of_run, [&](const auto& k) { return is_described_by(key, k); }));
  }
  for (const std::string& key : plan.keys()) {
    CAPTURE(key);
    CHECK(std::ranges::any_of(of_plan, [&](const auto& k) { return is_described_by(key, k); }));
  }
}

TEST_CASE("docs/json.md has the keys of diff and check") {
  Written diff;
  for (const std::string name : {"a", "b"}) {
    test::run_spillway({"plan", "mnist-mlp-lel", "--json", name + ".json", "--set",
                        "batch=" + std::to_string(name == "a" ? 10 : 20)},
                       diff.folder().path());
  }
  diff.add({"diff", "a.json", "b.json"}, 1);
  compare(diff.keys(), documented({"## diff"}));
  Written check;
  check.folder().write("e.yaml",
                       "network: {input: 8, classes: 2, layers: [{type: fc, out: 4}]}\n"
                       "rule: lel\ndevice: paper\nbatch: 2\n");
  check.add({"check", "e.yaml", "--update"});
  check.add({"check", "e.yaml", "--set", "batch=3"}, 1);
  compare(check.keys(), documented({"## check"}));
}

TEST_CASE("docs/json.md has the keys of tables") {
  Written figure6, rules, items, network, table1;
  const analysis::Figure6 figure{1, {{"n", "bp", "read", 1, 1, 1}}, {}};
  figure6.add_text(analysis::figure6_json(figure));
  compare(figure6.keys(), documented({"## figure6"}));
  const analysis::RuleCounts counts{"n", "bp", 1, 1, 1, 1, 1, 1, 1, 1, 1, 0, 1};
  rules.add_text(analysis::rules_json({counts}, 1));
  compare(rules.keys(), documented({"## rules"}));
  items.add_text(analysis::items_json({{"n", {"bp"}, {1}, 1, {{"seeds", {1}, 1}}}}, 1));
  compare(items.keys(), documented({"## items"}));
  network.add({"network", "mnist-mlp"});
  network.add({"network", "resnet8"});
  compare(network.keys(), documented({"## network"}));
  Written macs;
  macs.add({"macs"});
  compare(macs.keys(), documented({"## macs"}));
  table1.add({"table1", "mnist-mlp"});
  compare(table1.keys(), documented({"## table1"}));
  const std::string text = test::document("docs/json.md");
  const std::string csv = analysis::figure6_csv(figure);
  CHECK(text.find("`" + csv.substr(0, csv.find('\n')) + "`") != std::string::npos);
}

TEST_CASE("docs/json.md has the keys and columns of explore-buffer") {
  Written written;
  written.add({"explore-buffer", "mnist-mlp-256", "--sizes", "16,16MiB", "--csv", "usual.csv"});
  written.add({"explore-buffer", "mnist-mlp-256", "--sizes", "16MiB", "--csv", "named.csv",
               "--rule", "dfa", "--rule", "lel-tlc"});
  compare(written.keys(), documented({"## explore-buffer"}));
  const std::string text = test::section(test::document("docs/json.md"), "## explore-buffer");
  const std::regex last("_over_(lel_tlc|lel)(_recompute)?$"),
      of_rule("^(table1|closed_form)_.*_words$"), bound("^(bp|dfa|lel_tlc|lel)_bound_words$"),
      curve("^(bp|dfa|lel_tlc|lel)(_recompute)?_");
  for (const char* file : {"usual.csv", "named.csv"}) {
    for (const std::string& column : columns(written.folder().read(file))) {
      CAPTURE(column);
      std::string of_any = std::regex_replace(column, last, "_over_LAST");
      of_any = std::regex_replace(of_any, of_rule, "$1_RULE_words");
      of_any = std::regex_replace(of_any, bound, "RULE_bound_words");
      of_any = std::regex_replace(of_any, curve, "KEY_");
      CHECK(text.find("`" + of_any + "`") != std::string::npos);
    }
  }
}

TEST_CASE("docs/locality.md has the keys and columns of locality") {
  Written written;
  written.add({"locality", "mnist-mlp-lel", "--sizes", "16,1MiB", "--batch", "10", "--epochs", "1",
               "--set", small_training, "--set", "network=mnist-mlp-256", "--csv", "x.csv"});
  compare(written.keys(), documented({"## JSON and CSV"}, "docs/locality.md"));
  const std::string text = test::document("docs/locality.md");
  const std::string csv = written.folder().read("x.csv");
  CHECK(text.find("`" + csv.substr(0, csv.find('\n')) + "`") != std::string::npos);
}

TEST_CASE("docs/sweeps.md has the keys and columns of sweep") {
  Written run, table, status;
  const std::string sweep =
      "base: mnist-mlp-lel\ncommand: plan\nset: [network=mnist-mlp-256, policy=best]\n"
      "axes: [{key: device.buffer, values: [16, 64 KiB]}]\nmetrics: [words]\n"
      "objectives: [words]\nconstraints: [words <= 1e9]\n";
  run.folder().write("s.yaml", sweep);
  run.add({"sweep", "s.yaml", "--out", "out"});
  const std::string file = "docs/sweeps.md";
  compare(run.keys(), documented({"### sweep"}, file));
  const std::string out = (run.folder().path() / "out").string();
  table.add({"sweep", "table", out});
  compare(table.keys(), documented({"### sweep table, sweep pareto"}, file));
  status.add({"sweep", "status", out});
  compare(status.keys(), documented({"### sweep status"}, file), "slurm_job");
  const std::string text = test::section(test::document(file), "### sweep table, sweep pareto");
  std::string columns = run.folder().read("out/sweep.csv");
  columns = columns.substr(0, columns.find('\n'));
  CHECK(columns == "point,hash,status,buffer,words,feasible,front,message");
  CHECK(text.find("`point,hash,status,AXES,METRICS,feasible,front,message`") != std::string::npos);
}

TEST_CASE("docs/json.md has the keys and columns of train, infer and reproduce") {
  const std::string text = test::document("docs/json.md");
  Written train, infer, reproduce;
  const std::vector<std::string> training{"train",    "mnist-mlp-lel",
                                          "--epochs", "1",
                                          "--set",    "network=mnist-mlp-256",
                                          "--set",    small_training,
                                          "--set",    "training={validation: 100}"};
  train.add(training);
  compare(train.keys(), documented({"## train"}));

  std::vector<std::string> kept = training;
  kept.insert(kept.end(), {"--checkpoint", "run.checkpoint"});
  REQUIRE(test::run_spillway(kept, infer.folder().path()).exit_code == 0);
  infer.add({"infer", "mnist-mlp-lel", "--checkpoint", "run.checkpoint", "--out", "exits", "--set",
             "network=mnist-mlp-256", "--set", small_training, "--set",
             "training={validation: 100}"});
  compare(infer.keys(), documented({"## infer"}));
  const std::string exits = infer.folder().read("exits/infer.csv");
  CHECK(text.find("`" + exits.substr(0, exits.find('\n')) + "`") != std::string::npos);

  reproduce.folder().write(
      "short.yaml",
      "title: short\n"
      "default: {epochs: 1, seeds: 1, subset: 200, test: 100}\n"
      "pytorch: {epochs: 1, images: 200}\n"
      "rows:\n"
      "  - {label: LEL, experiment: mnist-mlp-lel, set: [network=mnist-mlp-256],"
      " paper: [90, 90, 90], pytorch: [[90, 90, 90]]}\n");
  reproduce.add({"reproduce", "short.yaml"});
  compare(reproduce.keys(), documented({"## reproduce"}));
  const std::string rows = reproduce.folder().read("short.csv");
  CHECK(text.find("`" + rows.substr(0, rows.find('\n')) + "`") != std::string::npos);
}

TEST_CASE("docs/json.md has the keys of dram and accuracy") {
  Written dram, accuracy;
  dram.add({"dram", "ddr4-2400", "--pattern", "g_rand_rd", "--mib", "1"});
  dram.add({"dram", "lpddr5-6400", "--pattern", "b_seq_wr", "--mib", "1"});
  compare(dram.keys(), documented({"## dram"}));
  // Of the reference runs one pattern: judged by a range, by simulators with and without energy.
  std::istringstream runs(test::document("analysis/reference/dram_reference.csv"));
  std::string some;
  for (std::string line; std::getline(runs, line);) {
    if (some.empty() || line.find("e_copy256,") != std::string::npos) some += line + "\n";
  }
  accuracy.folder().write("some.csv", some);
  accuracy.add({"accuracy", "some.csv"});
  compare(accuracy.keys(), documented({"## accuracy"}));
}

TEST_CASE("docs/json.md has the keys of bench") {
  const std::string text = test::section(test::document("docs/json.md"), "## bench");
  const auto keys = [&](const std::string& command) {
    const std::string begin = "| `" + command + "` |";
    const std::size_t at = text.find(begin);
    REQUIRE(at != std::string::npos);
    std::string row = text.substr(at + begin.size(), text.find('\n', at) - at - begin.size());
    row = row.substr(0, row.find(" |"));
    const std::vector<std::string> words = test::code_words(row);
    Keys result(words.begin(), words.end());
    result.erase("--pytorch");
    return result;
  };
  Written train, plan, depth;
  train.add({"bench", "train", "--network", "mnist-mlp", "--rule", "lel", "--repeats", "1"});
  compare(train.keys(), keys("bench train"), "rows[].pytorch_ms");
  plan.add({"bench", "plan", "--network", "mnist-mlp", "--rule", "lel"});
  compare(plan.keys(), keys("bench plan"));
  depth.add({"bench", "plan", "--depth=10", "--rule", "lel"});
  compare(depth.keys(), keys("bench plan --depth"));
}

}  // namespace spillway::json_keys_test
