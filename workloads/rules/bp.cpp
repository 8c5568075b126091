// Backpropagation with a trained readout layer (the paper's Figure 2A).
#include <fmt/format.h>

#include "workloads/rules/step_builder.hpp"

namespace spillway::workloads {

namespace {

/// The readout: an fc layer from the last activations to one score per class.
struct Readout {
  Parameter weights, biases;
  TensorId scores, metrics;
  DenseGeometry shape;
  Macs macs;
};

Readout add_readout(StepBuilder& builder) {
  const int top = builder.layers() + 1;
  const std::int64_t features = builder.layer(builder.layers()).output.elements();
  const std::int64_t classes = builder.network().classes;
  Readout readout{};
  readout.weights = builder.add_parameter("readout.weights", TensorKind::weights,
                                          TensorKind::weight_gradients, top, {classes, features});
  readout.biases = builder.add_parameter("readout.biases", TensorKind::biases,
                                         TensorKind::bias_gradients, top, {classes});
  readout.scores =
      builder.add_tensor("readout.scores", TensorKind::scores, top, {builder.batch(), classes});
  readout.metrics = builder.add_metrics(top);
  readout.shape = {builder.batch(), features, classes};
  readout.macs = Macs(builder.batch()) * features * classes;
  return readout;
}

void readout_forward(StepBuilder& builder, const Readout& readout) {
  builder.add_op(FcForward{readout.shape}, builder.layers() + 1, Phase::loss,
                 {builder.tensors(builder.layers()).a, readout.weights.value, readout.biases.value},
                 {readout.scores}, readout.macs, readout.macs);
}

}  // namespace

Step bp_training_step(const Network& network, const StepOptions& options) {
  StepBuilder builder("bp", network, options.batch, options.optimizer);
  const int depth = builder.layers();
  const int top = depth + 1;
  const Readout readout = add_readout(builder);
  const TensorId score_errors = builder.add_tensor("readout.score_errors", TensorKind::score_errors,
                                                   top, {options.batch, network.classes});
  for (int i = 1; i <= depth; ++i) {
    builder.begin_stage(fmt::format("F_{}", i));
    builder.forward(i);
  }
  builder.begin_stage("T");
  readout_forward(builder, readout);
  builder.loss(top, readout.scores, score_errors, readout.metrics);
  builder.stage().turn = true;
  builder.stage().survivors = {score_errors};

  builder.begin_stage("B_top");
  const LayerTensors& last = builder.tensors(depth);
  builder.add_op(FcWeightGradient{readout.shape}, top, Phase::backward, {score_errors, last.a},
                 {readout.weights.gradient, readout.biases.gradient}, readout.macs, readout.macs);
  builder.add_op(FcInputGradient{readout.shape}, top, Phase::backward,
                 {score_errors, readout.weights.value}, {last.da}, readout.macs, readout.macs);
  builder.pool_and_relu_error(depth);
  builder.update(top, readout.weights);
  builder.update(top, readout.biases);

  for (int i = depth; i >= 1; --i) {
    builder.begin_stage(fmt::format("B_{}", i));
    if (i > 1) builder.input_gradient(i);
    builder.weight_gradient(i);
    if (i > 1) builder.pool_and_relu_error(i - 1);
    builder.update(i);
  }
  builder.step().unused_input_gradient =
      builder.layer(1).macs_padded() * static_cast<std::uint64_t>(options.batch);
  return builder.finish();
}

Step bp_inference_step(const Network& network, std::int64_t batch) {
  StepBuilder builder("bp", network, batch, std::nullopt);
  const Readout readout = add_readout(builder);
  for (int i = 1; i <= builder.layers(); ++i) {
    builder.begin_stage(fmt::format("F_{}", i));
    builder.forward(i);
  }
  builder.begin_stage("T");
  readout_forward(builder, readout);
  builder.loss(builder.layers() + 1, readout.scores, std::nullopt, readout.metrics);
  return builder.finish();
}

}  // namespace spillway::workloads
