#include "workloads/kernels/boxes.hpp"

#include <algorithm>

namespace spillway::workloads {

namespace {

/// Windows `outputs` of an input that goes from 0 to `size`, on the inputs `inputs` of them.
struct WindowsOnAxis {
  Range inputs, outputs;
  std::int64_t kernel, stride, padding;

  WindowsOnAxis(int axis, const Window& window, const Box& in, const Box& out)
      : inputs(in[2 + static_cast<std::size_t>(axis)]),
        outputs(out[2 + static_cast<std::size_t>(axis)]),
        kernel(window.kernel[axis]),
        stride(window.stride[axis]),
        padding(window.padding_begin[axis]) {}

  /// Where a window begins, and the first place that no window reaches.
  std::int64_t begin(std::int64_t output) const { return output * stride - padding; }
  std::int64_t end() const { return begin(outputs.end - 1) + kernel; }
};

}  // namespace

Window window_of(const ImageShape& input, const ImageShape& output, const Window& whole,
                 const Box& inputs, const Box& outputs) {
  Window window = whole;
  for (int axis = 0; axis < 2; ++axis) {
    const WindowsOnAxis a(axis, whole, inputs, outputs);
    if (a.inputs == all_of(axis == 0 ? input.height : input.width) &&
        a.outputs == all_of(axis == 0 ? output.height : output.width)) {
      continue;
    }
    window.padding_begin[axis] = a.inputs.begin - a.begin(a.outputs.begin);
    // So that the last window fits; negative when the inputs go further than it.
    window.padding_end[axis] = a.end() - a.inputs.end;
  }
  return window;
}

bool windows_are_complete(const ImageShape& input, const Window& window, const Box& inputs,
                          const Box& outputs) {
  for (int axis = 0; axis < 2; ++axis) {
    const WindowsOnAxis a(axis, window, inputs, outputs);
    const std::int64_t size = axis == 0 ? input.height : input.width;
    if (std::max<std::int64_t>(a.begin(a.outputs.begin), 0) < a.inputs.begin ||
        std::min(a.end(), size) > a.inputs.end) {
      return false;
    }
  }
  return true;
}

std::int64_t begun_earlier(int axis, const Window& window, const Box& inputs, const Box& outputs) {
  const WindowsOnAxis a(axis, window, inputs, outputs);
  std::int64_t count = 0;
  while (a.inputs.begin > 0 && count < a.outputs.size() &&
         a.begin(a.outputs.begin + count) < a.inputs.begin) {
    ++count;
  }
  return count;
}

}  // namespace spillway::workloads
