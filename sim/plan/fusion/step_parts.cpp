#include "sim/plan/fusion/step_parts.hpp"

#include <algorithm>

#include "workloads/support/error.hpp"

namespace spillway::sim {

using namespace workloads;

namespace {

template <class... Ks>
bool is(const Kernel& kernel) {
  return (std::holds_alternative<Ks>(kernel) || ...);
}

/// Where an operation belongs.
PartList& place_of(const Step& step, std::vector<LayerParts>& layers, const Op& op) {
  const int depth = static_cast<int>(layers.size());
  const bool readout = op.layer > depth;
  LayerParts& layer = layers.at(static_cast<std::size_t>(std::min(op.layer, depth) - 1));
  const Kernel& kernel = op.kernel;
  const bool of_images =
      is<Dropout>(kernel) && step.tensor(op.inputs[0]).kind == TensorKind::input_images;
  if (of_images) return op.phase == Phase::forward ? layer.input : layer.input_again;
  if (op.phase == Phase::update) {
    if (is<AdvanceSeed>(kernel)) return layer.seeds;
    const TensorKind kind = step.tensor(op.inputs[1]).kind;
    if (readout || kind == TensorKind::classifier_gradients) return layer.classifier_updates;
    return kind == TensorKind::norm_gradients ? layer.norm_updates : layer.updates;
  }
  if (is<ClassifierForward>(kernel) || (readout && is<FcForward>(kernel))) return layer.score;
  if (is_loss(kernel)) return layer.loss;
  if (op.phase == Phase::forward) return layer.forward;
  if (is<ClassifierError>(kernel) || (readout && is<FcInputGradient>(kernel))) return layer.error;
  if (is<ClassifierWeightGradient>(kernel) || (readout && is<FcWeightGradient>(kernel))) {
    return layer.classifier_gradient;
  }
  if (is<ConvInputGradient, FcInputGradient>(kernel)) return layer.input_gradient;
  if (is<ConvWeightGradient, FcWeightGradient>(kernel)) return layer.weight_gradient;
  if (is<Dropout, ReluError>(kernel)) return layer.masks;
  if (is<MaxPoolError>(kernel)) return layer.pool;
  if (is<BatchNormError>(kernel)) return layer.norm;
  throw ConsistencyError("nobody knows what this operation is for: " + kernel_name(kernel));
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
