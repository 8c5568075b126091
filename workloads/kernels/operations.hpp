// The kernels by family. Each runs on operands as kernel.hpp lists them, through `Layouts`, so that
// results may stay in oneDNN's layouts. Internal to the kernels.
#pragma once

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

/// A geometry as numbers, to find a primitive again.
using Key = std::vector<std::int64_t>;

inline const float* floats(const std::byte* bytes) { return reinterpret_cast<const float*>(bytes); }
inline float* floats(std::byte* bytes) { return reinterpret_cast<float*>(bytes); }
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
};

class Convolutions {
 public:
  explicit Convolutions(Layouts& layouts) : layouts_(layouts) {}
  void run(const ConvForward& kernel, Inputs in, Outputs out);
  void run(const ConvInputGradient& kernel, Inputs in, Outputs out);
  void run(const ConvWeightGradient& kernel, Inputs in, Outputs out);

 private:
  Layouts& layouts_;
  std::map<Key, Primitive> primitives_;
};

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

}  // namespace spillway::workloads
