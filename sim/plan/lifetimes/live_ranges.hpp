// Places in the buffer for ranges that are live at the same time: the allocator of all policies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

namespace spillway::sim {

/// Words `begin` to before `end` of the buffer, taken from time `first` to time `last`, both
/// included. Times are operations or nests, in the order of the program.
struct LiveRange {
  std::uint64_t begin = 0, end = 0;
  std::size_t first = 0, last = 0;
  std::uint64_t size() const { return end - begin; }
};

/// Ranges of the buffer that are taken, each for its time.
class TakenRanges {
 public:
  void take(const LiveRange& range);
  /// The ranges taken at some time from `first` to `last`, as if they were for all time.
  TakenRanges during(std::size_t first, std::size_t last) const;
  /// The lowest address at which `size` words are free from `first` to `last`.
  std::uint64_t lowest_free(std::uint64_t size, std::size_t first, std::size_t last) const;
  /// The highest such address in a buffer of `words`, if there is one.
  std::optional<std::uint64_t> highest_free(std::uint64_t size, std::size_t first, std::size_t last,
                                            std::uint64_t words) const;

 private:
  std::vector<LiveRange> by_address_;
};

/// Gives ranges, in an order, the lowest addresses that are free for their time and `slack` before
/// and after it. The words that they take, if there are no more than `words`. A range without room
/// comes first from then on, in `attempts` orders at most; `order` is left as the last one of them.
std::optional<std::uint64_t> first_fit(std::vector<LiveRange>& ranges,
                                       std::vector<std::size_t>& order, std::uint64_t words,
                                       std::size_t slack, int attempts);

}  // namespace spillway::sim
