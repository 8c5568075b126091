// What one operation computes, as geometry alone. Tensors are plain row-major: activations NCHW (or
// NC), conv weights OIHW, fc weights [out, in], classifier matrices [features, classes]. Elements
// are float32 unless said otherwise.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

#include "workloads/network.hpp"

namespace spillway::workloads {

struct ConvGeometry {
  std::int64_t batch;
  ImageShape input, output;
  Window window;
  std::int64_t groups;
  bool operator==(const ConvGeometry&) const = default;
};

struct PoolGeometry {
  std::int64_t batch;
  ImageShape input, output;
  Window window;
  bool operator==(const PoolGeometry&) const = default;
};

/// A dense product: `batch` rows, `inputs` values in and `outputs` values out of each.
struct DenseGeometry {
  std::int64_t batch, inputs, outputs;
  bool operator==(const DenseGeometry&) const = default;
};

// Each kernel lists its operands: in -> out. "bias" operands may be left out.
struct ConvForward {
  ConvGeometry shape;
};  ///< x, weights, bias -> y
struct ConvInputGradient {
  ConvGeometry shape;
};  ///< dy, weights -> dx
struct ConvWeightGradient {
  ConvGeometry shape;
};  ///< dy, x -> dweights, dbias
struct FcForward {
  DenseGeometry shape;
};  ///< x, weights, bias -> y
struct FcInputGradient {
  DenseGeometry shape;
};  ///< dy, weights -> dx
struct FcWeightGradient {
  DenseGeometry shape;
};  ///< dy, x -> dweights, dbias
/// Scores of a local classifier, s = y M: y, M -> scores. inputs = features, outputs = classes.
struct ClassifierForward {
  DenseGeometry shape;
};
/// Error of a layer's output from the classifier with symmetric feedback: dscores, M -> dy.
struct ClassifierError {
  DenseGeometry shape;
};
struct Relu {
  std::int64_t elements;
};  ///< y -> y, in place; NaN stays NaN
struct ReluError {
  std::int64_t elements;
};  ///< dy, y -> dy, in place: dy where y > 0, else 0
/// y -> a, winners. A winner is the place of the first maximum in its window, counted row by row,
/// in one byte; padding never wins.
struct MaxPool {
  PoolGeometry shape;
};
struct MaxPoolError {
  PoolGeometry shape;
};  ///< da, winners -> dy
/// scores, labels (int32) -> dscores, metrics. dscores = (softmax - onehot) / batch; metrics are
/// the mean loss and the number of right decisions. Without `with_error` only metrics are made.
struct SoftmaxCrossEntropy {
  std::int64_t batch, classes;
  bool with_error;
};
/// Plain SGD: p, g -> p in place, p -= rate g. With momentum (Nesterov): p, g, v -> p, v in place,
/// v = momentum v + g, p -= rate (g + momentum v).
struct Update {
  std::int64_t elements;
  float rate, momentum;
};

using Kernel = std::variant<ConvForward, ConvInputGradient, ConvWeightGradient, FcForward,
                            FcInputGradient, FcWeightGradient, ClassifierForward, ClassifierError,
                            Relu, ReluError, MaxPool, MaxPoolError, SoftmaxCrossEntropy, Update>;

/// "conv forward", "max-pool error" …
std::string kernel_name(const Kernel& kernel);

}  // namespace spillway::workloads
