// Files that are either the old one or the new one.
#include <doctest/doctest.h>

#include <filesystem>
#include <string>

#include "tests/support/program.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::whole_file_test {

namespace fs = std::filesystem;
using test::TemporaryFolder;
using workloads::file_content;
using workloads::UnfinishedFile;

TEST_CASE("the content of a file is all of its bytes, and that of no file is nothing") {
  const TemporaryFolder folder;
  const std::string bytes("a\r\n\0b\xff", 6);
  CHECK(file_content(folder.write("bytes", bytes)) == bytes);
  CHECK(file_content(folder.write("empty", "")) == "");
  CHECK_FALSE(file_content(folder.path() / "missing").has_value());
  CHECK_FALSE(file_content(folder.path()).has_value());
}

TEST_CASE("a file that grows elsewhere takes its place when it is finished") {
  const TemporaryFolder folder;
  const fs::path path = folder.write("a", "old"), growing = folder.path() / "b";
  fs::permissions(path, fs::perms::owner_read | fs::perms::owner_write);
  folder.write("b", "left behind, and longer");
  {
    UnfinishedFile file(path, growing);
    file.write("new, ");
    file.write("whole");
    CHECK(folder.read("a") == "old");
    CHECK(folder.read("b") == "new, whole");
    file.finish();
    CHECK(folder.files() == std::vector<std::string>{"a"});
  }
  CHECK(folder.read("a") == "new, whole");
  CHECK(fs::status(path).permissions() == (fs::perms::owner_read | fs::perms::owner_write));
  { UnfinishedFile(path, growing).write("never finished"); }
  CHECK(folder.files() == std::vector<std::string>{"a"});
  CHECK(folder.read("a") == "new, whole");
}

TEST_CASE("several write one file at once, each by a name of its own") {
  const TemporaryFolder folder;
  UnfinishedFile first(folder.path() / "a", folder.path() / "1");
  UnfinishedFile second(folder.path() / "a", folder.path() / "2");
  CHECK_THROWS_AS(UnfinishedFile(folder.path() / "a", folder.path() / "1"),
                  const workloads::InputError&);
  first.write("first");
  second.write("second");
  second.finish();
  CHECK(folder.read("a") == "second");
  first.finish();
  CHECK(folder.read("a") == "first");
  CHECK(folder.files() == std::vector<std::string>{"a"});
}

TEST_CASE("what is left behind is removed, and what somebody writes is not") {
  const TemporaryFolder folder;
  const fs::path left = folder.write("left", "half");
  UnfinishedFile file(folder.path() / "a", folder.path() / "growing");
  file.write("half");
  workloads::remove_unfinished(left);
  workloads::remove_unfinished(folder.path() / "growing");
  workloads::remove_unfinished(folder.path() / "missing");
  CHECK(folder.files() == std::vector<std::string>{"growing"});
  file.finish();
  CHECK(folder.read("a") == "half");
}

TEST_CASE("a file that cannot grow says which one and why") {
  const TemporaryFolder folder;
  const fs::path path = folder.path() / "a";
  CHECK_THROWS_WITH_AS(
      UnfinishedFile(path, folder.path() / "none" / "b"),
      doctest::Contains((path.string() + ": could not be written (No such file").c_str()),
      const workloads::InputError&);
}

}  // namespace spillway::whole_file_test
