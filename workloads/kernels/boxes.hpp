// What the families share when they cut an operation down to boxes of its operands.
#pragma once

#include <string>

#include "workloads/kernels/box.hpp"
#include "workloads/network.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

inline void require(bool fits, const char* why) {
  if (!fits) throw ConsistencyError(std::string("a tile does not fit its operation: ") + why);
}
inline void require_same(const Box& a, const Box& b) {
  require(a == b, "boxes of tensors of one shape differ");
}

inline void require_bias(const Box& bias, const Range& outputs) {
  require(bias[0] == outputs, "biases are not those of the outputs");
}

inline Range all_of(std::int64_t size) { return {0, size}; }

/// Channels, rows and columns of a box of maps; a flat vector has one pixel a channel.
inline ImageShape image(const Box& box) { return {box[1].size(), box[2].size(), box[3].size()}; }
/// Values of each example.
inline std::int64_t values(const Box& box) { return image(box).elements(); }
inline std::int64_t elements(const Box& box) { return box[0].size() * values(box); }

/// The window of a part of maps, whose inputs and outputs are these boxes. An axis that is not cut
/// keeps its paddings as they were written.
Window window_of(const ImageShape& input, const ImageShape& output, const Window& whole,
                 const Box& inputs, const Box& outputs);
/// No window needs an input of the map that the box does not have.
bool windows_are_complete(const ImageShape& input, const Window& window, const Box& inputs,
                          const Box& outputs);
/// Outputs at the begin, along height (0) or width (1), whose windows begin before the box.
std::int64_t begun_earlier(int axis, const Window& window, const Box& inputs, const Box& outputs);

}  // namespace spillway::workloads
