#include "workloads/kernels/loss.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/execution.hpp"

namespace spillway::workloads {

namespace {

/// A loss takes all scores of an example together; only values beside scores are compared one by
/// one.
template <class Loss>
Contract contract_of(const Loss& k) {
  bool are_values = false;
  if constexpr (requires { k.targets; }) are_values = k.targets == TargetKind::values;
  Contract contract;
  const AxisId batch = contract.add({"examples", k.batch, AxisKind::example});
  const AxisId each =
      contract.add({"scores", k.classes, AxisKind::output, are_values ? Cut::freely : Cut::never,
                    Side::none, true, are_values ? Cut::freely : Cut::never});
  const AccessMap scores{contract.along(batch), contract.along(each)};
  contract.inputs = {{"scores", scores}, {"targets", scores}};
  if (!are_values) contract.inputs[1].map = {contract.along(batch)};
  Operand metrics{"metrics", {Contract::whole(2)}};
  metrics.join = Join::add;
  if (k.with_error) contract.outputs.push_back({"dscores", scores});
  contract.outputs.push_back(metrics);
  contract.elementwise = contract.inputs[0].elements();
  return contract;
}

/// Scores may be maps. Values beside them are cut as they are, or into examples alone.
template <class Loss>
Loss part_of(const Loss& k, Boxes in, Boxes out, bool accumulate) {
  const Range examples = in[0][0];
  require(in[1][0] == examples, "examples of scores and targets differ");
  bool alike = false;
  if constexpr (requires { k.targets; }) {
    const bool are_values = k.targets == TargetKind::values;
    alike = are_values && in[0] == in[1];
    require(!are_values || alike || values(in[1]) == k.classes, "targets are cut");
  }
  require(alike || values(in[0]) == k.classes, "classes are cut");
  if (out.size() > 1) require_same(in[0], out[0]);
  require(out.back()[0] == all_of(2), "metrics are cut");
  Loss part = k;
  part.batch = examples.size();
  part.classes = values(in[0]);
  part.accumulate = accumulate;
  if (part.batch != k.batch && k.total_batch == 0) part.total_batch = k.batch;
  return part;
}

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

Contract SoftmaxCrossEntropy::contract() const { return contract_of(*this); }
SoftmaxCrossEntropy SoftmaxCrossEntropy::on_boxes(Boxes in, Boxes out, bool adds) const {
  return part_of(*this, in, out, adds);
}

void SoftmaxCrossEntropy::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  run_loss(layouts, *this, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             float most = scores[0];
             for (std::int64_t c = 1; c < classes; ++c) most = std::max(most, scores[c]);
             double sum = 0;
             for (std::int64_t c = 0; c < classes; ++c) {
               sum += std::exp(static_cast<double>(scores[c]) - most);
             }
             const double log_sum = std::log(sum) + most;
             for (std::int64_t c = 0; errors != nullptr && c < classes; ++c) {
               const double share = std::exp(scores[c] - log_sum);
               errors[c] = static_cast<float>(share - (c == label ? 1 : 0)) * scale;
             }
             return log_sum - scores[label];
           });
}

Contract SquareHinge::contract() const { return contract_of(*this); }
SquareHinge SquareHinge::on_boxes(Boxes in, Boxes out, bool adds) const {
  return part_of(*this, in, out, adds);
}

void SquareHinge::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  run_loss(layouts, *this, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             double loss = 0;
             for (std::int64_t c = 0; c < classes; ++c) {
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

Contract SquaredError::contract() const { return contract_of(*this); }
SquaredError SquaredError::on_boxes(Boxes in, Boxes out, bool adds) const {
  return part_of(*this, in, out, adds);
}

void SquaredError::run(Execution& execution, Inputs in, Outputs out) const {
  Layouts& layouts = execution.layouts();
  if (targets == TargetKind::values) return compare_with_values(layouts, *this, in, out);
  if (classes == 1) return compare_with_numbers(layouts, *this, in, out);
  run_loss(layouts, *this, in, out,
           [&](const float* scores, std::int32_t label, float* errors, float scale) {
             double loss = 0;
             for (std::int64_t c = 0; c < classes; ++c) {
               loss += squared_gap(scores[c], c == label ? 1.0f : 0.0f,
                                   errors != nullptr ? errors + c : nullptr, scale);
             }
             return loss;
           });
}

}  // namespace spillway::workloads
