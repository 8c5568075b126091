#include "tests/support/svg.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <vector>

namespace spillway::test {

void require_well_formed(const std::string& svg) {
  std::vector<std::string> open;
  for (std::size_t at = svg.find('<'); at != std::string::npos;) {
    const std::size_t end = svg.find('>', at);
    REQUIRE(end != std::string::npos);
    const std::string tag = svg.substr(at + 1, end - at - 1);
    REQUIRE(std::count(tag.begin(), tag.end(), '"') % 2 == 0);
    if (tag.front() == '/') {
      REQUIRE_FALSE(open.empty());
      CHECK(open.back() == tag.substr(1));
      open.pop_back();
    } else if (tag.back() != '/') {
      open.push_back(tag.substr(0, tag.find(' ')));
    }
    const std::size_t next = svg.find('<', end);
    const std::string between = svg.substr(end + 1, next - end - 1);
    CHECK(between.find('>') == std::string::npos);
    at = next;
  }
  CHECK(open.empty());
  CHECK(svg.find("nan") == std::string::npos);
  CHECK(svg.find("inf") == std::string::npos);
}

}  // namespace spillway::test
