#include "workloads/rules/step_builder.hpp"

#include <cmath>

namespace spillway::workloads {

namespace {

TensorShape map_shape(std::int64_t batch, const Layer& layer, const ImageShape& map) {
  if (layer.kind == LayerKind::fc) return {batch, map.elements()};
  return {batch, map.channels, map.height, map.width};
}

ConvGeometry conv_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.input, layer.before_pool, layer.window, layer.groups};
}

DenseGeometry dense_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.input.elements(), layer.outputs};
}

}  // namespace

StepBuilder::StepBuilder(const std::string& rule, const Network& network, std::int64_t batch,
                         std::optional<Optimizer> optimizer)
    : network_(network), optimizer_(optimizer), layer_tensors_(network.layers.size() + 1) {
  require_supported(network);
  step_.rule = rule;
  step_.batch = batch;
  step_.layer_names.push_back("input");
  for (const Layer& layer : network.layers) step_.layer_names.push_back(layer.name);
  step_.layer_names.push_back("readout");
  const ImageShape& image = network.input;
  layer_tensors_[0].a =
      add_tensor("input.images", TensorKind::input_images, 0,
                 {batch, image.channels, image.height, image.width}, Lifetime::input);
  labels_ = add_tensor("input.labels", TensorKind::labels, 0, {batch}, Lifetime::input);
  for (int i = 1; i <= layers(); ++i) add_layer_tensors(i);
}

TensorId StepBuilder::add_tensor(const std::string& name, TensorKind kind, int layer,
                                 TensorShape shape, Lifetime lifetime, Bytes element) {
  const auto id = static_cast<TensorId>(step_.tensors.size());
  step_.tensors.push_back({id, name, kind, layer, std::move(shape), element, lifetime, {}});
  return id;
}

Parameter StepBuilder::add_parameter(const std::string& name, TensorKind kind,
                                     TensorKind gradient_kind, int layer, TensorShape shape) {
  if (!optimizer_) return {add_tensor(name, kind, layer, std::move(shape), Lifetime::input), 0, {}};
  Parameter parameter{};
  parameter.value = add_tensor(name, kind, layer, shape, Lifetime::parameter);
  parameter.gradient = add_tensor(name + ".gradient", gradient_kind, layer, shape);
  if (optimizer_->momentum > 0) {
    parameter.state = add_tensor(name + ".momentum", TensorKind::optimizer_state, layer, shape,
                                 Lifetime::parameter);
  }
  return parameter;
}

void StepBuilder::add_layer_tensors(int i) {
  const Layer& shape = layer(i);
  const std::string prefix = shape.name + ".";
  LayerTensors& t = layer_tensors_[i];
  t.x = layer_tensors_[i - 1].a;
  t.weights = add_parameter(prefix + "weights", TensorKind::weights, TensorKind::weight_gradients,
                            i, shape.weight_shape());
  if (shape.bias) {
    t.biases = add_parameter(prefix + "biases", TensorKind::biases, TensorKind::bias_gradients, i,
                             {shape.outputs});
  }
  const TensorShape a_shape = map_shape(batch(), shape, shape.output);
  t.a = t.y = add_tensor(prefix + "activations", TensorKind::activations, i, a_shape);
  if (optimizer_) {
    t.da = t.dy = add_tensor(prefix + "errors", TensorKind::errors, i, a_shape);
  }
  if (!shape.pool_window) return;
  const TensorShape y_shape = map_shape(batch(), shape, shape.before_pool);
  t.y = add_tensor(prefix + "activations_before_pool", TensorKind::activations, i, y_shape);
  t.winners = add_tensor(prefix + "winners", TensorKind::winners, i, a_shape, Lifetime::temporary,
                         Bytes(1));
  if (optimizer_) {
    t.dy = add_tensor(prefix + "errors_before_pool", TensorKind::errors, i, y_shape);
  }
}

TensorId StepBuilder::add_classifier(int i) {
  const std::string prefix = layer(i).name + ".";
  const std::int64_t features = layer(i).output.elements();
  const TensorId seed = add_tensor(prefix + "seed", TensorKind::seeds, i, {1}, Lifetime::input);
  const TensorId matrix =
      add_tensor(prefix + "classifier", TensorKind::classifier, i, {features, network_.classes});
  step_.tensors[matrix].generated =
      Generated{seed, std::sqrt(2.0 / static_cast<double>(features + network_.classes))};
  return matrix;
}

