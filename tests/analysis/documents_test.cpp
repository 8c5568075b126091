// What the documents show must work: commands, what they print, files, links and paths.
#include <doctest/doctest.h>

#include <algorithm>
#include <filesystem>
#include <map>
#include <set>
#include <sstream>

#include "tests/support/documents.hpp"
#include "tests/support/program.hpp"
#include "tests/support/sanitized.hpp"

namespace spillway::documents_test {

namespace {

namespace fs = std::filesystem;
using test::ShownCommand;

/// Those with commands: each has its own test below, so that they run side by side.
const std::set<std::string> tested{"README.md",       "docs/commands.md",   "docs/device.md",
                                   "docs/dram.md",    "docs/experiment.md", "docs/results.md",
                                   "docs/sweeps.md",  "docs/locality.md",   "docs/energy.md",
                                   "docs/timeline.md"};

/// Which document's test runs a command: the first that shows what it prints, or else the first.
std::map<std::string, std::string> owners() {
  std::map<std::string, std::string> result;
  for (const bool printing : {true, false}) {
    for (const std::string& path : test::documents()) {
      for (const ShownCommand& command : test::shown_commands(test::document(path))) {
        if (printing == !command.outputs.empty()) result.emplace(command.line, path);
      }
    }
  }
  return result;
}

/// The name in a block's first line, "# my-experiment.yaml"; empty when there is none.
std::string file_name(const std::string& block) {
  const std::string first = block.substr(0, block.find('\n'));
  return first.starts_with("# ") && first.ends_with(".yaml") ? first.substr(2) : "";
}

void check_commands(const std::string& path) {
  const std::string text = test::document(path);
  const std::map<std::string, std::string> owner = owners();
  const test::TemporaryFolder folder;
  for (const std::string& block : test::yaml_blocks(text)) {
    if (!file_name(block).empty()) folder.write(file_name(block), block);
  }
  int run_here = 0;
  for (const ShownCommand& command : test::shown_commands(text)) {
    CAPTURE(command.line);
    if (owner.at(command.line) != path) {
      CHECK(command.outputs.empty());  // one document shows what a command prints
      continue;
    }
    const test::ProgramRun run = test::run_spillway(command.arguments, folder.path());
    CAPTURE(run.err);
    CHECK(run.exit_code == 0);
    CHECK(run.out != "");
    for (const std::string& output : command.outputs) {
      CAPTURE(output);
      CHECK(run.out.find(output) != std::string::npos);
    }
    ++run_here;
  }
  CHECK(run_here >= 1);
}

}  // namespace

TEST_CASE("the commands of README.md work" * test::slow_if_sanitized) {
  check_commands("README.md");
}
TEST_CASE("the commands of docs/commands.md work" * test::slow_if_sanitized) {
  check_commands("docs/commands.md");
}
TEST_CASE("the commands of docs/device.md work") { check_commands("docs/device.md"); }
TEST_CASE("the commands of docs/dram.md work and print what is shown" * test::slow_if_sanitized) {
  check_commands("docs/dram.md");
}
TEST_CASE("the commands of docs/energy.md work") { check_commands("docs/energy.md"); }
TEST_CASE("the commands of docs/experiment.md work" * test::slow_if_sanitized) {
  check_commands("docs/experiment.md");
}
TEST_CASE("the commands of docs/locality.md work" * test::slow_if_sanitized) {
  check_commands("docs/locality.md");
}
TEST_CASE("the commands of docs/results.md work and print what is shown" *
          test::slow_if_sanitized) {
  check_commands("docs/results.md");
}

TEST_CASE("the commands of docs/sweeps.md work" * test::slow_if_sanitized) {
  check_commands("docs/sweeps.md");
}

TEST_CASE("the commands of docs/timeline.md work") { check_commands("docs/timeline.md"); }

TEST_CASE("every document with commands has a test that runs them") {
  std::set<std::string> found;
  for (const std::string& path : test::documents()) {
    if (!test::shown_commands(test::document(path)).empty()) found.insert(path);
  }
  CHECK(found == tested);
}

TEST_CASE("README.md is a page with a picture that figure6 draws") {
  const std::string text = test::document("README.md");
  CHECK(std::ranges::count(text, '\n') <= 150);
  const std::string picture = "analysis/results/figure6/figure6.svg";
  CHECK(text.find("](" + picture + ")") != std::string::npos);
}

// YAML without a file's name are keys of an experiment, to be laid over the one that is shown
// whole.
TEST_CASE("every piece of YAML in the documents is a file or keys of an experiment") {
  const std::string shown = test::document("docs/experiment.md");
  const test::TemporaryFolder folder;
  folder.write("base.yaml", test::yaml_blocks(shown).at(0));
  int pieces = 0;
  for (const std::string& path : test::documents()) {
    for (const std::string& block : test::yaml_blocks(test::document(path))) {
      if (!file_name(block).empty()) continue;
      CAPTURE(path);
      CAPTURE(block);
      // The experiment's own keys, but for those of the piece.
      std::istringstream lines(folder.read("base.yaml"));
      std::string experiment;
      bool kept = true;
      for (std::string line; std::getline(lines, line);) {
        const bool key = !line.empty() && line[0] != ' ' && line[0] != '#';
        const std::string begin = "\n" + line.substr(0, line.find(':') + 1);
        if (key) kept = ("\n" + block).find(begin) == std::string::npos;
        if (kept) experiment += line + "\n";
      }
      folder.write("e.yaml", experiment + block);
      const test::ProgramRun run = test::run_spillway({"plan", "e.yaml"}, folder.path());
      CAPTURE(run.err);
      CHECK(run.exit_code == 0);
      ++pieces;
    }
  }
  CHECK(pieces >= 2);
}

TEST_CASE("links between documents lead somewhere") {
  const fs::path root = SPILLWAY_SOURCE_DIR;
  int links = 0;
  for (const std::string& path : test::documents()) {
    for (const std::string& link : test::links(test::document(path))) {
      if (link.starts_with("http")) continue;
      CAPTURE(path);
      CAPTURE(link);
      const std::size_t hash = link.find('#');
      const fs::path file =
          hash == 0 ? root / path : (root / path).parent_path() / link.substr(0, hash);
      const bool there = fs::exists(file);
      CHECK(there);
      if (there && hash != std::string::npos) {
        const std::string target = fs::relative(file, root).string();
        CHECK(test::anchors(test::document(target)).contains(link.substr(hash + 1)));
      }
      ++links;
    }
  }
  CHECK(links >= 30);
}

TEST_CASE("paths that documents name are there") {
  const fs::path root = SPILLWAY_SOURCE_DIR;
  int paths = 0;
  for (const std::string& path : test::documents()) {
    for (const std::string& word : test::code_words(test::document(path))) {
      const std::string first = word.substr(0, word.find('/') + 1);
      const bool in_folder = first == "workloads/" || first == "models/" || first == "sim/" ||
                             first == "analysis/" || first == "tests/" || first == "docs/" ||
                             first == "bench/" || first == "cmake/" || first == ".ci/" ||
                             first == "examples/" || first == "include/";
      const bool of_any_name = word.find("NAME") != std::string::npos;
      if (!in_folder || of_any_name || word.find_first_of(" *<{$") != std::string::npos) continue;
      CAPTURE(path);
      CAPTURE(word);
      CHECK(fs::exists(root / word));
      ++paths;
    }
  }
  CHECK(paths >= 30);
}

TEST_CASE("documents have at most 500 lines, and each in docs is reached from README.md") {
  const std::string readme = test::document("README.md");
  for (const std::string& path : test::documents()) {
    CAPTURE(path);
    const std::string text = test::document(path);
    CHECK(std::ranges::count(text, '\n') <= 500);
    if (path.starts_with("docs/")) CHECK(readme.find("](" + path) != std::string::npos);
  }
}

}  // namespace spillway::documents_test
