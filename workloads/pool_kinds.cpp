#include "workloads/pool_kinds.hpp"

#include <algorithm>
#include <stdexcept>

#include "workloads/kernels/average_pooling.hpp"
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
      {PoolKind::average,
       "avg_pool",
       "average-pool",
       {"avgpool", "averagepool", "averagepooling", "avgpooling", "meanpool"},
       {"count_include_pad"},
       false,
       false,
       [](const PoolGeometry& g, const PoolSpec& spec) {
         return Kernel(AveragePool::whole(g, spec.count_padding));
       },
       [](const PoolGeometry& g, const PoolSpec& spec) {
         return Kernel(AveragePoolError::whole(g, spec.count_padding));
       },
       [](const PoolSpec& spec) {
         return std::vector<std::pair<std::string, bool>>{
             {"count_include_pad", spec.count_padding}};
       }},
  };
  return rows;
}

const PoolRow& pool_row(PoolKind kind) {
  const auto row = std::ranges::find(pool_rows(), kind, &PoolRow::kind);
  if (row == pool_rows().end()) throw std::logic_error("a kind of pooling without a row");
  return *row;
}

}  // namespace spillway::workloads