TensorId StepBuilder::add_metrics(int layer) {
  const TensorId id = add_tensor(step_.layer_names[layer] + ".metrics", TensorKind::metrics, layer,
                                 {2}, Lifetime::output);
  step_.decisions.push_back(id);
  return id;
}

void StepBuilder::begin_stage(const std::string& name) {
  step_.stages.push_back({name, false, {}});
}

Op& StepBuilder::add_op(Kernel kernel, int layer, Phase phase, std::vector<TensorId> inputs,
                        std::vector<TensorId> outputs, Macs macs, Macs macs_padded) {
  step_.ops.push_back({std::move(kernel), layer, phase, step_.stages.size() - 1, std::move(inputs),
                       std::move(outputs), macs, macs_padded});
  return step_.ops.back();
}

void StepBuilder::forward(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  std::vector<TensorId> inputs{t.x, t.weights.value};
  if (t.biases) inputs.push_back(t.biases->value);
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvForward{conv_geometry(batch(), shape)})
                            : Kernel(FcForward{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::forward, inputs, {t.y}, shape.macs_exact() * examples,
         shape.macs_padded() * examples);
  if (shape.relu) {
    add_op(Relu{batch() * shape.before_pool.elements()}, i, Phase::forward, {t.y}, {t.y});
  }
  if (shape.pool_window) {
    const PoolGeometry pool{batch(), shape.before_pool, shape.output, *shape.pool_window};
    add_op(MaxPool{pool}, i, Phase::forward, {t.y}, {t.a, t.winners});
  }
}

void StepBuilder::input_gradient(int i) {
  const Layer& shape = layer(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvInputGradient{conv_geometry(batch(), shape)})
                            : Kernel(FcInputGradient{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::backward, {tensors(i).dy, tensors(i).weights.value}, {tensors(i - 1).da},
         shape.macs_exact() * examples, shape.macs_padded() * examples);
}

void StepBuilder::weight_gradient(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  std::vector<TensorId> outputs{t.weights.gradient};
  if (t.biases) outputs.push_back(t.biases->gradient);
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvWeightGradient{conv_geometry(batch(), shape)})
                            : Kernel(FcWeightGradient{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::backward, {t.dy, t.x}, outputs, shape.macs_exact() * examples,
         shape.macs_padded() * examples);
}

void StepBuilder::pool_and_relu_error(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  // The mask is [A_i > 0] after pooling: a window whose winner is 0 passes no error either way.
  if (shape.relu) {
    add_op(ReluError{batch() * shape.output.elements()}, i, Phase::backward, {t.da, t.a}, {t.da});
  }
  if (shape.pool_window) {
    const PoolGeometry pool{batch(), shape.before_pool, shape.output, *shape.pool_window};
    add_op(MaxPoolError{pool}, i, Phase::backward, {t.da, t.winners}, {t.dy});
  }
}

void StepBuilder::update(int i) {
  update(i, tensors(i).weights);
  if (tensors(i).biases) update(i, *tensors(i).biases);
}

void StepBuilder::update(int i, const Parameter& parameter) {
  std::vector<TensorId> inputs{parameter.value, parameter.gradient}, outputs{parameter.value};
  if (parameter.state) {
    inputs.push_back(*parameter.state);
    outputs.push_back(*parameter.state);
  }
  const auto elements = static_cast<std::int64_t>(step_.tensor(parameter.value).elements());
  add_op(Update{elements, static_cast<float>(optimizer_->rate),
                parameter.state ? static_cast<float>(optimizer_->momentum) : 0.0f},
         i, Phase::update, inputs, outputs);
}

void StepBuilder::loss(int layer, TensorId scores, std::optional<TensorId> score_errors,
                       TensorId metrics) {
  std::vector<TensorId> outputs{metrics};
  if (score_errors) outputs.insert(outputs.begin(), *score_errors);
  add_op(SoftmaxCrossEntropy{batch(), network_.classes, score_errors.has_value()}, layer,
         Phase::loss, {scores, labels_}, outputs);
}

Step StepBuilder::finish() {
  check_step(step_);
  return std::move(step_);
}

}  // namespace spillway::workloads
