// Local error learning (the paper's Figure 2B, section 3): each layer learns from a classifier of
// its own output, and nothing crosses to the layer below. So does each block of layers, in which
// errors go back through the weights.
#include <fmt/format.h>

#include <cmath>

#include "workloads/rules/step_builder.hpp"

namespace spillway::workloads {

namespace {

struct LocalClassifier {
  TensorId matrix, scores, metrics;
  TensorId feedback;    ///< K; the matrix itself when symmetric
  Parameter parameter;  ///< of a trained one
  DenseGeometry shape;
  Macs macs;
};

/// The classifier of layer i and, when an error of it is wanted, its way back. M and K have the
/// standard deviation sqrt(2 / (features + classes)).
LocalClassifier add_local_classifier(StepBuilder& builder, int i, const LocalRule& rule) {
  const std::int64_t features = builder.layer(i).output.elements();
  const std::int64_t classes = builder.network().classes;
  const double deviation = std::sqrt(2.0 / static_cast<double>(features + classes));
  const std::string prefix = builder.layer(i).name + ".";
  const TensorShape shape = builder.classifier_shape(i);
  LocalClassifier local{};
  if (rule.trained_classifier) {
    local.parameter =
        builder.add_parameter(prefix + "classifier", TensorKind::classifier,
                              TensorKind::classifier_gradients, i, shape, builder.in_training(i));
    local.matrix = local.feedback = local.parameter.value;
  } else {
    const TensorId seed = builder.add_seed(prefix + "seed", i);
    local.matrix = local.feedback = builder.add_random(
        prefix + "classifier", TensorKind::classifier, i, shape, seed, deviation);
    if (rule.feedback != Feedback::symmetric && builder.has_error(i)) {
      std::optional<TensorId> sign_seed;
      if (rule.feedback == Feedback::sign_concordant) sign_seed = seed;
      local.feedback =
          builder.add_random(prefix + "feedback", TensorKind::feedback, i, shape,
                             builder.add_seed(prefix + "feedback_seed", i), deviation, sign_seed);
    }
  }
  local.scores =
      builder.add_tensor(prefix + "scores", TensorKind::scores, i, {builder.batch(), classes});
  local.metrics = builder.add_metrics(i);
  local.shape = {builder.batch(), features, classes};
  local.macs = Macs(builder.batch()) * features * classes;
  return local;
}

void classify(StepBuilder& builder, int i, const LocalClassifier& local) {
  builder.add_op(ClassifierForward{local.shape}, i, Phase::loss,
                 {builder.tensors(i).a, local.matrix}, {local.scores}, local.macs, local.macs);
}

/// The error of the classifier's input, and the gradient of a trained one.
void classifier_backward(StepBuilder& builder, int i, const LocalClassifier& local,
                         TensorId score_errors) {
  if (builder.has_error(i)) {
    builder.add_op(ClassifierError{local.shape}, i, Phase::backward, {score_errors, local.feedback},
                   {builder.tensors(i).da}, local.macs, local.macs);
    builder.give_error(i);
  }
  if (local.parameter.gradient) {
    builder.add_op(ClassifierWeightGradient{local.shape}, i, Phase::backward,
                   {score_errors, builder.tensors(i).a}, {*local.parameter.gradient}, local.macs,
                   local.macs);
  }
}

/// One block's part of the step: all of it in one stage where the block has one conv or fc layer,
/// and else a forward and a backward pass of its own.
class BlockStep {
 public:
  BlockStep(StepBuilder& builder, const Block& block, const LocalRule& rule)
      : builder_(builder),
        block_(block),
        rule_(rule),
        end_(block.last),
        layers_(weighted_layers(builder.network(), block)),
        one_stage_(layers_.size() == 1) {}

  void forward(bool only = false) {
    for (const int i : layers_) {
      builder_.begin_stage(fmt::format("{}_{}", one_stage_ && !only ? "S" : "F", i));
      builder_.forward_stage(block_, i);
    }
  }

  void decide() {
    if (!one_stage_) builder_.begin_stage(fmt::format("T_{}", end_));
    TensorId scores = builder_.tensors(end_).a, metrics = 0;
    if (builder_.network().gives_scores(end_)) {
      metrics = builder_.add_metrics(end_);
    } else {
      local_ = add_local_classifier(builder_, end_, rule_);
      classify(builder_, end_, *local_);
      scores = local_->scores;
      metrics = local_->metrics;
    }
    const bool wanted = builder_.has_error(end_) || (local_ && local_->parameter.gradient);
    if (wanted) {
      errors_ = local_ ? builder_.add_tensor(builder_.layer(end_).name + ".score_errors",
                                             TensorKind::score_errors, end_,
                                             {builder_.batch(), builder_.network().classes})
                       : builder_.tensors(end_).da;
    }
    builder_.loss(end_, scores, errors_, metrics);
  }

  void learn() {
    if (!errors_) {
      for (const int i : layers_) builder_.update(i);  // nothing but the seeds of masks
      return;
    }
    if (!one_stage_) {
      builder_.stage().turn = true;
      builder_.stage().survivors = {*errors_};
    }
    if (local_) {
      if (!one_stage_) builder_.begin_stage(fmt::format("B_top_{}", end_));
      classifier_backward(builder_, end_, *local_, *errors_);
    } else {
      builder_.give_error(end_);
    }
    builder_.pass_errors();
    if (!one_stage_) {
      if (local_) update_classifier();
      builder_.update_passed();
    }
    for (auto layer = layers_.rbegin(); layer != layers_.rend(); ++layer) learn_layer(*layer);
    if (one_stage_ && local_) update_classifier();
  }

 private:
  void update_classifier() {
    builder_.update(end_, local_->parameter, builder_.rule().classifier_rate);
  }
  void learn_layer(int i) {
    const bool learns = builder_.has_error(i);
    if (!one_stage_ && learns) builder_.begin_stage(fmt::format("B_{}", i));
    if (learns && builder_.has_input_gradient(i)) builder_.input_gradient(i);
    if (!one_stage_ && learns && i == 1) builder_.drop_inputs(Phase::backward);
    if (learns) builder_.weight_gradient(i);
    builder_.pass_errors();
    builder_.update(i);
  }

  StepBuilder& builder_;
  Block block_;
  const LocalRule& rule_;
  int end_;
  std::vector<int> layers_;
  bool one_stage_;
  std::optional<LocalClassifier> local_;
  std::optional<TensorId> errors_;
};

}  // namespace

Step lel_training_step(const Network& network, const StepOptions& options, const LocalRule& rule) {
  StepBuilder builder(rule.name, network,
                      {options.batch, options.optimizer, options.rule, options.only_layer,
                       options.only_layer, blocks_of(network, rule.name, options.rule)});
  for (const Block& block : builder.blocks()) {
    if (block.last > builder.layers()) break;
    const bool below = options.only_layer != 0 && block.last < options.only_layer;
    BlockStep step(builder, block, rule);
    step.forward(below);
    if (below) continue;
    step.decide();
    step.learn();
  }
  return builder.finish();
}

Step lel_inference_step(const Network& network, const InferenceOptions& options,
                        const LocalRule& rule) {
  StepBuilder builder(rule.name, network,
                      {options.batch, std::nullopt, options.rule, options.exit_layer, 0,
                       blocks_of(network, rule.name, options.rule)});
  for (const Block& block : builder.blocks()) {
    if (block.last > builder.layers()) break;
    BlockStep step(builder, block, rule);
    step.forward();
    if (options.exit_layer == 0 || block.last == options.exit_layer) step.decide();
  }
  return builder.finish();
}

}  // namespace spillway::workloads
