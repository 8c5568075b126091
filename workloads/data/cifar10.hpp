// The binary version of CIFAR-10: records of one label and the red, green and blue planes of a
// 32 x 32 image. Source: https://www.cs.toronto.edu/~kriz/cifar.html
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace spillway::workloads {

inline constexpr int cifar10_classes = 10;
inline constexpr std::int64_t cifar10_channels = 3;
inline constexpr std::int64_t cifar10_edge = 32;
inline constexpr std::size_t cifar10_pixels = 3 * 32 * 32;  ///< bytes of one image

struct Cifar10Records {
  std::vector<std::uint8_t> labels;  ///< N
  std::vector<std::uint8_t> pixels;  ///< N,3,32,32
};

/// Append the records in the (unpacked) bytes of one file to `records`. `file` is the name for
/// messages. Throws InputError for an empty file, an incomplete record or a label above 9.
void parse_cifar10(const std::vector<std::uint8_t>& bytes, const std::string& file,
                   Cifar10Records& records);

}  // namespace spillway::workloads
