#include "workloads/rules/step_builder.hpp"

#include <fmt/format.h>

#include <algorithm>

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

NormGeometry norm_geometry(std::int64_t batch, const Layer& layer) {
  const ImageShape& map = layer.before_pool;
  return {batch, map.channels, map.height, map.width};
}

PoolGeometry pool_geometry(std::int64_t batch, const Layer& layer) {
  return {batch, layer.before_pool, layer.output, *layer.pool_window};
}

/// Whether a layer is one of the first `fix` conv layers.
bool is_fixed(const Network& network, int layer, int fix) {
  if (network.layers[layer - 1].kind != LayerKind::conv) return false;
  const auto end = network.layers.begin() + layer;
  return std::count_if(network.layers.begin(), end,
                       [](const Layer& l) { return l.kind == LayerKind::conv; }) <= fix;
}

}  // namespace

StepBuilder::StepBuilder(const std::string& rule, const Network& network, const StepScope& scope)
    : network_(network),
      scope_(scope),
      last_layer_(scope.last_layer > 0 ? scope.last_layer
                                       : static_cast<int>(network.layers.size())),
      layer_tensors_(network.layers.size() + 1) {
  require_supported(network);
  require_fitting_rule(network, rule, scope.rule);
  step_.rule = rule;
  step_.batch = scope.batch;
  step_.layer_names.push_back("input");
  for (const Layer& layer : network.layers) step_.layer_names.push_back(layer.name);
  step_.layer_names.push_back("readout");
  const ImageShape& image = network.input;
  // Flat, where a fully connected layer reads them.
  const TensorShape images = map_shape(batch(), network.layers.front(), image);
  layer_tensors_[0].a =
      add_tensor("input.images", TensorKind::input_images, 0, images, Lifetime::input);
  if (scope.rule.targets == Targets::labels) {
    labels_ = add_tensor("input.labels", TensorKind::labels, 0, {batch()}, Lifetime::input);
  }
  if (network.input_dropout > 0 && in_training(1)) {
    add_mask("input.", 0, network.input_dropout, images);
  }
  for (int i = 1; i <= layers(); ++i) add_layer_tensors(i);
}

bool StepBuilder::in_training(int i) const {
  return scope_.optimizer && (scope_.only_layer == 0 || scope_.only_layer == i);
}

bool StepBuilder::learns(int i) const {
  if (!in_training(i)) return false;
  return layer(i).batch_norm || !is_fixed(network_, i, scope_.rule.fix);
}

TensorId StepBuilder::add_tensor(const std::string& name, TensorKind kind, int layer,
                                 TensorShape shape, Lifetime lifetime, Bytes element) {
  const auto id = static_cast<TensorId>(step_.tensors.size());
  step_.tensors.push_back({id, name, kind, layer, std::move(shape), element, lifetime, {}});
  return id;
}

Parameter StepBuilder::add_parameter(const std::string& name, TensorKind kind,
                                     TensorKind gradient_kind, int layer, TensorShape shape,
                                     bool learns) {
  if (!learns) return {add_tensor(name, kind, layer, std::move(shape), Lifetime::input), {}, {}};
  Parameter parameter{};
  parameter.value = add_tensor(name, kind, layer, shape, Lifetime::parameter);
  parameter.gradient = add_tensor(name + ".gradient", gradient_kind, layer, shape);
  if (scope_.optimizer->momentum > 0) {
    parameter.state = add_tensor(name + ".momentum", TensorKind::optimizer_state, layer, shape,
                                 Lifetime::parameter);
  }
  return parameter;
}

TensorId StepBuilder::add_seed(const std::string& name, int layer, Lifetime lifetime) {
  return add_tensor(name, TensorKind::seeds, layer, {1}, lifetime);
}

TensorId StepBuilder::add_random(const std::string& name, TensorKind kind, int layer,
                                 TensorShape shape, TensorId seed, double standard_deviation,
                                 std::optional<TensorId> sign_seed) {
  const TensorId id = add_tensor(name, kind, layer, std::move(shape));
  step_.tensors[id].generated =
      Generated{seed, sign_seed, {scope_.rule.distribution, standard_deviation, 0}};
  return id;
}

void StepBuilder::add_mask(const std::string& prefix, int layer, double dropped,
                           TensorShape shape) {
  LayerTensors& t = layer_tensors_[layer];
  t.mask_seed = add_seed(prefix + "mask_seed", layer, Lifetime::parameter);
  t.mask = add_tensor(prefix + "mask", TensorKind::masks, layer, std::move(shape),
                      Lifetime::temporary, Bytes(1));
  step_.tensors[t.mask].generated =
      Generated{t.mask_seed, std::nullopt, {Distribution::mask, 1, dropped}};
}

