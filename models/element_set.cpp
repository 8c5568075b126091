#include "models/element_set.hpp"

#include <algorithm>
#include <iterator>

namespace spillway::models {

void ElementSet::add(std::uint64_t begin, std::uint64_t end) {
  if (begin >= end) return;
  auto next = runs_.upper_bound(begin);
  auto run = next == runs_.begin() ? runs_.end() : std::prev(next);
  if (run == runs_.end() || run->second < begin) run = runs_.emplace_hint(next, begin, end);
  run->second = std::max(run->second, end);
  while (next != runs_.end() && next->first <= run->second) {
    run->second = std::max(run->second, next->second);
    next = runs_.erase(next);
  }
}

bool ElementSet::contains(std::uint64_t begin, std::uint64_t end) const {
  if (begin >= end) return true;
  const auto next = runs_.upper_bound(begin);
  return next != runs_.begin() && std::prev(next)->second >= end;
}

}  // namespace spillway::models
