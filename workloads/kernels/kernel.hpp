// What one operation computes, as geometry alone. Tensors are plain row-major: activations NCHW (or
// NC), conv weights OIHW, fc weights [out, in], classifier matrices [features, classes]. Elements
// are float32 unless said otherwise.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <type_traits>
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

// Each kernel lists its operands: in -> out. "bias" operands may be left out. A kernel with
// `accumulate` adds its results to what stands in its outputs, all of them, which are then changed
// in place although they are listed as outputs only. So an operation can be done in parts.
struct ConvForward {
  ConvGeometry shape;
  bool accumulate = false;
};  ///< x, weights, bias -> y
struct ConvInputGradient {
  ConvGeometry shape;
  bool accumulate = false;
};  ///< dy, weights -> dx
/// dy, x -> dweights, dbias. dbias leaves out the first rows and columns of dy that `bias_begin`
/// says: those that another part of the operation counts.
struct ConvWeightGradient {
  ConvGeometry shape;
  bool accumulate = false;
  std::array<std::int64_t, 2> bias_begin{0, 0};
};
struct FcForward {
  DenseGeometry shape;
  bool accumulate = false;
};  ///< x, weights, bias -> y
struct FcInputGradient {
  DenseGeometry shape;
  bool accumulate = false;
};  ///< dy, weights -> dx
struct FcWeightGradient {
  DenseGeometry shape;
  bool accumulate = false;
};  ///< dy, x -> dweights, dbias
/// Scores of a local classifier, s = y M: y, M -> scores. inputs = features, outputs = classes.
struct ClassifierForward {
  DenseGeometry shape;
  bool accumulate = false;
};
/// Error of a layer's output from errors of scores: dscores, K -> dy. K is [features, classes]: the
/// classifier itself (symmetric feedback) or another matrix.
struct ClassifierError {
  DenseGeometry shape;
  bool accumulate = false;
};
/// Of a trained classifier: dscores, y -> dM.
struct ClassifierWeightGradient {
  DenseGeometry shape;
  bool accumulate = false;
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

// Batch-norm in phases, so that no phase needs the whole mini-batch at once. Each takes a part of
// the maps: some examples, channels, rows and columns. Channel operands are those of the part's
// channels.

/// x -> statistics, merged with what stands there for `before` earlier values of each channel: the
/// means and biased variances of all of them. `before` = 0 overwrites. (Chan, Golub and LeVeque,
/// "Updating formulae and a pairwise algorithm for computing sample variances", 1979.)
struct NormStatistics {
  NormGeometry shape;
  std::int64_t before = 0;
};
/// statistics, running -> running, in place or not, as BatchNorm does it. `values` of each channel
/// made the statistics.
struct NormRunning {
  std::int64_t channels, values;
};
/// x, norm, statistics -> z, in place or not.
struct NormApply {
  NormGeometry shape;
};
/// dz, x, statistics -> dnorm: the sums over the part.
struct NormErrorSums {
  NormGeometry shape;
  bool accumulate = false;
};
/// dz, x, statistics, norm, dnorm -> dx. dx may lie on dz. `total` values of each channel made the
/// statistics and dnorm.
struct NormErrorApply {
  NormGeometry shape;
  std::int64_t total;
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
/// in one byte; padding never wins. A part of the outputs, with the inputs that its windows touch,
/// has the winners of the whole.
struct MaxPool {
  PoolGeometry shape;
};
/// da, winners -> dy. A winner outside the map gives NaN; with `clip` it is dropped, for a part of
/// dy with all the windows that touch it.
struct MaxPoolError {
  PoolGeometry shape;
  bool clip = false;
};
/// scores, labels (int32) -> dscores, metrics. dscores = (softmax - onehot) / batch; metrics are
/// the mean loss and the number of right decisions. Without `with_error` only metrics are made. For
/// a part of a mini-batch, `total_batch` is the divisor (0: `batch`), and with `accumulate` the
/// metrics are added to what stands there.
struct SoftmaxCrossEntropy {
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;
};
/// The same operands with the square hinge loss: targets t are +1 for the label's class and -1 for
/// the others; the loss is the sum over classes of max(0, 1 - t s)^2, mean over the batch.
struct SquareHinge {
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;
};
/// What scores are compared with: labels, or values of their own.
enum class TargetKind { labels, values };
/// scores, targets -> dscores, metrics, as above with the loss sum (s - t)^2 / (2 batch) and
/// dscores = (s - t) / batch. Targets are labels (int32): t is 1 for the label's class and 0 for
/// the others; with one class t is the label itself, a number, and the decision is right when it
/// rounds to it (labels beyond 2^24, which float32 does not tell apart, give NaN). Or they are
/// values, as many as there are scores: then no decision is right or wrong and their number is 0,
/// and an operation may take parts of examples, of `classes` values each.
struct SquaredError {
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;
  TargetKind targets = TargetKind::labels;
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
                 BatchNorm, BatchNormInference, BatchNormError, NormStatistics, NormRunning,
                 NormApply, NormErrorSums, NormErrorApply, Relu, ReluError, MaxPool, MaxPoolError,
                 Dropout, SoftmaxCrossEntropy, SquareHinge, SquaredError, AdvanceSeed, Update>;

/// The kernel with its learning rate multiplied, when it has one: what a schedule changes.
Kernel with_rate_scale(Kernel kernel, double scale);

template <class K>
concept LossKernel = std::is_same_v<K, SoftmaxCrossEntropy> || std::is_same_v<K, SquareHinge> ||
    std::is_same_v<K, SquaredError>;
/// Makes errors and metrics out of scores.
bool is_loss(const Kernel& kernel);

/// Whether results are added to, or merged with, what stands in the outputs.
bool accumulates(const Kernel& kernel);

/// "conv forward", "max-pool error" …
std::string kernel_name(const Kernel& kernel);

}  // namespace spillway::workloads
