// A network: a list of layers, each reading ones before it, with inferred shapes and the counts
// that the closed forms and the learning rules need. Everything here is per example; the batch
// comes with the step.
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

enum class LayerKind {
  conv,
  fc,
  add,     ///< the sum of two or more tensors of one shape
  concat,  ///< their channels one after the other
  max_pool,
  avg_pool,
  global_avg_pool,
  batch_norm
};
inline constexpr Names<LayerKind, 8> layer_kind_names{{
    {LayerKind::conv, "conv"},
    {LayerKind::fc, "fc"},
    {LayerKind::add, "add"},
    {LayerKind::concat, "concat"},
    {LayerKind::max_pool, "max_pool"},
    {LayerKind::avg_pool, "avg_pool"},
    {LayerKind::global_avg_pool, "global_avg_pool"},
    {LayerKind::batch_norm, "batch_norm"},
}};
/// It has weights; what the paper calls a layer.
inline bool is_weighted(LayerKind kind) { return kind == LayerKind::conv || kind == LayerKind::fc; }
/// Tensors that meet in one.
inline bool is_join(LayerKind kind) { return kind == LayerKind::add || kind == LayerKind::concat; }
/// A pooling by itself, as against one at the end of a conv layer.
inline bool is_pooling(LayerKind kind) {
  return kind == LayerKind::max_pool || kind == LayerKind::avg_pool ||
         kind == LayerKind::global_avg_pool;
}
enum class PaddingMode { valid, same, explicit_size };

/// A layer as written, before shape inference. Order of its parts: conv or fc (or a join), then
/// batch-norm or bias, ReLU, pooling, dropout. One without weights has no bias and no dropout.
struct LayerSpec {
  std::string name;
  std::vector<std::string> from;  ///< what it reads, "input" the image; empty: the layer before
  LayerKind kind = LayerKind::fc;
  std::int64_t outputs = 0;  ///< feature maps of a conv layer, neurons of an fc layer
  std::array<std::int64_t, 2> kernel{1, 1}, stride{1, 1}, padding{0, 0};
  /// Below and to the right, where that is not as above and to the left.
  std::optional<std::array<std::int64_t, 2>> padding_end{};
  PaddingMode padding_mode = PaddingMode::valid;
  std::int64_t groups = 1;
  bool bias = true;
  bool batch_norm = false;
  bool relu = true;    ///< (a network's reader makes it false in a last layer that is the readout)
  bool relu6 = false;  ///< its ReLU ends at 6
  std::optional<PoolSpec> pool;
  double dropout = 0;  ///< probability that a neuron is dropped
};

struct Layer : LayerSpec {
  std::vector<int> inputs;  ///< layers that it reads, counted from 1; 0 is the image
  bool flat = false;        ///< its output is a vector of an example, not maps
  ImageShape input;  ///< what the layer reads (of a join the first); an fc layer reads it flattened
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
  std::string note{};  ///< what differs from a published network, say

  const Layer& layer(int i) const { return layers.at(static_cast<std::size_t>(i) - 1); }
  /// What layer i gives; 0 is the image.
  const ImageShape& shape_of(int i) const { return i == 0 ? input : layer(i).output; }
  const std::string& name_of(int i) const;  ///< "input" of 0
  /// The layers that read layer i, in order.
  std::vector<int> readers(int i) const;
  /// Nothing but conv and fc layers, each reading the one before.
  bool is_chain() const;
  /// Images are given as vectors: as fc layers read them.
  bool has_flat_images() const;

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
  /// R_i, the fan-out of a neuron of layer i (counted from 1; 0 is the input): padded MACs of the
  /// layers that read it over |A_i|, and 0 for the last layer.
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

/// Infer a layer on what it reads of the network, by default its last layer, and add it; an unnamed
/// one is numbered by its kind. Throws ShapeError.
void append_layer(Network& network, LayerSpec spec);

/// Shapes of the whole network; unnamed layers become conv1, conv2, fc1 … Throws ShapeError.
Network make_network(const std::string& name, const ImageShape& input, std::int64_t classes,
                     std::vector<LayerSpec> layers, Readout readout = Readout::trained);

/// Throws ShapeError (field "from") when a layer but the last is read by nobody.
void require_one_output(const Network& network);
/// The first layer but the last whose output nobody uses.
std::optional<int> unread_layer(const Network& network);

/// Throws ShapeError (field "readout") when the last layer has to give the scores and cannot.
void require_scores(const Network& network);

/// Read a network from YAML. Throws InputError with file:line and key path.
Network read_network(const std::filesystem::path& path);
Network read_network(const Config& config, const std::string& default_name);

}  // namespace spillway::workloads
