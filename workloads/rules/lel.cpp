// Local error learning (the paper's Figure 2B, section 3): each layer learns from a classifier of
// its own output, and nothing crosses to the layer below.
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

/// A layer that gives the scores itself has no classifier: its error is the loss's own.
void learn_from_scores(StepBuilder& builder, int i) {
  const LayerTensors& t = builder.tensors(i);
  const TensorId metrics = builder.add_metrics(i);
  builder.loss(i, t.a, builder.learns(i) ? std::optional(t.da) : std::nullopt, metrics);
  builder.weight_gradient(i);
  builder.update(i);
}

/// The classifier of layer i and, when the layer learns, its way back. M and K have the standard
/// deviation sqrt(2 / (features + classes)).
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
    if (rule.feedback != Feedback::symmetric && builder.learns(i)) {
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

void learn(StepBuilder& builder, int i, const LocalClassifier& local, TensorId score_errors) {
  if (builder.learns(i)) {
    builder.add_op(ClassifierError{local.shape}, i, Phase::backward, {score_errors, local.feedback},
                   {builder.tensors(i).da}, local.macs, local.macs);
  }
  if (local.parameter.gradient) {
    builder.add_op(ClassifierWeightGradient{local.shape}, i, Phase::backward,
                   {score_errors, builder.tensors(i).a}, {*local.parameter.gradient}, local.macs,
                   local.macs);
  }
  if (builder.learns(i)) {
    builder.output_error(i);
    builder.weight_gradient(i);
  }
  builder.update(i);
  builder.update(i, local.parameter, builder.rule().classifier_rate);
}

}  // namespace

Step lel_training_step(const Network& network, const StepOptions& options, const LocalRule& rule) {
  StepBuilder builder(
      rule.name, network,
      {options.batch, options.optimizer, options.rule, options.only_layer, options.only_layer});
  for (int i = 1; i <= builder.layers(); ++i) {
    const bool below = options.only_layer != 0 && i < options.only_layer;
    builder.begin_stage(fmt::format("{}_{}", below ? "F" : "S", i));
    builder.forward(i);
    if (below) continue;
    if (network.gives_scores(i)) {
      learn_from_scores(builder, i);
      continue;
    }
    const LocalClassifier local = add_local_classifier(builder, i, rule);
    classify(builder, i, local);
    if (!builder.learns(i) && !local.parameter.gradient) {
      builder.loss(i, local.scores, std::nullopt, local.metrics);
      builder.update(i);  // nothing but the seeds of masks
      continue;
    }
    const TensorId score_errors =
        builder.add_tensor(builder.layer(i).name + ".score_errors", TensorKind::score_errors, i,
                           {options.batch, network.classes});
    builder.loss(i, local.scores, score_errors, local.metrics);
    learn(builder, i, local, score_errors);
  }
  return builder.finish();
}

Step lel_inference_step(const Network& network, const InferenceOptions& options,
                        const LocalRule& rule) {
  StepBuilder builder(rule.name, network,
                      {options.batch, std::nullopt, options.rule, options.exit_layer, 0});
  for (int i = 1; i <= builder.layers(); ++i) {
    builder.begin_stage(fmt::format("S_{}", i));
    builder.forward(i);
    if (options.exit_layer != 0 && i != options.exit_layer) continue;
    if (network.gives_scores(i)) {
      builder.loss(i, builder.tensors(i).a, std::nullopt, builder.add_metrics(i));
      continue;
    }
    const LocalClassifier local = add_local_classifier(builder, i, rule);
    classify(builder, i, local);
    builder.loss(i, local.scores, std::nullopt, local.metrics);
  }
  return builder.finish();
}

}  // namespace spillway::workloads
