// What the README shows must work.
#include <doctest/doctest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "tests/support/program.hpp"

namespace spillway::readme_test {

namespace {

std::string readme() {
  std::ifstream stream(std::string(SPILLWAY_SOURCE_DIR) + "/README.md");
  std::stringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// The YAML block that begins with `first`.
std::string yaml_block(const std::string& text, const std::string& first) {
  const std::size_t at = text.find("```yaml\n" + first) + std::string("```yaml\n").size();
  return text.substr(at, text.find("```", at) - at);
}

}  // namespace

TEST_CASE("every command that the README shows works, and its tables are what they print") {
  const std::string text = readme();
  const test::TemporaryFolder folder;
  folder.write("my-experiment.yaml", yaml_block(text, "# my-experiment.yaml"));
  std::istringstream lines(text);
  std::string line;
  int commands = 0;
  std::map<std::string, std::string> printed;  // by command without options
  while (std::getline(lines, line)) {
    const std::string prefix = "    ./spillway ";
    if (line.rfind(prefix, 0) != 0 || line == prefix + "test") continue;
    std::vector<std::string> arguments;
    std::istringstream words(line.substr(prefix.size()));
    for (std::string word; words >> word;) arguments.push_back(word);
    const test::ProgramRun run = test::run_spillway(arguments, folder.path());
    CAPTURE(line);
    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out != "");
    if (arguments.size() == 1) printed[arguments[0]] = run.out;
    ++commands;
  }
  CHECK(commands >= 8);
  for (const char* command : {"figure6", "rules", "items"}) {
    CAPTURE(command);
    if (printed.count(command) == 0) {
      const test::ProgramRun run = test::run_spillway({command}, folder.path());
      REQUIRE(run.exit_code == 0);
      printed[command] = run.out;
    }
    const std::string& out = printed[command];
    const std::string tables = out.substr(0, out.find("On-chip buffer"));
    REQUIRE(tables.size() > 1000);
    CHECK(text.find(tables) != std::string::npos);
  }
}

TEST_CASE("the README's settings of a training run are those of an experiment") {
  std::string experiment = yaml_block(readme(), "# my-experiment.yaml");
  const std::size_t at = experiment.find("optimizer:");
  experiment.erase(at, experiment.find('\n', at) + 1 - at);
  const test::TemporaryFolder folder;
  folder.write("e.yaml", experiment + yaml_block(readme(), "optimizer:"));
  const test::ProgramRun run = test::run_spillway({"plan", "e.yaml"}, folder.path());
  CAPTURE(run.err);
  CHECK(run.exit_code == 0);
}

TEST_CASE("the README's summaries of the DRAM model's accuracy are what accuracy prints") {
  const test::TemporaryFolder folder;
  const test::ProgramRun run = test::run_spillway({"accuracy"}, folder.path());
  const std::size_t judged = run.out.find("  judged"), compared = run.out.find("  compared");
  REQUIRE(judged != std::string::npos);
  REQUIRE(compared != std::string::npos);
  const std::string first = run.out.substr(judged, run.out.find("\n\n", judged) - judged);
  REQUIRE(first.find("energy") != std::string::npos);
  const std::string text = readme();
  CHECK(text.find(first) != std::string::npos);
  CHECK(text.find(run.out.substr(compared)) != std::string::npos);
}

}  // namespace spillway::readme_test
