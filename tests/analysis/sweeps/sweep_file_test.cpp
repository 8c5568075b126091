// What a sweep's file may say, and what is said of one that is wrong.
#include "analysis/sweeps/sweep_file.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <set>

#include "analysis/sweeps/axes.hpp"
#include "analysis/sweeps/points.hpp"
#include "tests/support/small_sweep.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sweep_file_test {

using analysis::Choice;
using analysis::PointSpace;
using analysis::Sweep;
using test::small_sweep;
using test::TemporaryFolder;

namespace {

Sweep sweep_of(const TemporaryFolder& folder, const std::string& rest) {
  test::write_small_experiment(folder);
  return analysis::read_sweep(folder.write("s.yaml", small_sweep(rest)));
}

/// The names of an axis's values.
std::vector<std::string> names(const analysis::Axis& axis) {
  std::vector<std::string> result;
  for (const analysis::AxisValue& value : axis.values) result.push_back(value.shown.text);
  return result;
}

using Texts = std::vector<std::string>;

/// The values of all axes at all points, "bp 4", with "-" where an axis does not apply.
Texts points_of(const Sweep& sweep) {
  Texts all;
  const PointSpace space(sweep);
  analysis::for_each_point(sweep, [&](const Choice& choice) {
    std::string text;
    for (const analysis::AxisValue* value : space.values(choice)) {
      text += (text.empty() ? "" : " ") + (value == nullptr ? "-" : value->shown.text);
    }
    all.push_back(text);
    return true;
  });
  return all;
}

}  // namespace

TEST_CASE("an axis of a sweep takes lists, steps and powers, and names for values") {
  const TemporaryFolder folder;
  const Sweep sweep =
      sweep_of(folder,
               "axes:\n"
               "  - {key: batch, values: [1, 10, 100]}\n"
               "  - {key: optimizer.rate, range: {from: 0.1, to: 0.5, step: 0.1}}\n"
               "  - {key: seed, range: {from: 1, to: 512, factor: 2}}\n"
               "  - {key: device.buffer, range: {from: 16 KiB, to: 1 MiB, factor: 4}}\n"
               "  - key: rule\n    name: how\n    values:\n"
               "      - bp\n      - {value: {base: lel, fix: 1}, name: fixed}\n");
  const std::vector<const analysis::Axis*> axes = sweep.axes();
  REQUIRE(axes.size() == 5);
  CHECK(names(*axes[0]) == Texts{"1", "10", "100"});
  CHECK(names(*axes[1]) == Texts{"0.1", "0.2", "0.3", "0.4", "0.5"});
  CHECK(axes[1]->name == "rate");
  CHECK(names(*axes[2]).size() == 10);
  CHECK(names(*axes[2]).back() == "512");
  CHECK(names(*axes[3]) == Texts{"16 KiB", "64 KiB", "256 KiB", "1 MiB"});
  CHECK(axes[3]->values[1].set[0].second == "65536");
  CHECK(axes[3]->values[1].shown.number == 65536.0);
  CHECK(axes[4]->name == "how");
  CHECK(names(*axes[4]) == Texts{"bp", "fixed"});
  CHECK(axes[4]->values[1].set[0].second == "{base: lel, fix: 1}");
}

TEST_CASE("axes of a sweep are crossed, or zipped, and conditions leave points out") {
  const TemporaryFolder folder;
  CHECK(points_of(sweep_of(folder,
                           "axes:\n  - {key: rule, values: [bp, lel]}\n"
                           "  - {key: batch, values: [1, 2]}\n")) ==
        Texts{"bp 1", "bp 2", "lel 1", "lel 2"});
  CHECK(points_of(sweep_of(folder,
                           "axes:\n  - zip:\n      - {key: rule, values: [bp, lel]}\n"
                           "      - {key: batch, values: [1, 2]}\n"
                           "  - {key: seed, values: [7, 8]}\n")) ==
        Texts{"bp 1 7", "bp 1 8", "lel 2 7", "lel 2 8"});
  const Sweep several =
      sweep_of(folder,
               "axes:\n  - name: how\n    values:\n"
               "      - {name: plain, set: {rule: bp}}\n"
               "      - {name: again, set: {rule: bp, policy: best-recompute}}\n");
  CHECK(points_of(several) == Texts{"plain", "again"});
  CHECK(several.axes()[0]->keys == Texts{"rule", "policy"});
  CHECK(PointSpace(several).assignments({1})[1].text == "policy=best-recompute");
  // An axis that does not apply leaves one point, not one for each of its values.
  CHECK(points_of(sweep_of(folder,
                           "axes:\n  - {key: rule, values: [bp, lel-tlc]}\n"
                           "  - {key: rule.classifier_rate, values: [0.1, 0.2], when: rule == "
                           "lel-tlc}\n")) == Texts{"bp -", "lel-tlc 0.1", "lel-tlc 0.2"});
  CHECK(points_of(sweep_of(folder,
                           "axes:\n  - {key: rule, values: [bp, lel]}\n"
                           "  - {key: batch, values: [1, 2, 4]}\n"
                           "when: [\"rule == bp or batch in [2, 4]\", batch < 4]\n")) ==
        Texts{"bp 1", "bp 2", "lel 2"});
  CHECK(points_of(sweep_of(folder,
                           "axes:\n  - {key: device.buffer, values: [64 KiB, 1 MiB, 2MiB]}\n"
                           "when: buffer <= 1024 KiB and buffer != 65536\n")) == Texts{"1 MiB"});
}

