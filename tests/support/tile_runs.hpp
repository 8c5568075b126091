// Operations done in tiles, one after another, and in one go.
#pragma once

#include <cstddef>
#include <map>
#include <vector>

#include "models/tile.hpp"
#include "tests/support/kernels.hpp"

namespace spillway::tile_test {

using namespace workloads;
using namespace test;
using models::Range;
using models::Tile;

using Tiles = std::vector<Tile>;
using Ranges = std::vector<Range>;

inline Tile tile(const Range& a, const Range& b = {}, const Range& c = {}, const Range& d = {}) {
  return {0, {a, b, c, d}};
}

/// A whole operand.
struct Array {
  TensorShape shape;
  OperandBytes bytes;

  Tile whole() const { return models::whole_tensor(0, shape); }
  Bytes element() const { return Bytes(bytes.size() / whole().elements()); }
  OperandBytes gather(const Tile& part) const {
    OperandBytes values;
    models::for_each_run(part, shape, element(), [&](const models::Run& run) {
      const auto first = bytes.begin() + static_cast<std::ptrdiff_t>(run.offset);
      values.insert(values.end(), first, first + static_cast<std::ptrdiff_t>(run.size.count()));
    });
    return values;
  }
  void scatter(const Tile& part, const std::byte* values) {
    models::for_each_run(part, shape, element(), [&](const models::Run& run) {
      std::copy_n(values, run.size.count(), bytes.data() + run.offset);
      values += run.size.count();
    });
  }
};

Array zeros(const TensorShape& shape, std::size_t element = 4);
Array random_array(const TensorShape& shape, SplitMix& numbers);
/// Absolute values; bytes stay as they are.
Array absolute(Array array);

struct Operation {
  Kernel kernel;
  std::vector<Array> inputs, outputs;
  std::map<std::size_t, std::size_t> on = {};  ///< which outputs lie on which inputs
};

/// The operands that a tile has. Optional ones may be left out.
struct Part {
  Tiles inputs, outputs;
};

/// How outputs of parts lie to each other.
enum class Outputs {
  apart_or_equal,  ///< the first part to write a box overwrites it, later ones accumulate
  overlapping      ///< all accumulate, on zeros
};

/// What the tiles' kernels make, in a random order.
std::vector<Array> run_parts(const Operation& operation, std::vector<Part> parts, Outputs outputs,
                             SplitMix& numbers);
std::vector<Array> run_whole(const Operation& operation);

/// To float summation order: within a share of the sums of absolute values.
void require_close(const Array& found, const Array& expected, const Array& magnitude);

/// Products, which are sums over inputs of any sign.
void check_product(const Operation& operation, const std::vector<Part>& parts, Outputs outputs,
                   SplitMix& numbers);

/// Kernels that treat elements alone: to the bit.
void check_equal(const Operation& operation, const std::vector<Part>& parts, SplitMix& numbers);

}  // namespace spillway::tile_test
