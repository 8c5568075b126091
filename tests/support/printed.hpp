// What a command prints and, in the same run, writes as JSON.
#pragma once

#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "tests/support/program.hpp"
#include "tests/support/text_table.hpp"
#include "workloads/support/json.hpp"

namespace spillway::test {

struct Printed {
  std::string text;
  std::vector<TextTable> tables;
  Json result;
};

inline Printed printed(const TemporaryFolder& folder, std::vector<std::string> arguments) {
  arguments.insert(arguments.end(), {"--json", "result.json"});
  const ProgramRun run = run_spillway(arguments, folder.path());
  CAPTURE(run.err);
  REQUIRE(run.exit_code == 0);
  return {run.out, text_tables(run.out), parse_json(folder.read("result.json"))};
}

}  // namespace spillway::test
