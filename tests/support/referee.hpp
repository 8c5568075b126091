// What a plan of a small step could move at best, by a search that has nothing in common with the
// planner: the step is cut into blocks on a grid, and every order of the parts of its operations
// and every choice of what stays on chip is tried.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/block_search.hpp"

namespace spillway::test {

/// How far the referee goes.
struct Reach {
  std::int64_t most_cuts = 4;        ///< of an axis
  std::size_t most_parts = 64;       ///< of all operations together
  std::size_t most_states = 10'000;  ///< of one search; where it takes more the grid is left out
};

struct Optimum {
  std::uint64_t words = 0;  ///< through both ports
  Grid grid;                ///< on which they are reached
  std::vector<std::string> log;
};

struct RefereePoint {
  std::uint64_t buffer_words = 0;
  std::optional<Optimum> optimum;  ///< of the fewest words; none where no grid has tiles that fit
  std::vector<Grid> left_out;      ///< beyond reach at this size
  std::size_t states = 0;
};

/// The optimum over all grids that divide the step's axes into up to `most_cuts` equal parts, but
/// for those with more than `most_parts` parts of operations, and those left out at that size.
/// Sizes ascend: what is found in one is the limit in the next.
std::vector<RefereePoint> referee(const workloads::Step& step,
                                  const std::vector<std::uint64_t>& buffer_words,
                                  const Reach& reach);

/// "2 x 1 x 4 x 1".
std::string to_string(const Grid& grid);

}  // namespace spillway::test
