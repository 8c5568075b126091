#include "sim/plan/fusion/step_parts.hpp"

#include <algorithm>

#include "workloads/support/error.hpp"

namespace spillway::sim {

using namespace workloads;

namespace {

/// The list that an operation belongs to, by its operands.
PartList& place_of(const Step& step, std::vector<LayerParts>& layers, const Op& op) {
  const int depth = static_cast<int>(layers.size());
  const bool readout = op.layer > depth;
  LayerParts& layer = layers.at(static_cast<std::size_t>(std::min(op.layer, depth) - 1));
  const Tensor& first = step.tensor(op.inputs[0]);
  const Tensor& result = step.tensor(op.outputs[0]);
  const auto makes = [&](TensorKind kind) {
    return std::ranges::any_of(op.outputs,
                               [&](TensorId id) { return step.tensor(id).kind == kind; });
  };
  const bool product = op.kernel.contract().is_product();
  if (first.kind == TensorKind::input_images && result.layer == 0) {
    return op.phase == Phase::forward ? layer.input : layer.input_recomputed;
  }
  if (op.phase == Phase::update) {
    if (makes(TensorKind::seeds)) return layer.seeds;
    const TensorKind kind = step.tensor(op.inputs[1]).kind;
    if (readout || kind == TensorKind::classifier_gradients) return layer.classifier_updates;
    return kind == TensorKind::norm_gradients ? layer.norm_updates : layer.updates;
  }
  if (op.phase == Phase::loss) return makes(TensorKind::metrics) ? layer.loss : layer.score;
  if (op.phase == Phase::forward) return layer.forward;
  const bool errors = makes(TensorKind::errors) || makes(TensorKind::score_errors);
  if (product && errors) {
    // Of the layer's own output, out of errors of scores; or of the layer below.
    return readout || result.layer == op.layer ? layer.error : layer.input_gradient;
  }
  if (product) {
    const bool of_classifier = readout || makes(TensorKind::classifier_gradients);
    return of_classifier ? layer.classifier_gradient : layer.weight_gradient;
  }
  if (makes(TensorKind::norm_gradients)) return layer.norm;
  if (!errors) {
    throw ConsistencyError("nobody knows what this operation is for: " + kernel_name(op.kernel));
  }
  // Masks of the layer's output; masks of pooled values come after the pooling.
  return first.id == result.id && layer.pool.empty() ? layer.masks : layer.pool;
}

}  // namespace

void append(PartList& list, const PartList& more) {
  list.insert(list.end(), more.begin(), more.end());
}

PartList joined(std::initializer_list<PartList> lists) {
  PartList result;
  for (const PartList& list : lists) append(result, list);
  return result;
}

StepParts parts_of(const Step& step) {
  StepParts result;
  if (!step.is_chain) {
    for (std::size_t i = 0; i < step.ops.size(); ++i) {
      for (const OpPart& part : phases(step, i)) result.parts.push_back(part);
    }
    return result;
  }
  result.layers.resize(static_cast<std::size_t>(step.readout_layer() - 1));
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    PartList& place = place_of(step, result.layers, step.ops[i]);
    for (const OpPart& part : phases(step, i)) {
      place.push_back(result.parts.size());
      result.parts.push_back(part);
    }
  }
  // Layers that the step leaves out are at its end.
  while (!result.layers.empty() && result.layers.back().forward.empty()) result.layers.pop_back();
  const LayerParts& top = result.layers.back();
  result.backward = result.layers.size() > 1 && top.loss.size() + top.score.size() > 0 &&
                    result.layers.front().score.empty() &&
                    std::any_of(result.layers.begin(), result.layers.end(),
                                [](const LayerParts& l) { return !l.weight_gradient.empty(); });
  return result;
}

}  // namespace spillway::sim
