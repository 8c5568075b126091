// What an epoch of a row moves: without the device as with it.
#include <doctest/doctest.h>

#include "analysis/studies/study_run.hpp"
#include "tests/support/program.hpp"

namespace spillway::study_traffic_test {

using analysis::StudyOutcome;
using analysis::StudyResult;

namespace {

constexpr const char* experiment =
    "network: {input: 12, classes: 3, layers: [{type: fc, out: 8, dropout: 0.5}, {type: fc, out: "
    "6}]}\n"
    "rule: lel\ndevice: {base: paper, buffer: 1 MiB}\nbatch: 10\n"
    "data: {base: random, train: 45, test: 20}\n";

StudyResult run(const std::filesystem::path& path, bool direct) {
  const analysis::Study study = analysis::read_study(path);
  analysis::StudySetting setting = study.usual;
  setting.direct = direct;
  return analysis::run_study(study, setting);
}

}  // namespace

TEST_CASE("a step counted on the device, times the steps, is what all steps on the device move") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const auto path = folder.write(
      "s.yaml",
      "title: t\ndefault: {epochs: 3, seeds: 2}\nrows:\n"
      "  - {label: a, experiment: ./e.yaml}\n"
      "  - {label: b, experiment: ./e.yaml, set: [rule=fa, \"optimizer={kind: adam}\"]}\n"
      "  - {label: c, experiment: ./e.yaml, set: [training.order=layer-by-layer]}\n"
      "  - {label: d, experiment: ./e.yaml, set: [rule=bp, policy=best, idealisations=none,"
      " \"device={base: paper, buffer: 2KiB, dram: lpddr5-6400, host: {bandwidth_gb_per_s: "
      "2}}\"]}\n");
  const StudyResult direct = run(path, true), device = run(path, false);
  REQUIRE(direct.outcomes.size() == 4);
  for (std::size_t r = 0; r < direct.outcomes.size(); ++r) {
    CAPTURE(direct.study.rows[r].label);
    const StudyOutcome &one = direct.outcomes[r], &all = device.outcomes[r];
    CHECK(one.not_counted.empty());
    CHECK(one.epochs == (r == 2 ? 12 : 6));
    CHECK(one.epochs == all.epochs);
    CHECK(one.traffic.steps == 4 * one.epochs);
    CHECK(one.traffic.steps == all.traffic.steps);
    CHECK(one.traffic.dram_read > 0);
    CHECK(one.traffic.dram_read == all.traffic.dram_read);
    CHECK(one.traffic.dram_write == all.traffic.dram_write);
    CHECK(one.traffic.host_read == all.traffic.host_read);
    CHECK(one.traffic.host_write == all.traffic.host_write);
    CHECK(one.traffic.macs == all.traffic.macs);
    CHECK(one.traffic.time_ps == all.traffic.time_ps);
    CHECK(one.test == all.test);
    CHECK(one.by_epoch == all.by_epoch);
  }
}

TEST_CASE(
    "a row that does not fit on its device is trained without it and says why it has no counts") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const auto path =
      folder.write("s.yaml",
                   "title: t\ndefault: {epochs: 1, seeds: 1}\nrows:\n"
                   "  - {label: a, experiment: ./e.yaml}\n"
                   "  - {label: small, experiment: ./e.yaml, set: [device.buffer=64]}\n");
  const StudyResult result = run(path, true);
  CHECK(result.outcomes[0].not_counted.empty());
  CHECK(result.outcomes[1].not_counted.find("device.buffer") != std::string::npos);
  CHECK(result.outcomes[1].test == result.outcomes[0].test);
  const std::string text = analysis::study_text(result);
  CHECK(text.find("small is not counted: ") != std::string::npos);
}

TEST_CASE("the curves of a row end in its accuracies") {
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  const auto path =
      folder.write("s.yaml",
                   "title: t\ndefault: {epochs: 3, seeds: 2}\nrows:\n"
                   "  - {label: a, experiment: ./e.yaml, set: [training.order=layer-by-layer]}\n");
  const StudyOutcome outcome = run(path, true).outcomes.front();
  REQUIRE(outcome.by_epoch.size() == 2);
  for (std::size_t layer = 0; layer < 2; ++layer) {
    REQUIRE(outcome.by_epoch[layer].size() == 2);
    for (std::size_t seed = 0; seed < 2; ++seed) {
      REQUIRE(outcome.by_epoch[layer][seed].size() == 3);
      CHECK(outcome.by_epoch[layer][seed].back() == outcome.test[layer][seed]);
    }
  }
}

}  // namespace spillway::study_traffic_test
