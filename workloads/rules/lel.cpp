// Local error learning with symmetric feedback (the paper's Figure 2B, section 3): each layer
// learns from a fixed random classifier of its own output, and nothing crosses to the layer below.
#include <fmt/format.h>

#include "workloads/rules/step_builder.hpp"

namespace spillway::workloads {

namespace {

struct LocalClassifier {
  TensorId matrix, scores, metrics;
  DenseGeometry shape;
  Macs macs;
};

LocalClassifier add_local_classifier(StepBuilder& builder, int i) {
  const std::int64_t features = builder.layer(i).output.elements();
  const std::int64_t classes = builder.network().classes;
  LocalClassifier local{};
  local.matrix = builder.add_classifier(i);
  local.scores = builder.add_tensor(builder.layer(i).name + ".scores", TensorKind::scores, i,
                                    {builder.batch(), classes});
  local.metrics = builder.add_metrics(i);
  local.shape = {builder.batch(), features, classes};
  local.macs = Macs(builder.batch()) * features * classes;
  return local;
}

void classify(StepBuilder& builder, int i, const LocalClassifier& local) {
  builder.add_op(ClassifierForward{local.shape}, i, Phase::loss,
                 {builder.tensors(i).a, local.matrix}, {local.scores}, local.macs, local.macs);
}

}  // namespace

Step lel_training_step(const Network& network, const StepOptions& options) {
  StepBuilder builder("lel", network, options.batch, options.optimizer);
  for (int i = 1; i <= builder.layers(); ++i) {
    const LocalClassifier local = add_local_classifier(builder, i);
    const TensorId score_errors =
        builder.add_tensor(builder.layer(i).name + ".score_errors", TensorKind::score_errors, i,
                           {options.batch, network.classes});
    builder.begin_stage(fmt::format("S_{}", i));
    builder.forward(i);
    classify(builder, i, local);
    builder.loss(i, local.scores, score_errors, local.metrics);
    builder.add_op(ClassifierError{local.shape}, i, Phase::backward, {score_errors, local.matrix},
                   {builder.tensors(i).da}, local.macs, local.macs);
    builder.pool_and_relu_error(i);
    builder.weight_gradient(i);
    builder.update(i);
  }
  return builder.finish();
}

Step lel_inference_step(const Network& network, std::int64_t batch) {
  StepBuilder builder("lel", network, batch, std::nullopt);
  for (int i = 1; i <= builder.layers(); ++i) {
    const LocalClassifier local = add_local_classifier(builder, i);
    builder.begin_stage(fmt::format("S_{}", i));
    builder.forward(i);
    classify(builder, i, local);
    builder.loss(i, local.scores, std::nullopt, local.metrics);
  }
  return builder.finish();
}

}  // namespace spillway::workloads
