#include "analysis/lower_bound.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace spillway::analysis {

using workloads::ceil_div;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

namespace {

/// Places along one axis of a layer's input that some window covers.
std::uint64_t covered(const workloads::Window& window, std::size_t axis, std::int64_t in,
                      std::int64_t out) {
  std::vector<bool> read(static_cast<std::size_t>(in));
  for (std::int64_t o = 0; o < out; ++o) {
    const std::int64_t first = o * window.stride[axis] - window.padding_begin[axis];
    for (std::int64_t k = 0; k < window.kernel[axis]; ++k) {
      if (first + k >= 0 && first + k < in) read[static_cast<std::size_t>(first + k)] = true;
    }
  }
  return static_cast<std::uint64_t>(std::ranges::count(read, true));
}

/// Outputs that one input value is part of, per feature map.
double reuse(const Layer& layer) {
  if (layer.kind == LayerKind::fc) return 1;
  std::uint64_t reuse = 1;
  for (const std::size_t axis : {0u, 1u}) {
    reuse *= ceil_div(static_cast<std::uint64_t>(layer.window.kernel[axis]),
                      static_cast<std::uint64_t>(layer.window.stride[axis]));
  }
  return static_cast<double>(reuse);
}

}  // namespace

Words values_read(const Layer& layer) {
  if (layer.kind == LayerKind::fc) return Words(static_cast<std::uint64_t>(layer.input.elements()));
  return Words(static_cast<std::uint64_t>(layer.input.channels)) *
         covered(layer.window, 0, layer.input.height, layer.before_pool.height) *
         covered(layer.window, 1, layer.input.width, layer.before_pool.width);
}

Words compulsory_words(const Network& network, std::uint64_t batch) {
  return values_read(network.layers.front()) * batch + 2 * network.weights();
}

Words product_alone_words(const Layer& layer, std::uint64_t batch, Words buffer) {
  const auto room = static_cast<double>(buffer.count());
  const Words once = layer.weights() + (values_read(layer) + layer.activations()) * batch;
  const auto of_batch = [&](auto per_example) {
    return static_cast<double>((per_example * batch).count());
  };
  // Windows that overlap can also make more values than they pool.
  const double pooled_away =
      of_batch(layer.activations_before_pool()) - of_batch(layer.activations());
  const double bound =
      2 * of_batch(layer.macs_exact()) / std::sqrt(reuse(layer) * room) - 2 * room - pooled_away;
  return std::max(once, Words(static_cast<std::uint64_t>(std::max(bound, 0.0))));
}

Words forward_alone_words(const Network& network, std::uint64_t batch, Words buffer) {
  Words sum;
  for (const Layer& layer : network.layers) sum += product_alone_words(layer, batch, buffer);
  return sum;
}

}  // namespace spillway::analysis
