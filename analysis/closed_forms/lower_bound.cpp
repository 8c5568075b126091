#include "analysis/closed_forms/lower_bound.hpp"

#include <algorithm>
#include <cmath>
#include <vector>

namespace spillway::analysis {

using workloads::ceil_div;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

namespace {

/// Along an axis, which places of a map are meant.
using Places = std::vector<bool>;

std::uint64_t count(const Places& places) {
  return static_cast<std::uint64_t>(std::ranges::count(places, true));
}

/// Places along one axis of an input that windows at these outputs cover, and how many taps of them
/// lie on the map.
struct Covered {
  Places places;
  std::uint64_t taps = 0;
};
Covered covered(const workloads::Window& window, std::size_t axis, std::int64_t in,
                const Places& outputs) {
  Covered result{Places(static_cast<std::size_t>(in)), 0};
  for (std::size_t o = 0; o < outputs.size(); ++o) {
    if (!outputs[o]) continue;
    const std::int64_t first =
        static_cast<std::int64_t>(o) * window.stride[axis] - window.padding_begin[axis];
    for (std::int64_t k = 0; k < window.kernel[axis]; ++k) {
      if (first + k < 0 || first + k >= in) continue;
      result.places[static_cast<std::size_t>(first + k)] = true;
      ++result.taps;
    }
  }
  return result;
}

std::int64_t size_of(const workloads::ImageShape& map, std::size_t axis) {
  return axis == 0 ? map.height : map.width;
}
Places all_of(const workloads::ImageShape& map, std::size_t axis) {
  return Places(static_cast<std::size_t>(size_of(map, axis)), true);
}

/// Outputs of a conv layer's product that its pooling windows at these outputs cover.
Places before_pool(const Layer& layer, std::size_t axis, const Places& outputs) {
  if (!layer.pool_window) return outputs;
  return covered(*layer.pool_window, axis, size_of(layer.before_pool, axis), outputs).places;
}

/// What a conv layer's forward product has to do for its output: values that it makes and reads,
/// and border-exact MACs; of one example.
struct Product {
  std::uint64_t made = 1, read = 1, macs = 1;
};
Product product_of(const Layer& layer) {
  if (layer.kind == LayerKind::fc) {
    return {layer.activations_before_pool().count(),
            static_cast<std::uint64_t>(layer.input.elements()), layer.macs_exact().count()};
  }
  Product product;
  for (const std::size_t axis : {0u, 1u}) {
    const Places made = before_pool(layer, axis, all_of(layer.output, axis));
    const Covered read = covered(layer.window, axis, size_of(layer.input, axis), made);
    product.made *= count(made);
    product.read *= count(read.places);
    product.macs *= read.taps;
  }
  product.made *= static_cast<std::uint64_t>(layer.outputs);
  product.read *= static_cast<std::uint64_t>(layer.input.channels);
  product.macs *= static_cast<std::uint64_t>(layer.outputs * (layer.input.channels / layer.groups));
  return product;
}

/// Values of an image along one axis on which the network's scores depend, from the top down; all
/// that lie under a fully connected layer or under batch-norm's statistics.
std::uint64_t image_values(const Network& network, std::size_t axis) {
  Places needed = all_of(network.layers.back().output, axis);
  for (auto layer = network.layers.rbegin(); layer != network.layers.rend(); ++layer) {
    if (layer->kind == LayerKind::fc) {
      needed = all_of(layer->input, axis);
      continue;
    }
    needed =
        layer->batch_norm ? all_of(layer->before_pool, axis) : before_pool(*layer, axis, needed);
    needed = covered(layer->window, axis, size_of(layer->input, axis), needed).places;
  }
  return count(needed);
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

Words compulsory_words(const Network& network, std::uint64_t batch) {
  const Words image = Words(static_cast<std::uint64_t>(network.input.channels)) *
                      image_values(network, 0) * image_values(network, 1);
  return image * batch + 2 * network.weights();
}

Words product_alone_words(const Layer& layer, std::uint64_t batch, Words buffer) {
  const auto room = static_cast<double>(buffer.count());
  const Product product = product_of(layer);
  const Words stored = layer.activations();
  const Words once = layer.weights() + (Words(product.read) + stored) * batch;
  const auto of_batch = [&](std::uint64_t per_example) {
    return static_cast<double>(per_example) * static_cast<double>(batch);
  };
  // Windows that overlap can also make more values than they pool.
  const double pooled_away = of_batch(product.made) - of_batch(stored.count());
  const double bound =
      2 * of_batch(product.macs) / std::sqrt(reuse(layer) * room) - 2 * room - pooled_away;
  return std::max(once, Words(static_cast<std::uint64_t>(std::max(bound, 0.0))));
}

Words forward_alone_words(const Network& network, std::uint64_t batch, Words buffer) {
  Words sum;
  for (const Layer& layer : network.layers) sum += product_alone_words(layer, batch, buffer);
  return sum;
}

}  // namespace spillway::analysis
