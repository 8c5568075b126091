#include "workloads/rules/step_builder.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/rules/geometry.hpp"

namespace spillway::workloads {

namespace {

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
  step_.is_chain = network.is_chain() && std::ranges::all_of(scope.blocks, [](const Block& block) {
                     return block.first == block.last;
                   });
  if (scope_.blocks.empty()) scope_.blocks = {{1, static_cast<int>(network.layers.size())}};
  // Flat, where a fully connected layer reads them.
  const TensorShape images = map_shape(batch(), network.has_flat_images(), network.input);
  layer_tensors_[0].a =
      add_tensor("input.images", TensorKind::input_images, 0, images, Lifetime::input);
  if (scope.rule.targets == Targets::labels) {
    labels_ = add_tensor("input.labels", TensorKind::labels, 0, {batch()}, Lifetime::input);
  }
  if (network.input_dropout > 0 && in_training(1)) {
    add_mask("input.", 0, network.input_dropout, images);
  }
  find_errors();
  for (int i = 1; i <= layers(); ++i) add_layer_tensors(i);
}

const Block& StepBuilder::block_of(int i) const {
  return *std::ranges::find_if(scope_.blocks,
                               [&](const Block& block) { return block.contains(i); });
}

bool StepBuilder::in_training(int i) const {
  if (!scope_.optimizer) return false;
  return scope_.only_layer == 0 || block_of(i).contains(scope_.only_layer);
}

bool StepBuilder::learns(int i) const {
  if (!in_training(i)) return false;
  const Layer& shape = layer(i);
  return shape.batch_norm || (is_weighted(shape.kind) && !is_fixed(network_, i, scope_.rule.fix));
}

void StepBuilder::find_errors() {
  const std::size_t numbers = network_.layers.size() + 1;
  has_error_.resize(numbers);
  parts_wanted_.resize(numbers);
  parts_made_.resize(numbers);
  for (int i = 1; i <= layers(); ++i) {
    bool leads_on = learns(i);
    for (const int input : layer(i).inputs) {
      if (!block_of(i).contains(input) || !has_error(input)) continue;
      leads_on = true;
      ++parts_wanted_[static_cast<std::size_t>(input)];
    }
    has_error_[static_cast<std::size_t>(i)] = leads_on;
  }
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
  for (const std::string& state : scope_.optimizer->states()) {
    parameter.states.push_back(add_tensor(name + "." + state, TensorKind::optimizer_state, layer,
                                          shape, Lifetime::parameter));
  }
  return parameter;
}

TensorId StepBuilder::add_seed(const std::string& name, int layer, Lifetime lifetime) {
  return add_tensor(name, TensorKind::seeds, layer, {1}, lifetime);
}

TensorId StepBuilder::add_random(const std::string& name, TensorKind kind, int layer,
                                 TensorShape shape, TensorId seed, double standard_deviation,
                                 std::optional<TensorId> sign_seed) {
  const bool stored = scope_.rule.random == RandomMatrices::stored;
  const TensorId id = add_tensor(name, kind, layer, std::move(shape),
                                 stored ? Lifetime::input : Lifetime::temporary);
  Tensor& tensor = step_.tensors[id];
  (stored ? tensor.made_from : tensor.generated) =
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
  LayerTensors& t = layer_tensors_[i];
  t.x = layer_tensors_[shape.inputs.front()].a;
  if (is_weighted(shape.kind)) {
    const bool learns = in_training(i) && !is_fixed(network_, i, scope_.rule.fix);
    TensorShape weights = shape.weight_shape();
    // Those of maps have their inputs as the maps have them, so that both can be cut alike.
    const TensorShape& x_shape = step_.tensor(t.x).shape;
    if (shape.kind == LayerKind::fc && x_shape.size() == 4) {
      weights = {shape.outputs, x_shape[1], x_shape[2], x_shape[3]};
    }
    t.weights = add_parameter(prefix + "weights", TensorKind::weights, TensorKind::weight_gradients,
                              i, weights, learns);
    if (shape.bias) {
      t.biases = add_parameter(prefix + "biases", TensorKind::biases, TensorKind::bias_gradients, i,
                               {shape.outputs}, learns);
    }
  }
  const TensorShape a_shape = map_shape(batch(), shape.flat, shape.output);
  const TensorShape z_shape = map_shape(batch(), shape.flat, shape.before_pool);
  const bool scores = network_.gives_scores(i);
  t.a = t.z = add_tensor(prefix + (scores ? "scores" : "activations"),
                         scores ? TensorKind::scores : TensorKind::activations, i, a_shape);
  if (has_error(i)) {
    t.da = t.dz = add_tensor(prefix + (scores ? "score_errors" : "errors"),
                             scores ? TensorKind::score_errors : TensorKind::errors, i, a_shape);
  }
  if (shape.pool_window) {
    const bool alone = is_pooling(shape.kind);
    t.z = alone
              ? t.x
              : add_tensor(prefix + "activations_before_pool", TensorKind::activations, i, z_shape);
    if (pool_row(shape.pool->kind).winners) {
      t.winners = add_tensor(prefix + "winners", TensorKind::winners, i, a_shape,
                             Lifetime::temporary, Bytes(1));
    }
    if (has_error(i) && !alone) {
      t.dz = add_tensor(prefix + "errors_before_pool", TensorKind::errors, i, z_shape);
    }
  }
  t.pre = t.z;
  if (shape.batch_norm) add_batch_norm(i, z_shape);
  if (shape.dropout > 0 && in_training(i)) add_mask(prefix, i, shape.dropout, a_shape);
}

void StepBuilder::add_batch_norm(int i, const TensorShape& z_shape) {
  const std::string prefix = layer(i).name + ".";
  const bool training = in_training(i), alone = layer(i).kind == LayerKind::batch_norm;
  const TensorShape channels{2, layer(i).before_pool.channels};
  LayerTensors& t = layer_tensors_[i];
  t.norm = add_parameter(prefix + "norm", TensorKind::norm_parameters, TensorKind::norm_gradients,
                         i, channels, training);
  t.running = add_tensor(prefix + "running_statistics", TensorKind::norm_statistics, i, channels,
                         training ? Lifetime::parameter : Lifetime::input);
  if (alone) t.pre = t.x;
  if (!training) return;
  if (!alone) t.pre = add_tensor(prefix + "norm_inputs", TensorKind::norm_inputs, i, z_shape);
  t.statistics = add_tensor(prefix + "batch_statistics", TensorKind::norm_statistics, i, channels);
}

TensorShape StepBuilder::classifier_shape(int i, bool classes_first) const {
  TensorShape shape = map_shape(batch(), layer(i).flat, layer(i).output);
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

Kernel StepBuilder::first_operation(int i) const {
  const Layer& shape = layer(i);
  switch (shape.kind) {
    case LayerKind::conv: return ConvForward{conv_geometry(batch(), shape)};
    case LayerKind::fc: return FcForward{dense_geometry(batch(), shape)};
    case LayerKind::concat: {
      Concat concat{joined_maps(batch(), shape), {}, 0};
      for (const int input : shape.inputs) {
        concat.channels[static_cast<std::size_t>(concat.parts++)] =
            network_.shape_of(input).channels;
      }
      return concat;
    }
    default:
      return Sum{batch() * shape.before_pool.elements(),
                 static_cast<std::int64_t>(shape.inputs.size())};
  }
}

void StepBuilder::forward(int i) {
  if (i == 1) drop_inputs(Phase::forward);
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  const auto examples = static_cast<std::uint64_t>(batch());
  std::vector<TensorId> inputs{t.x};
  if (is_weighted(shape.kind)) inputs.push_back(t.weights.value);
  if (t.biases) inputs.push_back(t.biases->value);
  for (std::size_t k = 1; k < shape.inputs.size(); ++k) {
    inputs.push_back(tensors(shape.inputs[k]).a);
  }
  if (is_weighted(shape.kind) || is_join(shape.kind)) {
    add_op(first_operation(i), i, Phase::forward, inputs, {t.pre}, shape.macs_exact() * examples,
           shape.macs_padded() * examples);
  }
  if (t.norm && in_training(i)) {
    add_op(BatchNorm{norm_geometry(batch(), shape)}, i, Phase::forward,
           {t.pre, t.norm->value, t.running}, {t.z, t.statistics, t.running});
  } else if (t.norm) {
    add_op(BatchNormInference{norm_geometry(batch(), shape)}, i, Phase::forward,
           {t.pre, t.norm->value, t.running}, {t.z});
  }
  if (shape.relu) {
    const std::int64_t elements = batch() * shape.before_pool.elements();
    add_op(shape.relu6 ? Kernel(Relu6{elements}) : Kernel(Relu{elements}), i, Phase::forward, {t.z},
           {t.z});
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

void StepBuilder::forward_stage(const Block& block, int stage) {
  const std::vector<int> stages = stages_of(network_, block);
  for (int i = block.first; i <= block.last; ++i) {
    if (stages[static_cast<std::size_t>(i - block.first)] == stage) forward(i);
  }
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

void StepBuilder::update(int i) {
  update_own(i);
  update_passed();
}

void StepBuilder::update_passed() {
  for (const int passed : passed_) update_own(passed);
  passed_.clear();
}

void StepBuilder::update_own(int i) {
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
  for (const TensorId state : parameter.states) {
    inputs.push_back(state);
    outputs.push_back(state);
  }
  const auto elements = static_cast<std::int64_t>(step_.tensor(parameter.value).elements());
  const Optimizer& optimizer = *scope_.optimizer;
  add_op(optimizer.update(elements, rate.value_or(optimizer.rate)), i, Phase::update, inputs,
         outputs);
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
