// Rules with a trained readout layer whose error travels down: backpropagation (the paper's Figure
// 2A), feedback alignment and direct feedback alignment.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>

#include "workloads/rules/step_builder.hpp"

namespace spillway::workloads {

namespace {

/// A trained readout: an fc layer from the last activations to one score per class.
struct ReadoutLayer {
  Parameter weights, biases;
  DenseGeometry shape;
  Macs macs;
};

/// Where scores are made, and what is made of them.
struct Scores {
  int layer = 0;  ///< the readout, or the last layer where that gives the scores itself
  TensorId values = 0, metrics = 0;
  std::optional<ReadoutLayer> readout;
};

Scores add_scores(StepBuilder& builder, bool learns) {
  const int depth = builder.layers(), top = depth + 1;
  if (builder.network().gives_scores(depth)) {
    return {depth, builder.tensors(depth).a, builder.add_metrics(depth), std::nullopt};
  }
  const std::int64_t features = builder.layer(depth).output.elements();
  const std::int64_t classes = builder.network().classes;
  ReadoutLayer readout{};
  readout.weights =
      builder.add_parameter("readout.weights", TensorKind::weights, TensorKind::weight_gradients,
                            top, builder.classifier_shape(depth, true), learns);
  readout.biases = builder.add_parameter("readout.biases", TensorKind::biases,
                                         TensorKind::bias_gradients, top, {classes}, learns);
  readout.shape = {builder.batch(), features, classes};
  readout.macs = Macs(builder.batch()) * features * classes;
  const TensorId values =
      builder.add_tensor("readout.scores", TensorKind::scores, top, {builder.batch(), classes});
  return {top, values, builder.add_metrics(top), readout};
}

/// The forward pass down to the loss.
void forward_pass(StepBuilder& builder, const Scores& scores, std::optional<TensorId> errors) {
  const int depth = builder.layers();
  for (const Block& block : builder.blocks()) {
    for (const int i : weighted_layers(builder.network(), block)) {
      builder.begin_stage(fmt::format("F_{}", i));
      builder.forward_stage(block, i);
    }
  }
  builder.begin_stage("T");
  if (scores.readout) {
    const ReadoutLayer& readout = *scores.readout;
    builder.add_op(FcForward{readout.shape}, scores.layer, Phase::loss,
                   {builder.tensors(depth).a, readout.weights.value, readout.biases.value},
                   {scores.values}, readout.macs, readout.macs);
  }
  builder.loss(scores.layer, scores.values, errors, scores.metrics);
}

const char* name_of(Backward backward) {
  switch (backward) {
    case Backward::weights: return "bp";
    case Backward::random: return "fa";
    case Backward::direct: return "dfa";
  }
  return "?";
}

/// Random weights in the place of a layer's own on the way back: its shape, and the standard
/// deviation sqrt(2 / (fan-in + fan-out)) times the scale.
TensorId add_feedback(StepBuilder& builder, int i, const Parameter& weights) {
  const Tensor like = builder.step().tensor(weights.value);
  const bool dense = i > builder.layers() || builder.layer(i).kind == LayerKind::fc;
  const std::size_t channel_dims = dense ? like.shape.size() : 2;
  double inputs = 1, taps = 1;
  for (std::size_t d = 1; d < like.shape.size(); ++d) {
    (d < channel_dims ? inputs : taps) *= static_cast<double>(like.shape[d]);
  }
  const double fans = taps * (static_cast<double>(like.shape[0]) + inputs);
  const std::string prefix = builder.step().layer_names[i] + ".";
  return builder.add_random(prefix + "feedback", TensorKind::feedback, i, like.shape,
                            builder.add_seed(prefix + "feedback_seed", i),
                            builder.rule().feedback_scale * std::sqrt(2 / fans));
}

/// The way back of each layer's output error, or of each block's; by layer, from 1 to where the
/// scores are made.
std::vector<TensorId> add_feedbacks(StepBuilder& builder, const Scores& scores, Backward backward) {
  const int depth = builder.layers();
  std::vector<TensorId> feedback(static_cast<std::size_t>(scores.layer) + 1);
  const auto ends_block = [&](int i) {
    return std::ranges::count(builder.blocks(), i, &Block::last) > 0;
  };
  const auto hands_back = [&](int i) {
    return i > depth || (is_weighted(builder.layer(i).kind) && builder.has_input_gradient(i));
  };
  for (int i = 1; i <= scores.layer; ++i) {
    if (backward == Backward::random && hands_back(i)) {
      feedback[i] = add_feedback(builder, i,
                                 i > depth ? scores.readout->weights : builder.tensors(i).weights);
    }
    if (backward == Backward::direct && i < scores.layer && ends_block(i)) {
      const std::int64_t features = builder.layer(i).output.elements();
      const std::int64_t classes = builder.network().classes;
      const std::string prefix = builder.layer(i).name + ".";
      feedback[i] = builder.add_random(
          prefix + "feedback", TensorKind::feedback, i, builder.classifier_shape(i),
          builder.add_seed(prefix + "feedback_seed", i),
          builder.rule().feedback_scale * std::sqrt(2.0 / static_cast<double>(features + classes)));
    }
  }
  return feedback;
}

/// Direct feedback: errors of the scores straight to da of layer i.
void direct_error(StepBuilder& builder, int i, TensorId score_errors, TensorId feedback) {
  const std::int64_t features = builder.layer(i).output.elements();
  const std::int64_t classes = builder.network().classes;
  const Macs macs = Macs(builder.batch()) * features * classes;
  builder.add_op(ClassifierError{{builder.batch(), features, classes}}, i, Phase::backward,
                 {score_errors, feedback}, {builder.tensors(i).da}, macs, macs);
  builder.give_error(i);
}

/// The readout's gradients and update, and the error of the last layer's output.
void readout_backward(StepBuilder& builder, const ReadoutLayer& readout, TensorId errors,
                      Backward backward, const std::vector<TensorId>& feedback) {
  const int depth = builder.layers(), top = depth + 1;
  const LayerTensors& last = builder.tensors(depth);
  builder.begin_stage("B_top");
  builder.add_op(FcWeightGradient{readout.shape}, top, Phase::backward, {errors, last.a},
                 {*readout.weights.gradient, *readout.biases.gradient}, readout.macs, readout.macs);
  if (backward == Backward::direct) {
    direct_error(builder, depth, errors, feedback[depth]);
  } else {
    builder.add_op(FcInputGradient{readout.shape}, top, Phase::backward,
                   {errors, backward == Backward::random ? feedback[top] : readout.weights.value},
                   {last.da}, readout.macs, readout.macs);
    builder.give_error(depth);
  }
  builder.pass_errors();
  builder.update(top, readout.weights);
  builder.update(top, readout.biases);
  builder.update_passed();
}

/// Backward through a block whose output error is there. `below`: direct feedback to the block
/// below, as the last of this one's errors are made.
void backward_through(StepBuilder& builder, const Block& block, Backward backward,
                      const std::vector<TensorId>& feedback, const std::function<void()>& below) {
  std::vector<int> layers = weighted_layers(builder.network(), block);
  std::ranges::reverse(layers);
  for (const int i : layers) {
    builder.begin_stage(fmt::format("B_{}", i));
    if (i == layers.back()) below();
    if (builder.has_input_gradient(i)) {
      builder.input_gradient(
          i, backward == Backward::random ? std::optional(feedback[i]) : std::nullopt);
    }
    if (i == 1) builder.drop_inputs(Phase::backward);
    builder.weight_gradient(i);
    builder.pass_errors();
    builder.update(i);
  }
}

}  // namespace

Step backward_training_step(const Network& network, const StepOptions& options, Backward backward) {
  const std::string rule = name_of(backward);
  std::vector<Block> with_own_error;
  if (backward == Backward::direct) with_own_error = blocks_of(network, rule, options.rule);
  StepBuilder builder(rule, network,
                      {options.batch, options.optimizer, options.rule, 0, 0, with_own_error});
  const Scores scores = add_scores(builder, true);
  const int depth = builder.layers();
  const TensorId errors = scores.readout
                              ? builder.add_tensor("readout.score_errors", TensorKind::score_errors,
                                                   scores.layer, {options.batch, network.classes})
                              : builder.tensors(depth).da;
  const std::vector<TensorId> feedback = add_feedbacks(builder, scores, backward);
  forward_pass(builder, scores, errors);
  builder.stage().turn = true;
  builder.stage().survivors = {errors};

  if (scores.readout) {
    readout_backward(builder, *scores.readout, errors, backward, feedback);
  } else {
    builder.give_error(depth);
    builder.pass_errors();
  }
  const bool direct = backward == Backward::direct;
  const std::vector<Block>& blocks = builder.blocks();
  for (std::size_t b = blocks.size(); b-- > 0;) {
    backward_through(builder, blocks[b], backward, feedback, [&] {
      if (direct && b > 0) {
        direct_error(builder, blocks[b - 1].last, errors, feedback[blocks[b - 1].last]);
      }
    });
  }
  if (!direct) {
    for (const int i : weighted_layers(network, {1, depth})) {
      if (builder.has_input_gradient(i)) continue;
      builder.step().unused_input_gradient +=
          builder.layer(i).macs_padded() * static_cast<std::uint64_t>(options.batch);
    }
  }
  return builder.finish();
}

Step readout_inference_step(const Network& network, const InferenceOptions& options) {
  StepBuilder builder("inference", network, {options.batch, std::nullopt, options.rule, 0, 0});
  const Scores scores = add_scores(builder, false);
  forward_pass(builder, scores, std::nullopt);
  return builder.finish();
}

}  // namespace spillway::workloads
