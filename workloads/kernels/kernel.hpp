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

/// `batch` maps of `pixels` values for each of `channels`; an fc layer has one pixel a channel.
struct NormGeometry {
  std::int64_t batch, channels, height, width;
  bool operator==(const NormGeometry&) const = default;
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
/// Error of a layer's output from errors of scores: dscores, K -> dy. K is [features, classes]: the
/// classifier itself (symmetric feedback) or another matrix.
struct ClassifierError {
  DenseGeometry shape;
};
/// Of a trained classifier: dscores, y -> dM.
struct ClassifierWeightGradient {
  DenseGeometry shape;
};
/// Batch-norm with the statistics of the batch: x, norm, running -> z, statistics, running. `norm`
/// is [2, channels]: scales, then shifts. `statistics` and `running` are [2, channels]: means, then
/// variances. The normaliser takes the biased variance of the batch and epsilon 1e-5; running = 0.9
/// running + 0.1 batch, with the unbiased variance (the biased one where a channel has one value).
struct BatchNorm {
  NormGeometry shape;
};
/// Batch-norm with given statistics: x, norm, running -> z, in place.
struct BatchNormInference {
  NormGeometry shape;
};
/// dz, x, statistics, norm -> dx, dnorm. dx may lie on dz.
struct BatchNormError {
  NormGeometry shape;
};
/// y, mask -> y, in place or not: y / (1 - p) where the mask byte is 1, else 0. Serves forward and
/// backward. A mask byte above 1 (poison) gives NaN.
struct Dropout {
  std::int64_t elements;
  float scale;  ///< 1 / (1 - p)
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
/// The same operands with the square hinge loss: targets t are +1 for the label's class and -1 for
/// the others; the loss is the sum over classes of max(0, 1 - t s)^2, mean over the batch.
struct SquareHinge {
  std::int64_t batch, classes;
  bool with_error;
};
/// seed -> seed, in place: the seed of the next step's masks (one step of a 32-bit generator with
/// full period).
struct AdvanceSeed {};
/// Plain SGD: p, g -> p in place, p -= rate g. With momentum (Nesterov): p, g, v -> p, v in place,
/// v = momentum v + g, p -= rate (g + momentum v).
struct Update {
  std::int64_t elements;
  double rate;
  float momentum;
};

using Kernel =
    std::variant<ConvForward, ConvInputGradient, ConvWeightGradient, FcForward, FcInputGradient,
                 FcWeightGradient, ClassifierForward, ClassifierError, ClassifierWeightGradient,
                 BatchNorm, BatchNormInference, BatchNormError, Relu, ReluError, MaxPool,
                 MaxPoolError, Dropout, SoftmaxCrossEntropy, SquareHinge, AdvanceSeed, Update>;

/// The kernel with its learning rate multiplied, when it has one: what a schedule changes.
Kernel with_rate_scale(Kernel kernel, double scale);

/// "conv forward", "max-pool error" …
std::string kernel_name(const Kernel& kernel);

}  // namespace spillway::workloads
