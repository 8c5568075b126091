// What is written for others to read.
#include <doctest/doctest.h>

#include <cstdlib>
#include <string>

#include "analysis/formats/output.hpp"
#include "tests/support/program.hpp"

namespace spillway::output_test {

using analysis::shell_word;

TEST_CASE("a shell gives a quoted word back as it was") {
  CHECK(shell_word("device.buffer=64") == "device.buffer=64");
  CHECK(shell_word("/a/b-c_d.yaml") == "/a/b-c_d.yaml");
  CHECK(shell_word("") == "''");
  const test::TemporaryFolder folder;
  for (const std::string word : {"plain", "two words", "it's", "''", "$HOME `id` \"x\" \\ * ~",
                                 "two\nlines", "a;b|c&d>e", "#no comment"}) {
    CAPTURE(word);
    const std::string file = (folder.path() / "word").string();
    const std::string command = "printf %s " + shell_word(word) + " >" + shell_word(file);
    REQUIRE(std::system(command.c_str()) == 0);
    CHECK(folder.read("word") == word);
  }
}

}  // namespace spillway::output_test
