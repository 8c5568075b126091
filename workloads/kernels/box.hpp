// Boxes of tensors: a range along each dimension.
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace spillway::workloads {

/// Elements begin … end - 1 along one dimension.
struct Range {
  std::int64_t begin = 0, end = 1;
  std::int64_t size() const { return end - begin; }
  auto operator<=>(const Range&) const = default;
};

using TensorShape = std::vector<std::int64_t>;
inline constexpr std::size_t largest_rank = 5;

/// Ranges past a tensor's rank are [0, 1).
using Box = std::array<Range, largest_rank>;

}  // namespace spillway::workloads
