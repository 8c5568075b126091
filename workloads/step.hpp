// One mini-batch of training as a learning rule sees it: whole-tensor operations in a legal order,
// with no word about hardware.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workloads/kernels/access.hpp"
#include "workloads/kernels/kernel.hpp"
#include "workloads/network.hpp"
#include "workloads/random_values.hpp"
#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::workloads {

using TensorId = std::uint32_t;

enum class TensorKind {
  input_images,
  labels,
  weights,
  biases,
  activations,  ///< A_i, and Y_i where a layer pools
  winners,      ///< of max-pooling, one byte each
  scores,
  score_errors,
  errors,
  weight_gradients,
  bias_gradients,
  optimizer_state,
  norm_inputs,      ///< A_i before batch-norm, which its error needs again
  norm_parameters,  ///< scales and shifts of batch-norm
  norm_gradients,
  norm_statistics,       ///< means and variances, of the batch or running
  classifier,            ///< a random matrix: made when it is used, or trained and stored
  classifier_gradients,  ///< of a trained one
  feedback,              ///< random weights of the way back, made when they are used
  masks,                 ///< of dropout, one byte each, made when they are used
  seeds,
  metrics,  ///< mean loss and number of right decisions
};
inline constexpr Names<TensorKind, 22> tensor_kind_names{{
    {TensorKind::input_images, "input_images"},
    {TensorKind::labels, "labels"},
    {TensorKind::weights, "weights"},
    {TensorKind::biases, "biases"},
    {TensorKind::activations, "activations"},
    {TensorKind::winners, "pooling_winners"},
    {TensorKind::scores, "scores"},
    {TensorKind::score_errors, "score_errors"},
    {TensorKind::errors, "errors"},
    {TensorKind::weight_gradients, "weight_gradients"},
    {TensorKind::bias_gradients, "bias_gradients"},
    {TensorKind::optimizer_state, "optimizer_state"},
    {TensorKind::norm_inputs, "norm_inputs"},
    {TensorKind::norm_parameters, "norm_parameters"},
    {TensorKind::norm_gradients, "norm_gradients"},
    {TensorKind::norm_statistics, "norm_statistics"},
    {TensorKind::classifier, "classifier"},
    {TensorKind::classifier_gradients, "classifier_gradients"},
    {TensorKind::feedback, "feedback"},
    {TensorKind::masks, "masks"},
    {TensorKind::seeds, "seeds"},
    {TensorKind::metrics, "metrics"},
}};
std::string to_string(TensorKind kind);
/// The tensors of this kind have a first dimension of examples.
bool has_examples(TensorKind kind);

enum class Phase { forward, loss, backward, update };
inline constexpr Names<Phase, 4> phase_names{{
    {Phase::forward, "forward"},
    {Phase::loss, "loss"},
    {Phase::backward, "backward"},
    {Phase::update, "update"},
}};
std::string to_string(Phase phase);

/// How long a tensor's value is wanted.
enum class Lifetime {
  input,      ///< given before the step, not changed by it
  parameter,  ///< given before the step, changed by it and wanted afterwards
  temporary,  ///< made and used up within the step
  output,     ///< made in the step and wanted afterwards
};

/// Values that are made anew from a seed whenever an operation uses them.
struct Generated {
  TensorId seed;
  std::optional<TensorId> sign_seed;  ///< signs come from this seed's values of the same kind
  RandomValues values;
};

struct Tensor {
  TensorId id = 0;
  std::string name;  ///< unique in its step, e.g. "conv1.weights"
  TensorKind kind = TensorKind::activations;
  int layer = 0;  ///< 0 the input, 1 … L the layers, L + 1 the readout
  TensorShape shape;
  Bytes element{4};
  Lifetime lifetime = Lifetime::temporary;
  std::optional<Generated> generated;
  /// Of an input that holds random values: what they were made from, before training.
  std::optional<Generated> made_from{};

  std::uint64_t elements() const;
  Bytes bytes() const { return element * elements(); }
  /// It has a value before the step begins, and outlives the step: what a training run keeps.
  bool is_kept() const {
    return is_given() && kind != TensorKind::input_images && kind != TensorKind::labels;
  }
  /// It has a value before the step begins.
  bool is_given() const { return lifetime == Lifetime::input || lifetime == Lifetime::parameter; }
};

struct Op {
  Kernel kernel;
  int layer;
  Phase phase;
  std::size_t stage;
  /// In the order that the kernel lists them. An operand in both lists is changed in place.
  std::vector<TensorId> inputs, outputs;
  Macs macs;         ///< border-exact
  Macs macs_padded;  ///< taps on padding counted
};

/// Operations between which tensors stay on chip by right (design of policy `paper`).
struct Stage {
  std::string name;   ///< "F_1", "T", "B_top", "S_3" …
  bool turn = false;  ///< after it everything leaves the chip but the tensors in `survivors`
  std::vector<TensorId> survivors;
};

struct Step {
  std::string rule;
  std::int64_t batch = 0;
  std::vector<std::string> layer_names;  ///< [0] "input", layers, [L + 1] "readout"
  std::vector<Tensor> tensors;           ///< tensors[id].id == id
  std::vector<Op> ops;
  std::vector<Stage> stages;  ///< in order; ops are sorted by stage
  /// One per decision the network gives: metrics tensors in layer order.
  std::vector<TensorId> decisions;
  /// Each layer reads the one before, and each learns from an error of its own or all from one that
  /// goes all the way down.
  bool is_chain = true;
  /// Padded MACs of the input gradient of layer 1, which nobody computes but the paper counts for
  /// BP.
  Macs unused_input_gradient;

  const Tensor& tensor(TensorId id) const { return tensors.at(id); }
  /// The tensor of that name, or nothing.
  std::optional<TensorId> find(const std::string& name) const;
  int readout_layer() const { return static_cast<int>(layer_names.size()) - 1; }

  /// MACs of all ops but the readout's, and of the readout alone.
  Macs macs() const;
  Macs macs_padded() const;
  Macs readout_macs() const;
};

/// How the operands of an operation are indexed, by their shapes.
Access access_of(const Step& step, const Contract& contract, const std::vector<TensorId>& inputs,
                 const std::vector<TensorId>& outputs);

/// Throws ConsistencyError when an op reads what was never written, an operand's size does not fit
/// its kernel's geometry, ops are not sorted by stage, or an id is out of range.
void check_step(const Step& step);

}  // namespace spillway::workloads
