// The IDX format of MNIST: a big-endian header (magic number, one size a dimension), then the
// values in row-major order. Source: http://yann.lecun.com/exdb/mnist/
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace spillway::workloads {

struct IdxArray {
  std::vector<std::int64_t> shape;   ///< one size a dimension, each at least 1
  std::vector<std::uint8_t> values;  ///< row-major
};

/// The array in the (unpacked) bytes of an IDX file with unsigned bytes and this many dimensions:
/// 3 for images, 1 for labels. `file` is the name for messages. Throws InputError for anything but
/// exactly one such array.
IdxArray parse_idx(std::vector<std::uint8_t> bytes, const std::string& file,
                   std::size_t dimensions);

}  // namespace spillway::workloads
