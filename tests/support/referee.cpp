#include "tests/support/referee.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <stdexcept>

namespace spillway::test {

namespace {

struct CutStep {
  Grid grid;
  BlockProgram program;
};

std::vector<Grid> grids(const std::vector<std::int64_t>& axes, std::int64_t most_cuts) {
  std::vector<Grid> result{{}};
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    const std::int64_t most = axis + 1 == axes.size() ? 1 : most_cuts;
    std::vector<Grid> longer;
    for (const Grid& grid : result) {
      for (std::int64_t cuts = 1; cuts <= most; ++cuts) {
        if (axes[axis] % cuts != 0) continue;
        longer.push_back(grid);
        longer.back().cuts.push_back(cuts);
      }
    }
    result = std::move(longer);
  }
  return result;
}

/// From the coarsest grid on, as what is found on one is the limit for the next.
std::vector<CutStep> cut_steps(const workloads::Step& step, const Reach& reach) {
  std::vector<CutStep> result;
  for (const Grid& grid : grids(grid_axes(step), reach.most_cuts)) {
    try {
      BlockProgram program = cut_into_blocks(step, grid);
      if (program.parts <= reach.most_parts) result.push_back({grid, std::move(program)});
    } catch (const std::length_error&) {  // beyond reach
    }
  }
  std::ranges::stable_sort(result, {}, [](const CutStep& cut) { return cut.program.parts; });
  return result;
}

}  // namespace

std::vector<RefereePoint> referee(const workloads::Step& step,
                                  const std::vector<std::uint64_t>& buffer_words,
                                  const Reach& reach) {
  const std::vector<CutStep> cuts = cut_steps(step, reach);
  const std::uint64_t compulsory = compulsory_words(cuts.front().program);
  // Each part loads and stores all of its operands.
  std::uint64_t limit = 1;
  for (const CutStep& cut : cuts) limit = std::max(limit, most_words(cut.program));
  std::vector<RefereePoint> points;
  std::optional<Optimum> best;
  for (const std::uint64_t size : buffer_words) {
    RefereePoint point{size, {}, {}, 0};
    for (const CutStep& cut : cuts) {
      BlockSchedule found = search_blocks(cut.program, size, limit, reach.most_states);
      point.states += found.states;
      if (!found.complete) point.left_out.push_back(cut.grid);
      if (!found.more_words) continue;
      limit = *found.more_words;
      best = {compulsory + limit, cut.grid, std::move(found.log)};
    }
    point.optimum = best;
    points.push_back(std::move(point));
  }
  return points;
}

std::string to_string(const Grid& grid) { return fmt::format("{}", fmt::join(grid.cuts, " x ")); }

}  // namespace spillway::test