void StepBuilder::add_layer_tensors(int i) {
  const Layer& shape = layer(i);
  const std::string prefix = shape.name + ".";
  const bool training = in_training(i);
  const bool weights_learn = training && !is_fixed(network_, i, scope_.rule.fix);
  LayerTensors& t = layer_tensors_[i];
  t.x = layer_tensors_[i - 1].a;
  TensorShape weights = shape.weight_shape();
  // Those of maps have their inputs as the maps have them, so that both can be cut alike.
  const TensorShape& x_shape = step_.tensor(t.x).shape;
  if (shape.kind == LayerKind::fc && x_shape.size() == 4) {
    weights = {shape.outputs, x_shape[1], x_shape[2], x_shape[3]};
  }
  t.weights = add_parameter(prefix + "weights", TensorKind::weights, TensorKind::weight_gradients,
                            i, weights, weights_learn);
  if (shape.bias) {
    t.biases = add_parameter(prefix + "biases", TensorKind::biases, TensorKind::bias_gradients, i,
                             {shape.outputs}, weights_learn);
  }
  const TensorShape a_shape = map_shape(batch(), shape, shape.output);
  const TensorShape z_shape = map_shape(batch(), shape, shape.before_pool);
  const bool scores = network_.gives_scores(i);
  t.a = t.z = add_tensor(prefix + (scores ? "scores" : "activations"),
                         scores ? TensorKind::scores : TensorKind::activations, i, a_shape);
  if (learns(i)) {
    t.da = t.dz = add_tensor(prefix + (scores ? "score_errors" : "errors"),
                             scores ? TensorKind::score_errors : TensorKind::errors, i, a_shape);
  }
  if (shape.pool_window) {
    t.z = add_tensor(prefix + "activations_before_pool", TensorKind::activations, i, z_shape);
    if (pool_row(shape.pool->kind).winners) {
      t.winners = add_tensor(prefix + "winners", TensorKind::winners, i, a_shape,
                             Lifetime::temporary, Bytes(1));
    }
    if (learns(i)) {
      t.dz = add_tensor(prefix + "errors_before_pool", TensorKind::errors, i, z_shape);
    }
  }
  t.pre = t.z;
  if (shape.batch_norm) {
    const TensorShape channels{2, shape.before_pool.channels};
    t.norm = add_parameter(prefix + "norm", TensorKind::norm_parameters, TensorKind::norm_gradients,
                           i, channels, training);
    t.running = add_tensor(prefix + "running_statistics", TensorKind::norm_statistics, i, channels,
                           training ? Lifetime::parameter : Lifetime::input);
    if (training) {
      t.pre = add_tensor(prefix + "norm_inputs", TensorKind::norm_inputs, i, z_shape);
      t.statistics =
          add_tensor(prefix + "batch_statistics", TensorKind::norm_statistics, i, channels);
    }
  }
  if (shape.dropout > 0 && training) add_mask(prefix, i, shape.dropout, a_shape);
}

TensorShape StepBuilder::classifier_shape(int i, bool classes_first) const {
  TensorShape shape = map_shape(batch(), layer(i), layer(i).output);
  shape.erase(shape.begin());
  shape.insert(classes_first ? shape.begin() : shape.end(), network_.classes);
  return shape;
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
  step_.ops.push_back({kernel, layer, phase, step_.stages.size() - 1, std::move(inputs),
                       std::move(outputs), macs, macs_padded});
  return step_.ops.back();
}

void StepBuilder::drop_inputs(Phase phase) {
  if (network_.input_dropout <= 0 || !in_training(1)) return;
  const LayerTensors& input = layer_tensors_[0];
  const Tensor& images = step_.tensor(input.a);
  const TensorId dropped = add_tensor(fmt::format("input.dropped{}", ++dropped_inputs_),
                                      TensorKind::activations, 0, TensorShape(images.shape));
  const auto elements = static_cast<std::int64_t>(step_.tensor(input.a).elements());
  add_op(Dropout{elements, dropout_scale(network_.input_dropout)}, 1, phase, {input.a, input.mask},
         {dropped});
  layer_tensors_[1].x = dropped;
}

void StepBuilder::forward(int i) {
  if (i == 1) drop_inputs(Phase::forward);
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  std::vector<TensorId> inputs{t.x, t.weights.value};
  if (t.biases) inputs.push_back(t.biases->value);
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvForward{conv_geometry(batch(), shape)})
                            : Kernel(FcForward{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::forward, inputs, {t.pre}, shape.macs_exact() * examples,
         shape.macs_padded() * examples);
  if (t.norm && in_training(i)) {
    add_op(BatchNorm{norm_geometry(batch(), shape)}, i, Phase::forward,
           {t.pre, t.norm->value, t.running}, {t.z, t.statistics, t.running});
  } else if (t.norm) {
    add_op(BatchNormInference{norm_geometry(batch(), shape)}, i, Phase::forward,
           {t.pre, t.norm->value, t.running}, {t.z});
  }
  if (shape.relu) {
    add_op(Relu{batch() * shape.before_pool.elements()}, i, Phase::forward, {t.z}, {t.z});
  }
  if (shape.pool_window) {
    std::vector<TensorId> results{t.a};
    if (t.winners != 0) results.push_back(t.winners);
    add_op(pool_row(shape.pool->kind).forward(pool_geometry(batch(), shape), *shape.pool), i,
           Phase::forward, {t.z}, results);
  }
  if (shape.dropout > 0 && in_training(i)) {
    add_op(Dropout{batch() * shape.output.elements(), dropout_scale(shape.dropout)}, i,
           Phase::forward, {t.a, t.mask}, {t.a});
  }
}

