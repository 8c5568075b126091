// How kernels run: on operands as their contracts list them, through `Layouts`, so that results may
// stay in oneDNN's layouts. Internal to the kernels.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <oneapi/dnnl/dnnl.hpp>
#include <typeindex>
#include <unordered_map>
#include <vector>

#include "workloads/kernels/kernel.hpp"
#include "workloads/kernels/layouts.hpp"
#include "workloads/network.hpp"

namespace spillway::workloads {

/// From this many elements on a loop over a tensor is worth a second thread.
inline constexpr std::int64_t parallel_elements = 1 << 15;

/// What oneDNN takes of windows on maps. (Tiles may have more of the map than the windows touch.)
inline bool onednn_takes(const Window& window, int axis, std::int64_t input, std::int64_t output) {
  const std::int64_t stride = window.stride[axis], begin = window.padding_begin[axis],
                     end = window.padding_end[axis];
  const std::int64_t padded = begin + input + end;
  return begin >= 0 && end + stride > 0 && padded >= window.kernel[axis] &&
         (padded - window.kernel[axis]) / stride + 1 == output;
}
template <class Geometry>
bool onednn_takes(const Geometry& g) {
  return onednn_takes(g.window, 0, g.input.height, g.output.height) &&
         onednn_takes(g.window, 1, g.input.width, g.output.width);
}

/// A geometry as numbers, to find a primitive again.
using Key = std::vector<std::int64_t>;

inline const float* floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }
inline float* floats(std::byte* bytes) { return reinterpret_cast<float*>(bytes); }
inline dnnl::memory::dims pair(const std::array<std::int64_t, 2>& values) {
  return {values[0], values[1]};
}
inline dnnl::memory::dims map_dims(std::int64_t batch, const ImageShape& shape) {
  return {batch, shape.channels, shape.height, shape.width};
}

/// A primitive and the layouts of its operands, in the order of the kernel's contract.
struct Primitive {
  struct Operand {
    int argument;
    Descriptor plain, layout;
  };
  dnnl::primitive primitive;
  std::vector<Operand> inputs, outputs;

  void run(Layouts& layouts, Inputs in, Outputs out) const;
  /// Adds its results to what stands in the outputs.
  void run_adding(Layouts& layouts, Inputs in, Outputs out) const;

 private:
  /// `result` gives the memory of each output.
  template <class Result>
  void execute(Layouts& layouts, Inputs in, Result result) const;
};

/// What kernels run in: the layouts of their operands, and what families keep from run to run.
class Execution {
 public:
  Layouts& layouts() { return layouts_; }

  /// The one of its type, made of the layouts when it is first asked for.
  template <class State>
  State& state() {
    std::shared_ptr<void>& kept = states_[std::type_index(typeid(State))];
    if (kept == nullptr) kept = std::make_shared<State>(layouts_);
    return *static_cast<State*>(kept.get());
  }

 private:
  Layouts layouts_{dnnl::engine(dnnl::engine::kind::cpu, 0)};
  std::unordered_map<std::type_index, std::shared_ptr<void>> states_;
};

}  // namespace spillway::workloads
