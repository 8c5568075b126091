#include "sim/plan/lifetimes/live_ranges.hpp"

#include <algorithm>
#include <limits>

namespace spillway::sim {

namespace {

bool are_together(const LiveRange& range, std::size_t first, std::size_t last) {
  return range.first <= last && first <= range.last;
}

/// The first fit in one order: the words that it takes, or the place in the order of the range that
/// finds no room.
struct Fit {
  std::uint64_t words = 0;
  std::optional<std::size_t> failed;
};
Fit fit(std::vector<LiveRange>& ranges, const std::vector<std::size_t>& order, std::uint64_t words,
        std::size_t slack) {
  TakenRanges taken;
  Fit result;
  for (std::size_t i = 0; i < order.size(); ++i) {
    LiveRange& range = ranges[order[i]];
    const std::uint64_t size = range.size();
    range.begin =
        taken.lowest_free(size, range.first - std::min(range.first, slack), range.last + slack);
    range.end = range.begin + size;
    if (range.end > words) return {result.words, i};
    taken.take(range);
    result.words = std::max(result.words, range.end);
  }
  return result;
}

}  // namespace

void TakenRanges::take(const LiveRange& range) {
  const auto at =
      std::upper_bound(by_address_.begin(), by_address_.end(), range,
                       [](const LiveRange& a, const LiveRange& b) { return a.begin < b.begin; });
  by_address_.insert(at, range);
}

TakenRanges TakenRanges::during(std::size_t first, std::size_t last) const {
  TakenRanges result;
  for (const LiveRange& range : by_address_) {
    if (!are_together(range, first, last)) continue;
    result.by_address_.push_back(
        {range.begin, range.end, 0, std::numeric_limits<std::size_t>::max()});
  }
  return result;
}

std::uint64_t TakenRanges::lowest_free(std::uint64_t size, std::size_t first,
                                       std::size_t last) const {
  std::uint64_t at = 0;
  for (const LiveRange& range : by_address_) {
    if (!are_together(range, first, last) || range.end <= at) continue;
    if (range.begin >= at + size) break;
    at = range.end;
  }
  return at;
}

std::optional<std::uint64_t> TakenRanges::highest_free(std::uint64_t size, std::size_t first,
                                                       std::size_t last,
                                                       std::uint64_t words) const {
  std::vector<LiveRange> by_end = during(first, last).by_address_;
  std::sort(by_end.begin(), by_end.end(),
            [](const LiveRange& a, const LiveRange& b) { return a.end > b.end; });
  std::uint64_t top = words;
  for (const LiveRange& range : by_end) {
    if (range.begin >= top) continue;
    if (range.end + size <= top) break;
    top = range.begin;
  }
  if (top < size) return std::nullopt;
  return top - size;
}

std::optional<std::uint64_t> first_fit(std::vector<LiveRange>& ranges,
                                       std::vector<std::size_t>& order, std::uint64_t words,
                                       std::size_t slack, int attempts) {
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const Fit found = fit(ranges, order, words, slack);
    if (!found.failed) return found.words;
    if (*found.failed == 0) return std::nullopt;  // it is larger than the buffer
    const auto failed = order.begin() + static_cast<std::ptrdiff_t>(*found.failed);
    std::rotate(order.begin(), failed, failed + 1);
  }
  return std::nullopt;
}

}  // namespace spillway::sim