void StepBuilder::input_gradient(int i, std::optional<TensorId> feedback) {
  const Layer& shape = layer(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvInputGradient{conv_geometry(batch(), shape)})
                            : Kernel(FcInputGradient{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::backward, {tensors(i).dz, feedback.value_or(tensors(i).weights.value)},
         {tensors(i - 1).da}, shape.macs_exact() * examples, shape.macs_padded() * examples);
}

void StepBuilder::weight_gradient(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  if (!t.weights.gradient) return;
  const auto examples = static_cast<std::uint64_t>(batch());
  std::vector<TensorId> outputs{*t.weights.gradient};
  if (t.biases) outputs.push_back(*t.biases->gradient);
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvWeightGradient{conv_geometry(batch(), shape)})
                            : Kernel(FcWeightGradient{dense_geometry(batch(), shape)});
  add_op(kernel, i, Phase::backward, {t.dz, t.x}, outputs, shape.macs_exact() * examples,
         shape.macs_padded() * examples);
}

void StepBuilder::output_error(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  const std::int64_t outputs = batch() * shape.output.elements();
  if (shape.dropout > 0) {
    add_op(Dropout{outputs, dropout_scale(shape.dropout)}, i, Phase::backward, {t.da, t.mask},
           {t.da});
  }
  // The mask is [A_i > 0] after max-pooling: a window whose winner is 0 passes no error either way.
  const bool mask_before_pool = shape.needs_map_before_pool();
  if (shape.relu && !mask_before_pool) {
    add_op(ReluError{outputs}, i, Phase::backward, {t.da, t.a}, {t.da});
  }
  if (shape.pool_window) {
    std::vector<TensorId> inputs{t.da};
    if (t.winners != 0) inputs.push_back(t.winners);
    add_op(pool_row(shape.pool->kind).error(pool_geometry(batch(), shape), *shape.pool), i,
           Phase::backward, inputs, {t.dz});
  }
  if (mask_before_pool) {
    add_op(ReluError{batch() * shape.before_pool.elements()}, i, Phase::backward, {t.dz, t.z},
           {t.dz});
  }
  if (t.norm) {
    add_op(BatchNormError{norm_geometry(batch(), shape)}, i, Phase::backward,
           {t.dz, t.pre, t.statistics, t.norm->value}, {t.dz, *t.norm->gradient});
  }
}

void StepBuilder::update(int i) {
  const LayerTensors& t = tensors(i);
  update(i, t.weights);
  if (t.biases) update(i, *t.biases);
  if (t.norm) update(i, *t.norm);
  const auto advance = [&](TensorId seed) {
    if (seed != 0) add_op(AdvanceSeed{}, i, Phase::update, {seed}, {seed});
  };
  if (i == 1) advance(tensors(0).mask_seed);
  advance(t.mask_seed);
}

void StepBuilder::update(int i, const Parameter& parameter, std::optional<double> rate) {
  if (!parameter.gradient) return;
  std::vector<TensorId> inputs{parameter.value, *parameter.gradient}, outputs{parameter.value};
  if (parameter.state) {
    inputs.push_back(*parameter.state);
    outputs.push_back(*parameter.state);
  }
  const auto elements = static_cast<std::int64_t>(step_.tensor(parameter.value).elements());
  add_op(Update{elements, rate.value_or(scope_.optimizer->rate),
                parameter.state ? static_cast<float>(scope_.optimizer->momentum) : 0.0f},
         i, Phase::update, inputs, outputs);
}

void StepBuilder::loss(int layer, TensorId scores, std::optional<TensorId> score_errors,
                       TensorId metrics) {
  std::vector<TensorId> outputs{metrics};
  if (score_errors) outputs.insert(outputs.begin(), *score_errors);
  const std::int64_t classes = network_.classes;
  const bool with_error = score_errors.has_value();
  // The images, or the labels.
  const TensorId targets = labels_.value_or(layer_tensors_[0].a);
  const auto kernel = [&]() -> Kernel {
    switch (scope_.rule.loss) {
      case Loss::cross_entropy: return SoftmaxCrossEntropy{batch(), classes, with_error};
      case Loss::square_hinge: return SquareHinge{batch(), classes, with_error};
      case Loss::mse: break;
    }
    const TargetKind kind = labels_ ? TargetKind::labels : TargetKind::values;
    return SquaredError{batch(), classes, with_error, 0, false, kind};
  };
  add_op(kernel(), layer, Phase::loss, {scores, targets}, outputs);
}

Step StepBuilder::finish() {
  check_step(step_);
  return std::move(step_);
}

}  // namespace spillway::workloads
