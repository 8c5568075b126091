// The pieces of a training step that several rules share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/rules/rule.hpp"
#include "workloads/step.hpp"

namespace spillway::workloads {

/// A parameter with its gradient and, with momentum, its optimizer state.
struct Parameter {
  TensorId value, gradient;
  std::optional<TensorId> state;
};

/// Tensors of one layer. Where a layer does not pool, y is a and dy is da.
struct LayerTensors {
  TensorId x = 0;  ///< the layer's input
  TensorId y = 0, a = 0, dy = 0, da = 0;
  TensorId winners = 0;
  Parameter weights{};
  std::optional<Parameter> biases;
};

class StepBuilder {
 public:
  /// Makes the input and each layer's tensors. Without an optimizer: those of the forward pass
  /// alone.
  StepBuilder(const std::string& rule, const Network& network, std::int64_t batch,
              std::optional<Optimizer> optimizer);

  TensorId add_tensor(const std::string& name, TensorKind kind, int layer, TensorShape shape,
                      Lifetime lifetime = Lifetime::temporary, Bytes element = Bytes(4));
  Parameter add_parameter(const std::string& name, TensorKind kind, TensorKind gradient_kind,
                          int layer, TensorShape shape);
  /// A random classifier for layer i of shape [features, classes], and its seed.
  TensorId add_classifier(int layer);
  TensorId add_metrics(int layer);

  void begin_stage(const std::string& name);
  Stage& stage() { return step_.stages.back(); }
  Op& add_op(Kernel kernel, int layer, Phase phase, std::vector<TensorId> inputs,
             std::vector<TensorId> outputs, Macs macs = {}, Macs macs_padded = {});

  // Whole-layer pieces; layers count from 1.
  void forward(int layer);              ///< x -> a: conv or fc, ReLU, max-pool
  void input_gradient(int layer);       ///< dy of `layer` -> da of the layer below
  void weight_gradient(int layer);      ///< dy, x -> gradients
  void pool_and_relu_error(int layer);  ///< da -> dy
  void update(int layer);
  void update(int layer, const Parameter& parameter);
  /// scores -> metrics, and score errors when given.
  void loss(int layer, TensorId scores, std::optional<TensorId> score_errors, TensorId metrics);

  const Network& network() const { return network_; }
  const Layer& layer(int i) const { return network_.layers.at(i - 1); }
  int layers() const { return static_cast<int>(network_.layers.size()); }
  LayerTensors& tensors(int i) { return layer_tensors_.at(i); }
  std::int64_t batch() const { return step_.batch; }
  Step& step() { return step_; }
  /// The finished step, checked.
  Step finish();

 private:
  void add_layer_tensors(int layer);

  const Network& network_;
  std::optional<Optimizer> optimizer_;
  Step step_;
  TensorId labels_ = 0;
  std::vector<LayerTensors> layer_tensors_;  ///< [0] is not used
};

}  // namespace spillway::workloads
