// The Pareto front, beside plain comparison.
#include <doctest/doctest.h>

#include <algorithm>

#include "analysis/sweeps/sweep_table.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::pareto_test {

TEST_CASE("the Pareto front is what plain comparison of all pairs gives") {
  workloads::SplitMix random(5);
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<std::vector<double>> rows;
    const std::size_t width = 1 + random.below(3);
    for (int i = 0; i < 40; ++i) {
      rows.emplace_back();
      for (std::size_t k = 0; k < width; ++k) {
        rows.back().push_back(static_cast<double>(random.below(8)));
      }
    }
    std::vector<std::size_t> expected;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      const bool dominated = std::ranges::any_of(rows, [&](const std::vector<double>& other) {
        bool no_worse = true;
        for (std::size_t k = 0; k < width; ++k) no_worse = no_worse && other[k] <= rows[i][k];
        return no_worse && other != rows[i];
      });
      if (!dominated) expected.push_back(i);
    }
    CHECK(analysis::pareto_front(rows) == expected);
  }
}

}  // namespace spillway::pareto_test
