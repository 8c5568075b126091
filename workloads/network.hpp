// A network: an ordered list of layers with inferred shapes and the counts that the closed forms
// and the learning rules need. Everything here is per example; the batch comes with the step.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "workloads/pool_kinds.hpp"
#include "workloads/support/config.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/names.hpp"
#include "workloads/support/units.hpp"

namespace spillway::workloads {

/// Channels, height and width of one example; a flat vector of n is {n, 1, 1}.
struct ImageShape {
  std::int64_t channels = 1, height = 1, width = 1;
  std::int64_t elements() const { return channels * height * width; }
  bool operator==(const ImageShape&) const = default;
};

/// A sliding window along height (0) and width (1). `padding_begin` is above / left of the input,
/// `padding_end` below / right of it.
struct Window {
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, padding_begin{0, 0}, padding_end{0, 0};
  bool operator==(const Window&) const = default;
};

enum class LayerKind { conv, fc };
inline constexpr Names<LayerKind, 2> layer_kind_names{{
    {LayerKind::conv, "conv"},
    {LayerKind::fc, "fc"},
}};
enum class PaddingMode { valid, same, explicit_size };

/// A layer as written, before shape inference. Order of its parts: conv or fc, then batch-norm or
/// bias, ReLU, pooling, dropout.
struct LayerSpec {
  std::string name;
  LayerKind kind = LayerKind::fc;
  std::int64_t outputs = 0;  ///< feature maps of a conv layer, neurons of an fc layer
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, padding{0, 0};
  PaddingMode padding_mode = PaddingMode::valid;
  std::int64_t groups = 1;
  bool bias = true;
  bool batch_norm = false;
  bool relu = true;  ///< (a network's reader makes it false in a last layer that is the readout)
  std::optional<PoolSpec> pool;
  double dropout = 0;  ///< probability that a neuron is dropped
};

struct Layer : LayerSpec {
  ImageShape input;  ///< what the layer reads; an fc layer reads it flattened
  Window window;     ///< conv only
  std::optional<Window> pool_window;
  ImageShape before_pool;  ///< Y_i
  ImageShape output;       ///< A_i, after pooling

  std::vector<std::int64_t> weight_shape() const;                 ///< OIHW, or [out, in] for fc
  Words weights() const;                                          ///< |P_i|, without biases
  Words activations() const { return Words(output.elements()); }  ///< |A_i|
  Words activations_before_pool() const { return Words(before_pool.elements()); }  ///< |Y_i|
  /// Its ReLU's mask has to be taken from Y_i on the way back, as A_i does not show it.
  bool needs_map_before_pool() const;
  std::int64_t fan_in() const;  ///< inputs of one neuron
  Macs macs_padded() const;     ///< of the forward pass, taps on padding counted
  Macs macs_exact() const;      ///< of the forward pass, taps on padding left out
};

/// What makes the scores, one for each class, that the loss is about.
enum class Readout {
  trained,  ///< rules whose error comes from the top add an fc layer; it is none of the network's
  none      ///< the last layer itself, under every rule: it is linear and has `classes` outputs
};
inline constexpr Names<Readout, 2> readout_names{{
    {Readout::trained, "trained"},
    {Readout::none, "none"},
}};

struct Network {
  std::string name;
  ImageShape input;
  std::int64_t classes = 0;
  std::vector<Layer> layers;
  double input_dropout = 0;  ///< probability that an input value is dropped in training
  Readout readout = Readout::trained;

  Words weights() const;      ///< sum of |P_i|
  Words activations() const;  ///< sum of |A_i| per example
  /// The layer's outputs are the scores; layers count from 1.
  bool gives_scores(int layer) const {
    return readout == Readout::none && layer == static_cast<int>(layers.size());
  }
  /// The sum without those of a layer that gives the scores: what the paper's |A| stands for, as it
  /// leaves out scores and their errors.
  Words hidden_activations() const;
  /// The sum of |Y_i| that backpropagation keeps beside them, per example.
  Words maps_before_pool_kept() const;
  /// R_i, the fan-out of a neuron of layer i (counted from 1; 0 is the input): padded MACs of layer
  /// i+1 over |A_i|, and 0 for the last layer.
  double fan_out(std::size_t i) const;
};

/// A layer whose shape is impossible; `field` is the YAML key at fault ("" when it is the whole).
class ShapeError : public InputError {
 public:
  ShapeError(const std::string& field, const std::string& message)
      : InputError(message), field_(field) {}
  const std::string& field() const { return field_; }

 private:
  std::string field_;
};

/// Shapes of one layer on a given input. Throws ShapeError.
Layer infer_layer(const LayerSpec& spec, const ImageShape& input);

/// Infer a layer on what the network's last one gives, and add it; an unnamed one is numbered by
/// its kind. Throws ShapeError.
void append_layer(Network& network, LayerSpec spec);

/// Shapes of the whole network; unnamed layers become conv1, conv2, fc1 … Throws ShapeError.
Network make_network(const std::string& name, const ImageShape& input, std::int64_t classes,
                     std::vector<LayerSpec> layers, Readout readout = Readout::trained);

/// Throws ShapeError (field "readout") when the last layer has to give the scores and cannot.
void require_scores(const Network& network);

/// Read a network from YAML. Throws InputError with file:line and key path.
Network read_network(const std::filesystem::path& path);
Network read_network(const Config& config, const std::string& default_name);

}  // namespace spillway::workloads
