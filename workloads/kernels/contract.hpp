// What an operation is, as data: the axes that it iterates over, how each operand is indexed by
// them, and what else those who plan, count and time it have to know. They read this and ask for no
// operation by name.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "workloads/kernels/box.hpp"
#include "workloads/support/inline_vector.hpp"
#include "workloads/support/units.hpp"

namespace spillway::workloads {

/// What an axis runs over; loops are ordered by it. `none`: a kernel's taps, or the elements of an
/// operation that treats all alike.
enum class AxisKind : std::uint8_t { group, example, depth, row, column, output, input, none };

/// Where loops may cut an axis into tiles.
enum class Cut : std::uint8_t {
  freely,
  with_others,  ///< as it comes to be cut by the other operations of a loop nest, not by itself
  never,
};

/// Of a matrix product in GEMM form, `count` products of m x k times k x n: the side that an axis
/// is part of.
enum class Side : std::uint8_t { none, m, n, k, count };

struct Axis {
  std::string_view name;
  std::int64_t extent = 1;
  AxisKind kind = AxisKind::none;
  Cut cut = Cut::freely;
  Side side = Side::none;
  /// It stands for as many dimensions as a tensor has there, row-major: an fc layer's inputs may be
  /// maps. The first of them is of the axis's kind, two more are rows and columns, cut as `rest`
  /// says. Where the operands' dimensions differ it is never cut.
  bool flat = false;
  Cut rest = Cut::with_others;
};
using AxisId = std::uint8_t;

/// How one dimension of an operand is indexed: offset + the sum of stride x axis over its terms, of
/// which those outside of [0, extent) are left out.
struct Index {
  enum class Form : std::uint8_t {
    whole,    ///< no terms: always the whole dimension
    axis,     ///< one axis as it is
    groups,   ///< a group, and an axis within the group
    windows,  ///< a place, and the taps of the window there
  };
  struct Term {
    AxisId axis = 0;
    std::int64_t stride = 1;
  };
  Form form = Form::whole;
  std::int64_t extent = 1;  ///< of the dimension
  std::int64_t offset = 0;  ///< minus the padding
  std::array<Term, 2> terms{};

  bool is(Form other) const { return form == other; }
  /// The axis that moves along the dimension: of groups the one within.
  AxisId moving() const { return terms[is(Form::groups) ? 1 : 0].axis; }
};
/// From the first dimension on.
using AccessMap = InlineVector<Index, largest_rank>;

/// What a second visit to a tile of an output does to what stands there.
enum class Join : std::uint8_t {
  never,  ///< overwrites it
  add,    ///< adds to it
  merge,  ///< merges, given how many values came before
};

struct Operand {
  std::string_view name;
  AccessMap map;
  Bytes element{4};
  bool optional = false;  ///< may be left out: a bias, its gradient, a loss's errors
  /// Takes part once for each of its elements, not at every visit: a bias at the last of the sum.
  bool once = false;
  /// An input that has to be final before any of it is read, over the axes that its map lacks.
  bool complete = false;
  /// May stay in its tile while the other operands come in smaller ones, along
  /// `Contract::kept_along`.
  bool kept = false;
  Join join = Join::never;  ///< of an output

  std::uint64_t elements() const;
  Bytes bytes() const { return element * elements(); }
  /// The same under another name; as an output to which a second visit adds.
  Operand named(std::string_view other) const;
  Operand summed(std::string_view other) const;
};

/// An operand by its place in one of the two lists.
struct OperandId {
  bool output = false;
  std::uint8_t at = 0;
};

struct Contract {
  InlineVector<Axis, 10> axes;
  InlineVector<Operand, 6> inputs;
  InlineVector<Operand, 4> outputs;
  /// In whose dimensions loops may run where windows lie between operands: each is a candidate of
  /// its own, and the windows of the others are inverted. With none: in the axes.
  InlineVector<OperandId, 2> cut_at;
  std::optional<AxisId> kept_along;
  /// Work beside the products of the array, in elements.
  std::uint64_t elementwise = 0;
  /// The same inputs give the same outputs again: not so an update or a running mean.
  bool repeatable = true;
  /// It goes through tiles that nobody else uses a few rows at a time, at no cost: an update.
  bool by_rows = false;
  /// The results are zero wherever this input is.
  std::optional<std::uint8_t> zero_with;

  AxisId add(const Axis& axis);
  /// The operand may stay while others come in smaller tiles along the axis of this kind.
  void keep(Operand& operand, AxisKind along);

  // Indices by axes of this contract.
  static Index whole(std::int64_t extent);
  Index along(AxisId axis) const;
  /// Dimension of all groups: of each the axis's extent.
  Index in_groups(AxisId group, AxisId axis) const;
  /// Windows that begin at stride x place - padding and have as many places as there are taps.
  static Index windows(AxisId place, AxisId tap, std::int64_t stride, std::int64_t padding,
                       std::int64_t extent);

  std::size_t required_inputs() const;
  std::size_t required_outputs() const;
  bool is_product() const;
  /// Of each element of the first output, how many points of the axes it is made of.
  std::int64_t points_joined() const;
  bool has_windows() const;
};

}  // namespace spillway::workloads
