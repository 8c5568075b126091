// docs/planner.md says what the bounds of the search are.
#include <doctest/doctest.h>

#include <map>
#include <string>

#include "sim/plan/limits.hpp"
#include "tests/support/documents.hpp"

namespace spillway::limits_test {

TEST_CASE("docs/planner.md has the bounds of the search as they are") {
  const sim::Limits& limits = sim::limits;
  const std::map<std::string, std::string> bounds{
      {"even_cuts", std::to_string(limits.even_cuts)},
      {"beam", std::to_string(limits.beam)},
      {"beam_if_deep", std::to_string(limits.beam_if_deep)},
      {"beam_with_parts", std::to_string(limits.beam_with_parts)},
      {"beams_kept", std::to_string(limits.beams_kept)},
      {"candidates", std::to_string(limits.candidates)},
      {"idle_distance", std::to_string(limits.idle_distance)},
      {"refinements", std::to_string(limits.refinements)},
  };
  const std::string text =
      test::section(test::document("docs/planner.md"), "## What the limits cost");
  for (const auto& [name, value] : bounds) {
    CAPTURE(name);
    const std::size_t row = text.find("| `" + name + "`:");
    REQUIRE(row != std::string::npos);
    const std::size_t cell = text.find(" | ", row) + 3;
    CHECK(text.substr(cell, text.find(" | ", cell) - cell) == value);
  }
}

}  // namespace spillway::limits_test
