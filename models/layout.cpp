#include "models/layout.hpp"

namespace spillway::models {

using workloads::largest_rank;

std::array<std::int64_t, largest_rank> block_sizes(const Layout& layout,
                                                   std::span<const std::int64_t> shape) {
  std::array<std::int64_t, largest_rank> sizes{};
  for (std::size_t d = 0; d < largest_rank; ++d) {
    const std::int64_t all = d < shape.size() ? shape[d] : 1, block = layout.block[d];
    sizes[d] = block <= 0 || block > all ? all : block;
  }
  return sizes;
}

bool is_row_major(const Layout& layout, std::span<const std::int64_t> shape) {
  // Blocks of one element along the first dimensions, and whole along those after the next.
  const auto sizes = block_sizes(layout, shape);
  std::size_t d = 0;
  while (d < shape.size() && sizes[d] == 1) ++d;
  for (++d; d < shape.size(); ++d) {
    if (sizes[d] != shape[d]) return false;
  }
  return true;
}

}  // namespace spillway::models
