// Losses: scores and targets -> errors of the scores, metrics (the mean loss and the number of
// right decisions). Without `with_error` only metrics are made. Scores may be maps. A part has a
// range of examples; with values for targets it is any box of scores and the same of targets, where
// both have one shape. For a part of a mini-batch, `total_batch` is the divisor (0: `batch`), and
// with `accumulate` the metrics are added to what stands there.
#pragma once

#include "workloads/kernels/kernel.hpp"

namespace spillway::workloads {

/// scores, labels (int32) -> dscores, metrics. dscores = (softmax - onehot) / batch.
struct SoftmaxCrossEntropy {
  static constexpr std::string_view name = "softmax cross-entropy";
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;

  Contract contract() const;
  SoftmaxCrossEntropy on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// The same operands with the square hinge loss: targets t are +1 for the label's class and -1 for
/// the others; the loss is the sum over classes of max(0, 1 - t s)^2, mean over the batch.
struct SquareHinge {
  static constexpr std::string_view name = "square hinge";
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;

  Contract contract() const;
  SquareHinge on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

/// What scores are compared with: labels, or values of their own.
enum class TargetKind { labels, values };

/// scores, targets -> dscores, metrics with the loss sum (s - t)^2 / (2 batch) and dscores = (s -
/// t) / batch. Targets are labels (int32): t is 1 for the label's class and 0 for the others; with
/// one class t is the label itself, a number, and the decision is right when it rounds to it
/// (labels beyond 2^24, which float32 does not tell apart, give NaN). Or they are values, as many
/// as there are scores: then no decision is right or wrong and their number is 0.
struct SquaredError {
  static constexpr std::string_view name = "squared error";
  std::int64_t batch, classes;
  bool with_error;
  std::int64_t total_batch = 0;
  bool accumulate = false;
  TargetKind targets = TargetKind::labels;

  Contract contract() const;
  SquaredError on_boxes(Boxes in, Boxes out, bool accumulate) const;
  bool accumulates() const { return accumulate; }
  void run(Execution& execution, Inputs in, Outputs out) const;
};

}  // namespace spillway::workloads