TEST_CASE("a random search draws each point once, and the same with the same seed") {
  const TemporaryFolder folder;
  const auto drawn = [&](const std::string& search) {
    return points_of(sweep_of(folder,
                              "axes:\n  - {key: rule, values: [bp, lel-tlc]}\n"
                              "  - {key: rule.classifier_rate, range: {from: 1, to: 40, step: 1}, "
                              "when: rule == lel-tlc}\n"
                              "  - {key: batch, range: {from: 1, to: 20, step: 1}}\n"
                              "search: {method: random, points: " +
                                  search + "}\n"));
  };
  const Texts first = drawn("50, seed: 3");
  CHECK(first.size() == 50);
  CHECK(std::set<std::string>(first.begin(), first.end()).size() == 50);
  CHECK(first == drawn("50, seed: 3"));
  CHECK(first != drawn("50, seed: 4"));
  // More than there are: all of them.
  CHECK(drawn("2000").size() == 20 + 40 * 20);
}

TEST_CASE("a sweep's file that is wrong is refused in one line before anything is started") {
  const TemporaryFolder folder;
  test::write_small_experiment(folder);
  folder.write("broken.yaml", "network: nowhere\nrule: bp\ndevice: paper\nbatch: 1\n");
  const std::string batch = "axes: [{key: batch, values: [1, 2]}]\n";
  const std::string head = "base: ./e.yaml\ncommand: plan\n";
  const std::string metrics = "metrics: [words]\n";
  const std::pair<std::string, Texts> wrong[] = {
      {"command: plan\n" + metrics + batch, {"s.yaml:1", "\"base\", which is missing"}},
      {head + metrics + batch + "axis: 1\n",
       {"s.yaml:5: axis: unknown key", "did you mean \"axes\""}},
      {"base: mnist-mlp-lell\n" + metrics + batch,
       {"s.yaml:1: base: found \"mnist-mlp-lell\"", "did you mean \"mnist-mlp-lel\""}},
      {"base: ./none.yaml\n" + metrics + batch, {"s.yaml:1: base", "looked for", "none.yaml"}},
      {"base: ./broken.yaml\n" + metrics + batch, {"broken.yaml:1: network: found \"nowhere\""}},
      {"base: ./s.yaml\n" + metrics + batch, {"s.yaml:1", "found a sweep", "an experiment"}},
      {head + metrics, {"\"axes\", which is missing"}},
      {head + metrics + "axes: []\n", {"s.yaml:4: axes: found a list of 0", "at least one axis"}},
      {head + metrics + "axes: [{key: device.bufer, values: [1]}]\n",
       {"s.yaml:4: axes[0].values[0]", "unknown key \"bufer\"", "did you mean \"buffer\""}},
      {head + metrics + "axes: [{key: device.buffer, values: [64 KiB, 64 kib]}]\n",
       {"s.yaml:4: axes[0].values[1]", "device.buffer: found \"64 kib\"",
        "did you mean \"64 KiB\""}},
      {head + metrics + "axes: [{key: batch, values: [1, 0]}]\n",
       {"s.yaml:4: axes[0].values[1]", "batch: found \"0\"", "an integer from 1"}},
      {head + metrics + "axes: [{key: rule, values: [bp, lell]}]\n",
       {"axes[0].values[1]", "found \"lell\"", "did you mean \"lel\""}},
      {head + metrics + "axes: [{name: a, values: [{name: b, set: 1}]}]\n",
       {"axes[0].values[0].set: found \"1\"", "a map of keys"}},
      {head + metrics + "axes: [{name: a, values: [{name: b, set: {bach: 1}}]}]\n",
       {"axes[0].values[0]", "unknown key \"bach\"", "did you mean \"batch\""}},
      {head + metrics + "axes: [{key: batch, values: []}]\n", {"s.yaml:4", "at least one value"}},
      {head + metrics + "axes: [{key: batch, values: [1, 1]}]\n",
       {"s.yaml:4: axes[0].values[1]", "\"1\" twice"}},
      {head + metrics + "axes: [{key: batch, values: [1], range: {from: 1, to: 2, step: 1}}]\n",
       {"s.yaml:4: axes[0]", "either values or range"}},
      {head + metrics + "axes: [{key: batch, range: {from: 1, to: 8, step: 1, factor: 2}}]\n",
       {"axes[0].range", "either step or factor"}},
      {head + metrics + "axes: [{key: batch, range: {from: 1, to: 8, factor: 1}}]\n",
       {"axes[0].range.factor: found \"1\"", "a number above 1"}},
      {head + metrics + "axes: [{key: batch, range: {from: 8, to: 1, step: 1}}]\n",
       {"axes[0].range.to: found \"1\"", "at least 8"}},
      {head + metrics + "axes: [{key: batch, range: {from: 1, to: 1e9, step: 1}}]\n",
       {"axes[0].range", "at most 100000 values"}},
      {head + metrics + "axes: [{zip: [{key: batch, values: [1, 2]}, {key: seed, values: [1]}]}]\n",
       {"axes[0].zip[1]", "found 1 values", "allowed: 2, as of the axis batch"}},
      {head + metrics + "axes: [{key: batch, values: [1]}, {key: batch, values: [2]}]\n",
       {"s.yaml:4: axes", "the key \"batch\" of two axes"}},
      {head + metrics +
           "axes: [{key: batch, values: [1]}, {key: seed, name: batch, values: [2]}]\n",
       {"s.yaml:4: axes", "the name \"batch\" of two axes"}},
      {head + metrics + "axes: [{key: batch, name: status, values: [1]}]\n",
       {"axes[0].name: found \"status\"", "another name than"}},
      {head + "metrics: [wrods]\n" + batch,
       {"s.yaml:3: metrics[0]: found \"wrods\"", "did you mean \"words\""}},
      {head + "metrics: [time_ms]\n" + batch,
       {"s.yaml:3: metrics[0]: found \"time_ms\"", "what `plan` gives: words"}},
      {head + "metrics: [words, words]\n" + batch, {"metrics[1]", "each name once"}},
      {head + metrics + batch + "objectives: [read_words]\n",
       {"s.yaml:5: objectives[0]: found \"read_words\"", "allowed: words"}},
      {head + metrics + batch + "constraints: [time <= 4]\n",
       {"s.yaml:5: constraints[0]: found \"time\"", "allowed: words"}},
      {head + metrics + batch + "constraints: [words <= many]\n",
       {"constraints[0]: found \"many\"", "a number, or a size"}},
      {head + metrics + batch + "constraints: [words]\n",
       {"constraints[0]", "a condition such as"}},
      {head + metrics + batch + "when: bach == 1\n",
       {"s.yaml:5: when: found \"bach\"", "did you mean \"batch\""}},
      {head + metrics + batch + "when: batch == 3\n",
       {"when: found \"3\"", "a value of batch: 1, 2"}},
      {head + metrics + batch + "when: batch > 2\n", {"when: found no point for which all hold"}},
      {head + metrics +
           "axes: [{key: rule, values: [bp], when: batch == 1}, {key: batch, values: [1]}]\n",
       {"axes[0].when: found \"batch\"", "allowed: nothing here"}},
      {head + metrics + "axes: [{key: rule, values: [bp, lel]}]\nwhen: rule < lel\n",
       {"when: found \"lel\"", "== or != beside rule, which is no number"}},
      {head + metrics + batch + "search: anneal\n",
       {"s.yaml:5: search: found \"anneal\"", "grid, random, nsga2"}},
      {head + metrics + batch + "search: random\n", {"{method: random, points: N}"}},
      {head + metrics + batch + "search: {method: random}\n", {"\"points\", which is missing"}},
      {head + metrics + batch + "search: {method: nsga2, points: 100}\n",
       {"search.method", "grid or random without objectives"}},
      {head + metrics + batch + "limits: {seconds: 0}\n", {"limits.seconds: found \"0\""}},
      {head + metrics + batch + "slurm: {options: [mem=4G]}\n",
       {"slurm.options[0]: found \"mem=4G\"", "--mem=4G"}},
      {head + metrics + batch + "set: [bach=2]\n",
       {"s.yaml:5: set[0]", "unknown key \"bach\"", "did you mean \"batch\""}},
      // Values that are right alone and wrong together.
      {head + metrics + "axes: [{key: rule, values: [lel, bp]}, {key: rule.fix, values: [0, 1]}]\n",
       {"axes[1].values[0]", "unknown key \"fix\""}},
      {"network: mnist-mlp\nrule: bp\n", {"s.yaml:1", "found an experiment", "a sweep"}},
  };
  const std::vector<std::string> before = [&] {
    folder.write("s.yaml", "");
    return folder.files();
  }();
  for (const auto& [text, words] : wrong) {
    folder.write("s.yaml", text);
    const test::ProgramRun run =
        test::run_spillway({"sweep", "s.yaml", "--out", "out"}, folder.path());
    CAPTURE(text);
    CAPTURE(run.err);
    CHECK(run.exit_code == 2);
    CHECK(run.out == "");
    CHECK(std::ranges::count(run.err, '\n') == 1);
    CHECK(run.err.find("allowed: ") != std::string::npos);
    for (const std::string& word : words) {
      CAPTURE(word);
      CHECK(run.err.find(word) != std::string::npos);
    }
    CHECK(folder.files() == before);
  }
  CHECK(std::size(wrong) >= 20);
}

}  // namespace spillway::sweep_file_test
