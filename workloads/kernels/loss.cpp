// Losses and decisions. A handful of scores an example: plain loops.
#include <algorithm>
#include <cmath>
#include <limits>

#include "workloads/kernels/operations.hpp"

namespace spillway::workloads {

namespace {

constexpr float not_a_number = std::numeric_limits<float>::quiet_NaN();

/// The plain operands of a loss kernel, with targets of a type; `errors` is null when only metrics
/// are made.
template <class Target>
struct Operands {
  const float* scores;
  const Target* targets;
  float *errors, *metrics;

  template <class Loss>
  Operands(Layouts& layouts, const Loss& k, std::int64_t target_count, Inputs in, Outputs out) {
    const auto bytes = [](std::int64_t count) { return static_cast<std::size_t>(count) * 4; };
    scores = floats(layouts.read(in[0], bytes(k.batch * k.classes)));
    targets = reinterpret_cast<const Target*>(layouts.read(in[1], bytes(target_count)));
    errors = k.with_error ? floats(layouts.write(out[0], bytes(k.batch * k.classes))) : nullptr;
    metrics = floats(k.accumulate ? layouts.change(out.back(), bytes(2))
                                  : layouts.write(out.back(), bytes(2)));
    if (!k.accumulate) std::fill_n(metrics, 2, 0.0f);
  }
};

std::int64_t decision(const float* scores, std::int64_t classes) {
  std::int64_t best = 0;
  for (std::int64_t c = 1; c < classes; ++c) {
    if (scores[c] > scores[best]) best = c;
  }
  return best;
}

template <class Loss>
float scale_of(const Loss& k) {
  return 1.0f / static_cast<float>(k.total_batch != 0 ? k.total_batch : k.batch);
}

/// Loss of one example and, when wanted, its score errors times `scale`. Both get the example's
/// scores and the class of its label.
template <class Loss, class Example>
void run_loss(Layouts& layouts, const Loss& k, Inputs in, Outputs out, Example example) {
  const Operands<std::int32_t> o(layouts, k, k.batch, in, out);
  const float scale = scale_of(k);
  double loss = 0;
  std::int64_t right = 0;
  for (std::int64_t b = 0; b < k.batch; ++b) {
    const float* scores = o.scores + b * k.classes;
    float* errors = o.errors != nullptr ? o.errors + b * k.classes : nullptr;
    const std::int32_t label = o.targets[b];
    if (label < 0 || label >= k.classes) {
      loss = not_a_number;
      if (errors != nullptr) std::fill_n(errors, k.classes, not_a_number);
      continue;
    }
    right += decision(scores, k.classes) == label;
    loss += example(scores, label, errors, scale);
  }
  o.metrics[0] += static_cast<float>(loss * scale);
  o.metrics[1] += static_cast<float>(right);
}

}  // namespace

void run(Layouts& layouts, const SoftmaxCrossEntropy& k, Inputs in, Outputs out) {
  run_loss(layouts, k, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             float most = scores[0];
             for (std::int64_t c = 1; c < k.classes; ++c) most = std::max(most, scores[c]);
             double sum = 0;
             for (std::int64_t c = 0; c < k.classes; ++c) {
               sum += std::exp(static_cast<double>(scores[c]) - most);
             }
             const double log_sum = std::log(sum) + most;
             for (std::int64_t c = 0; errors != nullptr && c < k.classes; ++c) {
               const double share = std::exp(scores[c] - log_sum);
               errors[c] = static_cast<float>(share - (c == label ? 1 : 0)) * scale;
             }
             return log_sum - scores[label];
           });
}

void run(Layouts& layouts, const SquareHinge& k, Inputs in, Outputs out) {
  run_loss(layouts, k, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             double loss = 0;
             for (std::int64_t c = 0; c < k.classes; ++c) {
               const float target = c == label ? 1.0f : -1.0f;
               const float gap = 1 - target * scores[c];
               const float over = gap > 0 || std::isnan(gap) ? gap : 0.0f;
               loss += static_cast<double>(over) * over;
               if (errors != nullptr) errors[c] = -2 * target * over * scale;
             }
             return loss;
           });
}

namespace {

/// Half the square of one score's gap, and when wanted its error times `scale`.
double squared_gap(float score, float target, float* error, float scale) {
  const float gap = score - target;
  if (error != nullptr) *error = gap * scale;
  return 0.5 * gap * gap;
}

void compare_with_values(Layouts& layouts, const SquaredError& k, Inputs in, Outputs out) {
  const std::int64_t count = k.batch * k.classes;
  const Operands<float> o(layouts, k, count, in, out);
  const float scale = scale_of(k);
  double loss = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    loss +=
        squared_gap(o.scores[i], o.targets[i], o.errors != nullptr ? o.errors + i : nullptr, scale);
  }
  o.metrics[0] += static_cast<float>(loss * scale);
}

/// One score an example: the label is the number that it should be.
void compare_with_numbers(Layouts& layouts, const SquaredError& k, Inputs in, Outputs out) {
  constexpr std::int32_t largest = 1 << 24;
  const Operands<std::int32_t> o(layouts, k, k.batch, in, out);
  const float scale = scale_of(k);
  double loss = 0;
  std::int64_t right = 0;
  for (std::int64_t b = 0; b < k.batch; ++b) {
    const std::int32_t label = o.targets[b];
    const bool exact = label >= -largest && label <= largest;
    const float target = exact ? static_cast<float>(label) : not_a_number;
    right += std::abs(o.scores[b] - target) < 0.5f;
    loss += squared_gap(o.scores[b], target, o.errors != nullptr ? o.errors + b : nullptr, scale);
  }
  o.metrics[0] += static_cast<float>(loss * scale);
  o.metrics[1] += static_cast<float>(right);
}

}  // namespace

void run(Layouts& layouts, const SquaredError& k, Inputs in, Outputs out) {
  if (k.targets == TargetKind::values) return compare_with_values(layouts, k, in, out);
  if (k.classes == 1) return compare_with_numbers(layouts, k, in, out);
  run_loss(layouts, k, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             double loss = 0;
             for (std::int64_t c = 0; c < k.classes; ++c) {
               loss += squared_gap(scores[c], c == label ? 1.0f : 0.0f,
                                   errors != nullptr ? errors + c : nullptr, scale);
             }
             return loss;
           });
}

}  // namespace spillway::workloads
