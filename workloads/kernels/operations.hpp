// The kernels by family. Each runs on operands as kernel.hpp lists them, through `Layouts`, so that
// results may stay in oneDNN's layouts. Internal to the kernels.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <oneapi/dnnl/dnnl.hpp>
#include <span>
#include <vector>

#include "workloads/kernels/kernel.hpp"
#include "workloads/kernels/layouts.hpp"

namespace spillway::workloads {

using Inputs = std::span<const std::byte* const>;
using Outputs = std::span<std::byte* const>;

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

/// A primitive and the layouts of its operands, in the order in which kernel.hpp lists them.
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

class Convolutions {
 public:
  explicit Convolutions(Layouts& layouts) : layouts_(layouts) {}
  void run(const ConvForward& kernel, Inputs in, Outputs out);
  void run(const ConvInputGradient& kernel, Inputs in, Outputs out);
  void run(const ConvWeightGradient& kernel, Inputs in, Outputs out);

 private:
  void run(const Primitive& primitive, bool accumulate, Inputs in, Outputs out);

  Layouts& layouts_;
  std::map<Key, Primitive> primitives_;
};

void run_plainly(Layouts& layouts, const ConvForward& kernel, Inputs in, Outputs out);
void run_plainly(Layouts& layouts, const ConvInputGradient& kernel, Inputs in, Outputs out);
/// Of dweights alone.
void run_plainly(Layouts& layouts, const ConvWeightGradient& kernel, Inputs in, Outputs out);
/// dbias alone, of the rows and columns of dy from `bias_begin` on.
void sum_errors(Layouts& layouts, const ConvWeightGradient& kernel, const std::byte* errors,
                std::byte* result);

class Pooling {
 public:
  explicit Pooling(Layouts& layouts) : layouts_(layouts) {}
  void run(const MaxPool& kernel, Inputs in, Outputs out);
  void run(const MaxPoolError& kernel, Inputs in, Outputs out);

 private:
  struct Pair {
    Primitive forward, backward;
  };
  const Pair& find(const PoolGeometry& shape);
  bool winners_are_trusted(const PoolGeometry& shape, const std::byte* winners);

  Layouts& layouts_;
  std::map<Key, Pair> primitives_;
  std::map<const std::byte*, Key> made_;  ///< by which geometry the winners at an address were made
};

class Normalisation {
 public:
  explicit Normalisation(Layouts& layouts) : layouts_(layouts) {}
  void run(const BatchNorm& kernel, Inputs in, Outputs out);
  void run(const BatchNormInference& kernel, Inputs in, Outputs out);
  void run(const BatchNormError& kernel, Inputs in, Outputs out);

 private:
  const dnnl::primitive& find(std::int64_t kind, const NormGeometry& shape);

  Layouts& layouts_;
  std::map<Key, dnnl::primitive> primitives_;
};

/// What batch-norm adds to variances.
inline constexpr float norm_epsilon = 1e-5f;
/// Running statistics, from those of a mini-batch with `values` in each channel.
void update_running(std::int64_t channels, std::int64_t values, const float* statistics,
                    float* running);

void run(Layouts& layouts, const NormStatistics& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const NormRunning& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const NormApply& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const NormErrorSums& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const NormErrorApply& kernel, Inputs in, Outputs out);

void run(Layouts& layouts, const FcForward& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const FcInputGradient& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const FcWeightGradient& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const ClassifierForward& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const ClassifierError& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const ClassifierWeightGradient& kernel, Inputs in, Outputs out);

void run(Layouts& layouts, const Relu& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const ReluError& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const Dropout& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const AdvanceSeed& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const Update& kernel, Inputs in, Outputs out);

void run(Layouts& layouts, const SoftmaxCrossEntropy& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const SquareHinge& kernel, Inputs in, Outputs out);
void run(Layouts& layouts, const SquaredError& kernel, Inputs in, Outputs out);

}  // namespace spillway::workloads
