// The allocator: what is live at the same time never overlaps, and no lower address would do.
#include "sim/plan/lifetimes/live_ranges.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <numeric>

#include "workloads/support/splitmix.hpp"

namespace spillway::live_ranges_test {

using sim::LiveRange;

namespace {

bool overlap(const LiveRange& a, const LiveRange& b, std::size_t slack = 0) {
  return a.first <= b.last + slack && b.first <= a.last + slack && a.begin < b.end &&
         b.begin < a.end;
}

LiveRange random_range(workloads::SplitMix& numbers) {
  const std::size_t first = numbers.below(12);
  return {0, 1 + numbers.below(9), first, first + numbers.below(5)};
}

}  // namespace

TEST_CASE("the lowest and the highest free address are those that a search of every word finds") {
  workloads::SplitMix numbers(20261129);
  for (int round = 0; round < 300; ++round) {
    constexpr std::uint64_t words = 40;
    std::vector<LiveRange> all;
    sim::TakenRanges taken;
    const auto is_free = [&](const LiveRange& range) {
      for (const LiveRange& other : all) {
        if (overlap(range, other)) return false;
      }
      return true;
    };
    for (int i = 0; i < 12; ++i) {
      LiveRange next = random_range(numbers);
      const std::uint64_t size = next.size();
      std::optional<std::uint64_t> lowest, highest;
      for (std::uint64_t at = 0; at < 200; ++at) {
        const LiveRange here{at, at + size, next.first, next.last};
        if (!is_free(here)) continue;
        if (!lowest) lowest = at;
        if (here.end <= words) highest = at;
      }
      CHECK(taken.lowest_free(size, next.first, next.last) == lowest);
      CHECK(taken.highest_free(size, next.first, next.last, words) == highest);
      CHECK(taken.during(next.first, next.last).lowest_free(size, 0, 0) == lowest);
      const bool low = numbers.below(2) == 0 || !highest;
      next.begin = low ? *lowest : *highest;
      next.end = next.begin + size;
      all.push_back(next);
      taken.take(next);
    }
  }
}

TEST_CASE("a first fit keeps what is live together apart, and slack as well") {
  workloads::SplitMix numbers(7);
  int fitting = 0;
  for (int round = 0; round < 300; ++round) {
    std::vector<LiveRange> ranges;
    for (int i = 0; i < 10; ++i) ranges.push_back(random_range(numbers));
    std::vector<std::uint64_t> sizes;
    for (const LiveRange& range : ranges) sizes.push_back(range.size());
    std::vector<std::size_t> order(ranges.size());
    std::iota(order.begin(), order.end(), 0);
    const std::uint64_t words = 8 + numbers.below(40);
    const std::size_t slack = numbers.below(3);
    const auto used = sim::first_fit(ranges, order, words, slack, 20);
    if (!used) continue;
    ++fitting;
    std::uint64_t most = 0;
    for (std::size_t i = 0; i < ranges.size(); ++i) {
      CHECK(ranges[i].size() == sizes[i]);
      most = std::max(most, ranges[i].end);
      for (std::size_t j = 0; j < i; ++j) CHECK_FALSE(overlap(ranges[i], ranges[j], slack));
    }
    CHECK(*used == most);
    CHECK(most <= words);
  }
  CHECK(fitting > 50);
}

TEST_CASE("a range larger than the buffer fits in no order") {
  std::vector<LiveRange> ranges{{0, 3, 0, 1}, {0, 9, 0, 1}};
  std::vector<std::size_t> order{0, 1};
  CHECK_FALSE(sim::first_fit(ranges, order, 8, 0, 10));
  order = {0, 1};
  CHECK(sim::first_fit(ranges, order, 12, 0, 10) == 12);
}

}  // namespace spillway::live_ranges_test
