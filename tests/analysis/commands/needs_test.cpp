// What is said to be needed on chip can be given back as the buffer's size.
#include <doctest/doctest.h>

#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"

namespace spillway::needs_test {

using test::ProgramRun;
using test::run_spillway;
using test::TemporaryFolder;

namespace {

constexpr const char* experiment = R"(
network:
  input: [3, 7, 7]
  classes: 5
  layers:
    - {type: conv, out: 9, kernel: 3, padding: same, max_pool: {kernel: 2}}
    - {type: conv, out: 11, kernel: 3, padding: same, batch_norm: true}
    - {type: fc, out: 37}
rule: bp
device: paper
batch: 7
data: {base: random, train: 21, test: 14}
)";

/// The text between a mark and the end of its line or what `end` begins.
std::string after(const std::string& text, const std::string& mark, const std::string& end) {
  const std::size_t at = text.find(mark);
  REQUIRE(at != std::string::npos);
  const std::size_t begin = text.find_first_not_of(' ', at + mark.size());
  const std::string found = text.substr(begin, text.find(end, begin) - begin);
  return found.substr(0, found.find_last_not_of(' ') + 1);
}

}  // namespace

TEST_CASE("what plan and a refusal say to be needed is enough when pasted back" *
          test::slow_if_sanitized) {
  const TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  for (const char* policy : {"paper", "layer", "best"}) {
    for (const char* rule : {"rule=bp", "rule=lel", "rule=lel-tlc"}) {
      CAPTURE(policy);
      CAPTURE(rule);
      const auto plan = [&](const std::string& buffer) {
        return run_spillway({"plan", "e.yaml", "--policy", policy, "--set", rule, "--set",
                             "device.buffer=" + buffer},
                            folder.path());
      };
      const ProgramRun large = plan("1MiB");
      REQUIRE(large.exit_code == 0);
      const std::string need = after(large.out, "needed, one instruction after another", "(");
      CAPTURE(need);
      CHECK(need.ends_with(" KiB"));  // rounded, and enough all the same
      CHECK(plan(need).exit_code == 0);
      const ProgramRun small = plan("64");
      REQUIRE(small.exit_code == 2);
      const std::string least = after(small.err, "allowed: at least ", "\n");
      CAPTURE(least);
      CHECK(least.ends_with(" bytes"));
      CHECK(plan(least).exit_code == 0);
    }
  }
}

TEST_CASE("what infer says to be needed is enough for inference when pasted back") {
  const TemporaryFolder folder;
  folder.write("e.yaml", experiment);
  REQUIRE(run_spillway({"train", "e.yaml", "--epochs", "1", "--checkpoint", "c", "--set",
                        "rule=lel", "--direct"},
                       folder.path())
              .exit_code == 0);
  const auto infer = [&](const std::string& buffer) {
    return run_spillway({"infer", "e.yaml", "--checkpoint", "c", "--set", "rule=lel", "--set",
                         "device.buffer=" + buffer},
                        folder.path());
  };
  const ProgramRun large = infer("1MiB");
  REQUIRE(large.exit_code == 0);
  std::string most = "0 B";
  for (const std::string& need : test::text_tables(large.out).at(0).column("needed on chip")) {
    if (test::number_of(need) > test::number_of(most)) most = need;
  }
  CAPTURE(most);
  REQUIRE(most.ends_with(" KiB"));
  CHECK(infer(most).exit_code == 0);
}

}  // namespace spillway::needs_test
