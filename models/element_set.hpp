// Which elements of a tensor something was done to: a set of runs, merged where they touch.
#pragma once

#include <cstdint>
#include <map>

namespace spillway::models {

class ElementSet {
 public:
  /// Elements begin … end - 1.
  void add(std::uint64_t begin, std::uint64_t end);
  bool contains(std::uint64_t begin, std::uint64_t end) const;

  /// Runs that are kept: the set's cost.
  std::size_t runs() const { return runs_.size(); }

 private:
  std::map<std::uint64_t, std::uint64_t> runs_;  // end by begin; no two touch
};

}  // namespace spillway::models
