#include "workloads/pool_kinds.hpp"

#include <algorithm>
#include <stdexcept>

#include "workloads/kernels/pooling.hpp"

namespace spillway::workloads {

const std::vector<PoolRow>& pool_rows() {
  static const std::vector<PoolRow> rows{
      {PoolKind::max,
       "max_pool",
       "max-pool",
       {"maxpool", "maxpooling", "pool", "pooling"},
       {"ceil"},
       true,
       true,
       [](const PoolGeometry& g, const PoolSpec&) { return Kernel(MaxPool{g}); },
       [](const PoolGeometry& g, const PoolSpec&) { return Kernel(MaxPoolError{g}); },
       [](const PoolSpec&) { return std::vector<std::pair<std::string, bool>>{}; }},
  };
  return rows;
}

const PoolRow& pool_row(PoolKind kind) {
  const auto row = std::ranges::find(pool_rows(), kind, &PoolRow::kind);
  if (row == pool_rows().end()) throw std::logic_error("a kind of pooling without a row");
  return *row;
}

}  // namespace spillway::workloads
