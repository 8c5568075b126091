#include "workloads/network_graph.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "workloads/kernels/joins.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::workloads {

void refuse(const LayerSpec& spec, const std::string& field, const std::string& why) {
  throw ShapeError(field, fmt::format("layer {}: {}", spec.name, why));
}

const std::string& Network::name_of(int i) const {
  static const std::string image = "input";
  return i == 0 ? image : layer(i).name;
}

std::vector<int> Network::readers(int i) const {
  std::vector<int> result;
  for (std::size_t l = 0; l < layers.size(); ++l) {
    if (std::ranges::count(layers[l].inputs, i) > 0) result.push_back(static_cast<int>(l) + 1);
  }
  return result;
}

bool Network::is_chain() const {
  for (std::size_t i = 0; i < layers.size(); ++i) {
    const Layer& one = layers[i];
    if (!is_weighted(one.kind) || one.inputs != std::vector{static_cast<int>(i)}) return false;
  }
  return true;
}

bool Network::has_flat_images() const {
  const bool one_place = input.height == 1 && input.width == 1;
  bool dense = false;
  for (const int reader : readers(0)) {
    const LayerKind kind = layer(reader).kind;
    dense = dense || kind == LayerKind::fc;
    if (kind != LayerKind::fc && !(one_place && layer(reader).flat)) return false;
  }
  return dense;
}

namespace {

std::string shape_text(const ImageShape& shape) {
  return fmt::format("{}x{}x{}", shape.channels, shape.height, shape.width);
}

}  // namespace

ImageShape joined_shape(const Network& network, const LayerSpec& spec,
                        const std::vector<int>& inputs) {
  if (!is_join(spec.kind)) return network.shape_of(inputs.front());
  const bool concat = spec.kind == LayerKind::concat;
  if (inputs.size() < 2 || inputs.size() > static_cast<std::size_t>(most_joined)) {
    refuse(spec, "from",
           fmt::format("{} inputs; allowed: from 2 to {}", inputs.size(), most_joined));
  }
  ImageShape sum = network.shape_of(inputs.front());
  for (std::size_t k = 1; k < inputs.size(); ++k) {
    const ImageShape &first = network.shape_of(inputs.front()),
                     &other = network.shape_of(inputs[k]);
    const bool fits =
        concat ? first.height == other.height && first.width == other.width : first == other;
    if (!fits) {
      refuse(spec, "from",
             fmt::format("{} is {} and {} is {}; allowed: {}", network.name_of(inputs.front()),
                         shape_text(first), network.name_of(inputs[k]), shape_text(other),
                         concat ? "maps of one height and width" : "one shape"));
    }
    if (concat) sum.channels += other.channels;
  }
  return sum;
}

bool is_flat(const Network& network, const LayerSpec& spec, const std::vector<int>& inputs) {
  if (spec.kind == LayerKind::fc) return true;
  if (spec.kind == LayerKind::conv || is_pooling(spec.kind)) return false;
  // An image of one place is what the others are.
  std::size_t flat = 0, images = 0;
  for (const int i : inputs) {
    if (i == 0) {
      images += network.input.height == 1 && network.input.width == 1;
    } else {
      flat += network.layer(i).flat;
    }
  }
  if (flat > 0 && flat + images < inputs.size()) {
    refuse(spec, "from", "vectors and maps meet; allowed: outputs of fc layers, or maps alone");
  }
  return flat > 0;
}

std::vector<int> inputs_of(const Network& network, const LayerSpec& spec) {
  const int last = static_cast<int>(network.layers.size());
  if (spec.from.empty()) return {last};
  std::vector<int> result;
  std::vector<std::string> known{"input"};
  for (const Layer& layer : network.layers) known.push_back(layer.name);
  for (const std::string& name : spec.from) {
    const auto at = std::ranges::find(known, name);
    if (at == known.end()) {
      refuse(spec, "from",
             fmt::format("found \"{}\"; allowed: input or a layer before it{}", printable(name),
                         did_you_mean(name, known)));
    }
    const int number = static_cast<int>(at - known.begin());
    if (std::ranges::count(result, number) > 0) {
      refuse(spec, "from", fmt::format("{} twice; allowed: each name once", name));
    }
    result.push_back(number);
  }
  if (!is_join(spec.kind) && result.size() != 1) {
    refuse(spec, "from",
           fmt::format("{} inputs; allowed: one, or type: add or concat", result.size()));
  }
  return result;
}

std::optional<int> unread_layer(const Network& network) {
  for (int i = 1; i < static_cast<int>(network.layers.size()); ++i) {
    if (network.readers(i).empty()) return i;
  }
  return std::nullopt;
}

void require_one_output(const Network& network) {
  const std::optional<int> unread = unread_layer(network);
  if (!unread) return;
  refuse(network.layer(*unread), "from",
         fmt::format("nobody uses its output; allowed: one output, that of the last layer, {}",
                     network.layers.back().name));
}

}  // namespace spillway::workloads
