// The pieces of a training step that several rules share.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/kernels/operations.hpp"
#include "workloads/rules/rule.hpp"
#include "workloads/step.hpp"

namespace spillway::workloads {

/// A parameter, and when it learns its gradient and what the optimizer keeps for it.
struct Parameter {
  TensorId value = 0;
  std::optional<TensorId> gradient;
  std::vector<TensorId> states;
};

/// Tensors of one layer. Where a layer does not pool, z is a and dz is da; where it has no
/// batch-norm to learn, pre is z.
struct LayerTensors {
  TensorId x = 0;        ///< the layer's input, of a join the first
  TensorId pre = 0;      ///< what conv, fc or a join gives
  TensorId z = 0;        ///< after batch-norm, and then ReLU
  TensorId a = 0;        ///< after max-pool and dropout: the layer's output
  TensorId dz = 0;       ///< error before max-pool; in the end that of what conv or fc gives
  TensorId da = 0;       ///< error of the output
  TensorId winners = 0;  ///< of max-pool
  TensorId mask = 0, mask_seed = 0;
  Parameter weights;
  std::optional<Parameter> biases, norm;
  TensorId running = 0, statistics = 0;  ///< of batch-norm
};

/// Which layers a step has, and which of them learn.
struct StepScope {
  std::int64_t batch = 100;
  std::optional<Optimizer> optimizer;  ///< without one nothing learns
  RuleOptions rule{};
  int last_layer = 0;  ///< 0: all
  int only_layer = 0;  ///< 0: all learn; else the block with this layer
  /// Errors stay within them; none: the network is one.
  std::vector<Block> blocks{};
};

class StepBuilder {
 public:
  /// Makes the input and each layer's tensors.
  StepBuilder(const std::string& rule, const Network& network, const StepScope& scope);

  TensorId add_tensor(const std::string& name, TensorKind kind, int layer, TensorShape shape,
                      Lifetime lifetime = Lifetime::temporary, Bytes element = Bytes(4));
  Parameter add_parameter(const std::string& name, TensorKind kind, TensorKind gradient_kind,
                          int layer, TensorShape shape, bool learns);
  TensorId add_seed(const std::string& name, int layer, Lifetime lifetime = Lifetime::input);
  /// Random weights of a standard deviation, made when they are used or, if the rule says so, an
  /// input.
  TensorId add_random(const std::string& name, TensorKind kind, int layer, TensorShape shape,
                      TensorId seed, double standard_deviation,
                      std::optional<TensorId> sign_seed = std::nullopt);
  TensorId add_metrics(int layer);
  /// Of a matrix between a layer's output and the classes: [features, classes], or the other way
  /// round; features of a conv layer are [channels, rows, columns].
  TensorShape classifier_shape(int layer, bool classes_first = false) const;

  void begin_stage(const std::string& name);
  Stage& stage() { return step_.stages.back(); }
  Op& add_op(Kernel kernel, int layer, Phase phase, std::vector<TensorId> inputs,
             std::vector<TensorId> outputs, Macs macs = {}, Macs macs_padded = {});

  // Whole-layer pieces; layers count from 1.
  /// x -> a: conv or fc, batch-norm, ReLU, max-pool, dropout; as in inference where nothing learns.
  void forward(int layer);
  /// Of all layers of a stage of the forward pass (workloads/blocks.hpp), in order.
  void forward_stage(const Block& block, int stage);

  /// Whether errors go to what a conv or fc layer reads.
  bool has_input_gradient(int layer) const;
  /// dz of `layer` -> its part of the error of what it reads, through its weights or the tensor
  /// given.
  void input_gradient(int layer, std::optional<TensorId> feedback = std::nullopt);
  void weight_gradient(int layer);  ///< dz, x -> gradients
  /// The error da of the layer's output is there, from outside its block.
  void give_error(int layer);
  /// From each da that is complete, all readers of the layer having added their parts, to dz:
  /// dropout, ReLU, max-pool, batch-norm. Layers without weights hand it on to what they read.
  void pass_errors();
  /// Of the layer's parameters; and of layers without weights that `pass_errors` has come through.
  void update(int layer);
  void update_passed();
  void update(int layer, const Parameter& parameter, std::optional<double> rate = std::nullopt);
  /// scores and the targets -> metrics, and score errors when given.
  void loss(int layer, TensorId scores, std::optional<TensorId> score_errors, TensorId metrics);
  /// Input dropout, replayed: layer 1 reads what it gives until it is called again.
  void drop_inputs(Phase phase);

  /// The layer takes part in training, as against inference; it may still have nothing that learns.
  bool in_training(int layer) const;
  /// Something in the layer learns: its weights, its biases or its batch-norm.
  bool learns(int layer) const;
  /// Something learns that an error of its output leads to: in the layer, or below it in its block.
  bool has_error(int layer) const { return has_error_.at(static_cast<std::size_t>(layer)); }
  const std::vector<Block>& blocks() const { return scope_.blocks; }

  const Network& network() const { return network_; }
  const RuleOptions& rule() const { return scope_.rule; }
  const Layer& layer(int i) const { return network_.layers.at(i - 1); }
  int layers() const { return last_layer_; }
  LayerTensors& tensors(int i) { return layer_tensors_.at(i); }
  std::int64_t batch() const { return step_.batch; }
  Step& step() { return step_; }
  /// The finished step, checked.
  Step finish();

 private:
  void add_layer_tensors(int layer);
  void add_batch_norm(int layer, const TensorShape& shape);
  Kernel first_operation(int layer) const;
  void find_errors();
  const Block& block_of(int layer) const;

  void output_error(int layer);
  void hand_on(int layer);
  /// Where a part of the error of `to` goes that `from` makes: da itself when it is the first.
  TensorId error_part(int to, int from);
  /// It is made; the parts before it are in da already.
  void add_part(int to, TensorId part);
  void count_part(int to);
  void update_own(int layer);
  void add_mask(const std::string& prefix, int layer, double dropped, TensorShape shape);

  const Network& network_;
  StepScope scope_;
  int last_layer_;
  Step step_;
  std::optional<TensorId> labels_;  ///< none where images are the targets
  int dropped_inputs_ = 0;
  std::vector<LayerTensors> layer_tensors_;  ///< [0] holds the input's mask
  std::vector<bool> has_error_;
  std::vector<int> parts_wanted_, parts_made_;  ///< of each layer's da
  std::vector<int> complete_;                   ///< layers whose da is, and was not passed on
  std::vector<int> passed_;                     ///< layers without weights, not yet updated
};

}  // namespace spillway::workloads
