#include "tests/support/include_rules.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <string>
#include <vector>

namespace spillway::include_rules_test {

using spillway::tests::include_violations;
using spillway::tests::read_sources;

namespace {

/// Whether a file of this path may hold this line.
bool allowed(const std::string& path, const std::string& line) {
  return include_violations({{path, line + "\n"}}).empty();
}

}  // namespace

TEST_CASE("a folder includes itself and the folders before it, never one after it") {
  const std::vector<std::string> folders{"workloads", "models", "sim", "analysis"};
  for (std::size_t from = 0; from < folders.size(); ++from) {
    for (std::size_t to = 0; to < folders.size(); ++to) {
      CAPTURE(folders[from]);
      CAPTURE(folders[to]);
      const std::string path = folders[from] + "/reports/x.cpp";
      CHECK(allowed(path, "#include \"" + folders[to] + "/reports/y.hpp\"") == (to <= from));
      CHECK(allowed(path, "#include <" + folders[to] + "/reports/y.hpp>") == (to <= from));
    }
    CHECK(allowed("tests/x.cpp", "#include \"" + folders[from] + "/reports/y.hpp\""));
    CHECK_FALSE(allowed(folders[from] + "/x.cpp", "#include \"tests/support/y.hpp\""));
  }
}

TEST_CASE("a room of the planner includes itself and the rooms before it, never one after it") {
  const std::vector<std::string> rooms{"operations", "lifetimes", "mapping",  "fusion",
                                       "allocation", "residency", "emission", "estimate",
                                       "policies",   "reports"};
  for (std::size_t from = 0; from < rooms.size(); ++from) {
    const std::string path = "sim/plan/" + rooms[from] + "/x.cpp";
    for (std::size_t to = 0; to < rooms.size(); ++to) {
      CAPTURE(rooms[from]);
      CAPTURE(rooms[to]);
      CHECK(allowed(path, "#include \"sim/plan/" + rooms[to] + "/y.hpp\"") == (to <= from));
    }
    CHECK(allowed(path, "#include \"sim/plan/schedule.hpp\"") == (from >= 2));
    CHECK(allowed(path, "#include \"sim/plan/plan.hpp\"") == (from >= 8));
    CHECK(allowed("analysis/reports/x.cpp", "#include \"sim/plan/" + rooms[from] + "/y.hpp\""));
  }
  CHECK_FALSE(allowed("sim/plan/attic/x.cpp", "#include \"sim/plan/mapping/y.hpp\""));
  CHECK_FALSE(allowed("sim/plan/mapping/x.cpp", "#include \"sim/plan/attic/y.hpp\""));
}

TEST_CASE(
    "a room of the analysis includes itself and the rooms before it, and holds all its files") {
  const std::vector<std::string> rooms{"formats",    "closed_forms", "reports",     "figures",
                                       "studies",    "sweeps",       "comparisons", "pages",
                                       "benchmarks", "commands"};
  for (std::size_t from = 0; from < rooms.size(); ++from) {
    const std::string path = "analysis/" + rooms[from] + "/x.cpp";
    for (std::size_t to = 0; to < rooms.size(); ++to) {
      CAPTURE(rooms[from]);
      CAPTURE(rooms[to]);
      CHECK(allowed(path, "#include \"analysis/" + rooms[to] + "/y.hpp\"") == (to <= from));
    }
  }
  CHECK_FALSE(allowed("analysis/x.cpp", "#include \"analysis/formats/json.hpp\""));
  CHECK_FALSE(allowed("analysis/reports/x.cpp", "#include \"analysis/y.hpp\""));
}

TEST_CASE("an include is recognised however it is spaced, and nothing else is one") {
  CHECK_FALSE(allowed("sim/x.cpp", "#include\"analysis/reports/y.hpp\""));
  CHECK_FALSE(allowed("sim/x.cpp", "  #  include\t\"analysis/reports/y.hpp\"  // why"));
  CHECK_FALSE(allowed("sim/x.cpp", "#include \"analysis/reports/y.hpp\"\r"));
  CHECK_FALSE(allowed("sim/x.cpp", "#include WHATEVER"));
  CHECK(allowed("sim/x.cpp", "// #include \"analysis/y.hpp\""));
  CHECK(allowed("sim/x.cpp", "const char* text = \"#include <systemc>\";"));
  CHECK(allowed("sim/x.cpp", "#include_next <limits.h>"));
  CHECK(allowed("sim/x.cpp", "#define include"));
}

TEST_CASE("SystemC is included in models alone, and in the tests of models") {
  for (const std::string header : {"systemc", "systemc.h", "tlm", "tlm.h", "tlm_utils/peq.h",
                                   "tlm_core/tlm_2/tlm_version.h", "sysc/kernel/sc_simcontext.h"}) {
    CAPTURE(header);
    const std::string line = "#include <" + header + ">";
    CHECK(allowed("models/deep/x.hpp", line));
    CHECK(allowed("tests/models/x.cpp", line));
    for (const std::string folder :
         {"workloads", "sim", "analysis", "tests/sim", "tests/support"}) {
      CHECK_FALSE(allowed(folder + "/x.cpp", line));
    }
  }
  CHECK(allowed("sim/x.cpp", "#include <systemcore/y.h>"));
}

TEST_CASE("our own files are named from the root, in quotes, and other people's are not") {
  CHECK_FALSE(allowed("workloads/x.cpp", "#include \"../models/y.hpp\""));
  CHECK_FALSE(allowed("workloads/x.cpp", "#include \"workloads/../models/y.hpp\""));
  CHECK_FALSE(allowed("sim/x.cpp", "#include \"./y.hpp\""));
  CHECK_FALSE(allowed("sim/x.cpp", "#include \"y.hpp\""));
  CHECK_FALSE(allowed("sim/x.cpp", "#include \"fmt/format.h\""));
  CHECK_FALSE(allowed("models/x.cpp", "#include \"systemc\""));
  CHECK(allowed("sim/x.cpp", "#include <fmt/format.h>"));
}

TEST_CASE("a violation names its file, its line and the rule") {
  const std::vector<std::string> violations = include_violations(
      {{"models/a.hpp", "#pragma once\n\n#include \"sim/plan.hpp\"\n#include <vector>\n"},
       {"sim/b.cpp", "#include \"sim/plan.hpp\"\n#include <systemc>"}});
  CHECK(violations ==
        std::vector<std::string>{
            "models/a.hpp:3: \"sim/plan.hpp\" points the wrong way: models must not know of sim",
            "sim/b.cpp:2: <systemc> belongs in models/ alone"});
}

TEST_CASE("no source of Spillway breaks the rules of inclusion") {
  const std::map<std::string, std::string> files = read_sources(SPILLWAY_SOURCE_DIR);
  for (const std::string folder : {"workloads/", "models/", "sim/", "analysis/", "tests/"}) {
    CAPTURE(folder);
    CHECK(std::any_of(files.begin(), files.end(),
                      [&](const auto& file) { return file.first.starts_with(folder); }));
  }
  for (const std::string& violation : include_violations(files)) FAIL_CHECK(violation);
}

}  // namespace spillway::include_rules_test
