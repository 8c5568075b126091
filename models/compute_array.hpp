// How long matrix products take on a systolic array of rows x columns multiply-accumulate units.
//
// The formulas are those of SCALE-Sim (Samajdar et al., 2018): the product is cut into folds of the
// array's size; a fold takes its pipelined stream plus the time to fill and drain the array, and
// folds do not overlap. They count a cycle for each row of operands that the array demands, one
// more than the total that tool prints. No stalls: waiting for operands is the engine's matter.
#pragma once

#include <cstdint>

#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

using workloads::Cycles;

enum class Dataflow {
  output_stationary,  ///< sums stay in the array, both operands stream through it
  weight_stationary,  ///< the k x n operand stays, loaded a row a cycle; inputs stream, sums leave
};
/// As device files name them.
inline constexpr workloads::Names<Dataflow, 2> dataflow_names{{
    {Dataflow::output_stationary, "output-stationary"},
    {Dataflow::weight_stationary, "weight-stationary"},
}};

/// `count` independent products, each m x k times k x n.
struct Gemm {
  std::uint64_t m = 0;  ///< rows of the output
  std::uint64_t n = 0;  ///< columns of the output
  std::uint64_t k = 0;  ///< terms of each sum
  std::uint64_t count = 1;
};

/// Entries that go between the array and the buffer for a product.
struct ArrayAccesses {
  std::uint64_t left_reads = 0;   ///< of the m x k operand
  std::uint64_t right_reads = 0;  ///< of the k x n operand
  std::uint64_t sum_reads = 0;    ///< partial sums that a later fold goes on with
  std::uint64_t sum_writes = 0;
};

class ComputeArray {
 public:
  /// Throws InputError when a side is zero.
  ComputeArray(std::uint64_t rows, std::uint64_t columns, Dataflow dataflow);

  /// Array of R rows and C columns:
  ///   output stationary  ceil(m / R) ceil(n / C) (k + R + C - 2)
  ///   weight stationary  ceil(k / R) ceil(n / C) (m + 2 R + C - 2)
  /// times count, and zero when m, n or k is zero. Throws std::overflow_error beyond 64 bits.
  Cycles cycles(const Gemm& gemm) const;

  /// What the folds of a product read and write, each with the rows r <= R and columns c <= C that
  /// it uses:
  ///   output stationary  r k left, c k right, writes r c
  ///   weight stationary  m r left, r c right, writes m c, and reads m c where k was begun before
  /// Nothing is kept between folds but what is stationary. Throws std::overflow_error beyond 64
  /// bits.
  ArrayAccesses accesses(const Gemm& gemm) const;

  /// Work on single elements (ReLU, pooling, updates ...): each column has one lane that does one
  /// element a cycle, so ceil(elements / columns); fill and drain are left out.
  Cycles elementwise_cycles(std::uint64_t elements) const;

  std::uint64_t rows() const { return rows_; }
  std::uint64_t columns() const { return columns_; }
  Dataflow dataflow() const { return dataflow_; }

 private:
  std::uint64_t rows_;
  std::uint64_t columns_;
  Dataflow dataflow_;
};

}  // namespace spillway::models
