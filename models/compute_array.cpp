#include "models/compute_array.hpp"

#include <fmt/format.h>

#include "workloads/support/error.hpp"

namespace spillway::models {

using workloads::ceil_div;
using workloads::checked_product;

ComputeArray::ComputeArray(std::uint64_t rows, std::uint64_t columns, Dataflow dataflow)
    : rows_(rows), columns_(columns), dataflow_(dataflow) {
  if (rows == 0 || columns == 0) {
    throw workloads::InputError(
        fmt::format("a compute array of {} x {} units; allowed: at least 1 x 1", rows, columns));
  }
}

Cycles ComputeArray::cycles(const Gemm& gemm) const {
  if (gemm.m == 0 || gemm.n == 0 || gemm.k == 0) return Cycles(0);
  const bool output_stationary = dataflow_ == Dataflow::output_stationary;
  const std::uint64_t down_the_rows = output_stationary ? gemm.m : gemm.k;
  const std::uint64_t streamed = output_stationary ? gemm.k : gemm.m;
  const std::uint64_t fill_rows = output_stationary ? 1 : 2;  // weights are first moved into place

  // The stream enters skewed: the far corner of the array starts R + C - 2 cycles after the near.
  const Cycles fold = Cycles(streamed) + fill_rows * Cycles(rows_) + Cycles(columns_) - Cycles(2);
  return fold * ceil_div(down_the_rows, rows_) * ceil_div(gemm.n, columns_) * gemm.count;
}

ArrayAccesses ComputeArray::accesses(const Gemm& gemm) const {
  if (gemm.m == 0 || gemm.n == 0 || gemm.k == 0) return {};
  const auto product = [&](std::uint64_t a, std::uint64_t b, std::uint64_t visits) {
    return checked_product(checked_product(checked_product(a, b), visits), gemm.count);
  };
  const std::uint64_t column_folds = ceil_div(gemm.n, columns_);
  const std::uint64_t left = product(gemm.m, gemm.k, column_folds);
  if (dataflow_ == Dataflow::output_stationary) {
    return {left, product(gemm.k, gemm.n, ceil_div(gemm.m, rows_)), 0, product(gemm.m, gemm.n, 1)};
  }
  const std::uint64_t folds_of_sums = ceil_div(gemm.k, rows_);
  return {left, product(gemm.k, gemm.n, 1), product(gemm.m, gemm.n, folds_of_sums - 1),
          product(gemm.m, gemm.n, folds_of_sums)};
}

Cycles ComputeArray::elementwise_cycles(std::uint64_t elements) const {
  return Cycles(ceil_div(elements, columns_));
}

}  // namespace spillway::models
