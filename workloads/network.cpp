#include "workloads/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "workloads/network_graph.hpp"
#include "workloads/random_values.hpp"

namespace spillway::workloads {

namespace {

constexpr std::uint64_t largest_tensor = std::uint64_t{1} << 31;  // elements

/// Output size of a window along one axis; at most 0 when the kernel does not fit.
std::int64_t window_output(std::int64_t input, std::int64_t kernel, std::int64_t stride,
                           std::int64_t padding) {
  const std::int64_t room = input + padding - kernel;
  return room < 0 ? 0 : room / stride + 1;
}

/// Pairs (output position, tap) of one axis that touch the input and not the padding.
std::int64_t touching_taps(std::int64_t input, std::int64_t output, std::int64_t kernel,
                           std::int64_t stride, std::int64_t padding_begin) {
  std::int64_t count = 0;
  for (std::int64_t o = 0; o < output; ++o) {
    const std::int64_t first = o * stride - padding_begin;
    const std::int64_t begin = std::max<std::int64_t>(first, 0);
    const std::int64_t end = std::min(first + kernel, input);
    count += std::max<std::int64_t>(end - begin, 0);
  }
  return count;
}

void require_positive(const LayerSpec& spec, const std::string& field, std::int64_t value) {
  if (value < 1) refuse(spec, field, fmt::format("{} is {}; allowed: at least 1", field, value));
}

Window conv_window(const LayerSpec& spec, const ImageShape& input) {
  Window window{spec.kernel, spec.stride, {0, 0}, {0, 0}};
  const std::array<std::int64_t, 2> size{input.height, input.width};
  for (int axis = 0; axis < 2; ++axis) {
    if (spec.padding_mode == PaddingMode::explicit_size) {
      window.padding_begin[axis] = spec.padding[axis];
      window.padding_end[axis] = spec.padding_end.value_or(spec.padding)[axis];
    } else if (spec.padding_mode == PaddingMode::same) {
      // The output is ceil(in / stride); an odd word of padding goes to the end.
      const std::int64_t output = (size[axis] + spec.stride[axis] - 1) / spec.stride[axis];
      const std::int64_t padding = std::max<std::int64_t>(
          (output - 1) * spec.stride[axis] + spec.kernel[axis] - size[axis], 0);
      window.padding_begin[axis] = padding / 2;
      window.padding_end[axis] = padding - padding / 2;
    }
  }
  return window;
}

ImageShape conv_output(const LayerSpec& spec, const ImageShape& input, const Window& window) {
  const std::array<std::int64_t, 2> size{input.height, input.width};
  std::array<std::int64_t, 2> output{};
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t padding = window.padding_begin[axis] + window.padding_end[axis];
    output[axis] = window_output(size[axis], window.kernel[axis], window.stride[axis], padding);
    if (output[axis] < 1) {
      refuse(spec, "kernel",
             fmt::format("kernel {} on an input of {} with padding {} leaves an output of 0; "
                         "allowed: a kernel of at most {}",
                         window.kernel[axis], size[axis], padding, size[axis] + padding));
    }
  }
  return {spec.outputs, output[0], output[1]};
}

/// The pooling window fitted to its input; padding_end is made as large as the last window needs.
Window pool_window(const LayerSpec& spec, const ImageShape& input) {
  const PoolSpec& pool = *spec.pool;
  if (pool.global) {
    const std::array<std::int64_t, 2> map{input.height, input.width};
    return {map, map, {0, 0}, {0, 0}};
  }
  const std::string& key = pool_row(pool.kind).key;
  Window window{pool.kernel, pool.stride, pool.padding, pool.padding};
  const std::array<std::int64_t, 2> size{input.height, input.width};
  for (int axis = 0; axis < 2; ++axis) {
    const std::int64_t kernel = pool.kernel[axis], stride = pool.stride[axis];
    const std::int64_t padding = pool.padding[axis];
    if (kernel < 1 || stride < 1 || padding < 0) {
      refuse(spec, key, "pool kernel and stride must be at least 1, padding at least 0");
    }
    if (padding * 2 > kernel) {
      refuse(spec, key,
             fmt::format("pool padding {}; allowed: at most half the pool kernel {}", padding,
                         kernel));
    }
    std::int64_t output = window_output(size[axis], kernel, stride, 2 * padding);
    if (output < 1) {
      refuse(spec, key,
             fmt::format("pool kernel {} on a map of {} with padding {} leaves an output of 0; "
                         "allowed: a kernel of at most {}",
                         kernel, size[axis], 2 * padding, size[axis] + 2 * padding));
    }
    if (pool.ceil_mode && (size[axis] + 2 * padding - kernel) % stride != 0 &&
        output * stride < size[axis] + padding) {
      ++output;
    }
    const std::int64_t reach = (output - 1) * stride + kernel - size[axis] - padding;
    window.padding_end[axis] = std::max<std::int64_t>(reach, 0);
  }
  return window;
}

ImageShape pool_output(const ImageShape& input, const Window& window) {
  return {input.channels,
          window_output(input.height, window.kernel[0], window.stride[0],
                        window.padding_begin[0] + window.padding_end[0]),
          window_output(input.width, window.kernel[1], window.stride[1],
                        window.padding_begin[1] + window.padding_end[1])};
}

void require_holdable(const LayerSpec& spec, const std::string& what, const std::string& field,
                      std::initializer_list<std::int64_t> factors) {
  std::uint64_t elements = 1;
  for (const std::int64_t factor : factors) {
    if (__builtin_mul_overflow(elements, static_cast<std::uint64_t>(factor), &elements) ||
        elements > largest_tensor) {
      refuse(spec, field, fmt::format("too many {}; allowed: up to 2^31 words a tensor", what));
    }
  }
}

}  // namespace

std::vector<std::int64_t> Layer::weight_shape() const {
  if (!is_weighted(kind)) return {0};
  if (kind == LayerKind::fc) return {outputs, input.elements()};
  return {outputs, input.channels / groups, window.kernel[0], window.kernel[1]};
}

Words Layer::weights() const {
  std::uint64_t product = 1;
  for (const std::int64_t dimension : weight_shape()) product *= dimension;
  return Words(product);
}

std::int64_t Layer::fan_in() const {
  if (!is_weighted(kind)) return 0;
  if (kind == LayerKind::fc) return input.elements();
  return input.channels / groups * window.kernel[0] * window.kernel[1];
}

Macs Layer::macs_padded() const {
  return Macs(before_pool.elements()) * static_cast<std::uint64_t>(fan_in());
}

Macs Layer::macs_exact() const {
  if (kind != LayerKind::conv) return macs_padded();
  const std::int64_t rows = touching_taps(input.height, before_pool.height, window.kernel[0],
                                          window.stride[0], window.padding_begin[0]);
  const std::int64_t columns = touching_taps(input.width, before_pool.width, window.kernel[1],
                                             window.stride[1], window.padding_begin[1]);
  return Macs(rows) * static_cast<std::uint64_t>(columns) *
         static_cast<std::uint64_t>(outputs * (input.channels / groups));
}

Words Network::weights() const {
  Words sum;
  for (const Layer& layer : layers) sum += layer.weights();
  return sum;
}

Words Network::activations() const {
  Words sum;
  for (const Layer& layer : layers) sum += layer.activations();
  return sum;
}

bool Layer::needs_map_before_pool() const {
  return pool && relu && !pool_row(pool->kind).carries_mask;
}

Words Network::maps_before_pool_kept() const {
  Words sum;
  for (const Layer& layer : layers) {
    if (layer.needs_map_before_pool()) sum += layer.activations_before_pool();
  }
  return sum;
}

Words Network::hidden_activations() const {
  return readout == Readout::none ? activations() - layers.back().activations() : activations();
}

double Network::fan_out(std::size_t i) const {
  if (i >= layers.size()) return 0;
  Macs macs;
  for (const int reader : readers(static_cast<int>(i))) macs += layer(reader).macs_padded();
  return static_cast<double>(macs.count()) /
         static_cast<double>(shape_of(static_cast<int>(i)).elements());
}

namespace {

/// What a layer without weights may not have, as `read_layer` and nobody else could say it.
void require_plain(const LayerSpec& spec) {
  if (spec.dropout > 0) refuse(spec, "dropout", "only conv and fc layers take dropout");
  if (spec.pool && !is_pooling(spec.kind)) refuse(spec, pool_row(spec.pool->kind).key, "no maps");
}

/// A layer without weights: its own kind says what it has.
Layer infer_weightless(LayerSpec spec, const ImageShape& input) {
  spec.bias = false;
  spec.batch_norm = spec.kind == LayerKind::batch_norm;
  spec.relu = spec.relu && (spec.kind == LayerKind::add || spec.kind == LayerKind::batch_norm);
  spec.outputs = input.channels;
  if (spec.kind == LayerKind::global_avg_pool) spec.pool = global_average;
  require_plain(spec);
  Layer layer;
  static_cast<LayerSpec&>(layer) = spec;
  layer.input = layer.before_pool = layer.output = input;
  if (is_pooling(spec.kind)) {
    if (!spec.pool) refuse(spec, "kernel", "a pooling without a window");
    layer.pool_window = pool_window(spec, input);
    layer.output = pool_output(input, *layer.pool_window);
  }
  return layer;
}

std::string kind_name(LayerKind kind) { return name_in(layer_kind_names, kind); }

}  // namespace

Layer infer_layer(const LayerSpec& spec, const ImageShape& input) {
  if (input.elements() < 1) refuse(spec, "", "its input is empty; allowed: at least one channel");
  if (spec.relu6 && spec.dropout > 0) {
    refuse(spec, "relu6", "relu6 beside dropout; allowed: one of them");
  }
  if (!is_weighted(spec.kind)) return infer_weightless(spec, input);
  Layer layer;
  static_cast<LayerSpec&>(layer) = spec;
  layer.input = input;
  require_positive(spec, "out", spec.outputs);
  if (!is_dropout(spec.dropout)) {
    refuse(spec, "dropout",
           fmt::format("dropout {}; allowed: 0, or from 0.004 to 0.95", spec.dropout));
  }
  if (spec.batch_norm && spec.bias) {
    refuse(spec, "bias", "bias: true beside batch_norm, whose shift is one; allowed: false");
  }
  if (spec.kind == LayerKind::fc) {
    require_holdable(spec, "weights", "out", {spec.outputs, input.elements()});
    layer.before_pool = {spec.outputs, 1, 1};
    if (spec.pool) {
      refuse(spec, pool_row(spec.pool->kind).key, "an fc layer has no maps to pool");
    }
  } else {
    for (int axis = 0; axis < 2; ++axis) {
      require_positive(spec, "kernel", spec.kernel[axis]);
      require_positive(spec, "stride", spec.stride[axis]);
      if (spec.padding[axis] < 0 || spec.padding_end.value_or(spec.padding)[axis] < 0) {
        refuse(spec, "padding", "negative padding; allowed: at least 0");
      }
    }
    require_positive(spec, "groups", spec.groups);
    if (input.channels % spec.groups != 0 || spec.outputs % spec.groups != 0) {
      refuse(spec, "groups",
             fmt::format("groups {}; allowed: a divisor of its {} input channels and {} maps",
                         spec.groups, input.channels, spec.outputs));
    }
    layer.window = conv_window(spec, input);
    layer.before_pool = conv_output(spec, input, layer.window);
    require_holdable(spec, "weights", "kernel",
                     {spec.outputs, input.channels / spec.groups, spec.kernel[0], spec.kernel[1]});
    require_holdable(spec, "activations", "out",
                     {spec.outputs, layer.before_pool.height, layer.before_pool.width});
  }
  layer.output = layer.before_pool;
  if (spec.pool) {
    layer.pool_window = pool_window(spec, layer.before_pool);
    layer.output = pool_output(layer.before_pool, *layer.pool_window);
  }
  return layer;
}

void append_layer(Network& network, LayerSpec spec) {
  if (spec.name.empty()) {
    const auto number = 1 + std::count_if(network.layers.begin(), network.layers.end(),
                                          [&](const Layer& l) { return l.kind == spec.kind; });
    spec.name = fmt::format("{}{}", kind_name(spec.kind), number);
  }
  if (printable(spec.name, 200) != spec.name) {
    throw ShapeError("name", "layer " + printable(spec.name, 200) +
                                 ": allowed: a name of plain printable characters, up to 200");
  }
  for (const Layer& earlier : network.layers) {
    if (earlier.name == spec.name) {
      refuse(spec, "name", "two layers of this name; allowed: each name once");
    }
  }
  if (spec.name == "input" || spec.name == "readout") {
    refuse(spec, "name", "this name is taken; allowed: any but input and readout");
  }
  const std::vector<int> inputs = inputs_of(network, spec);
  const bool flat = is_flat(network, spec, inputs);
  Layer layer = infer_layer(spec, joined_shape(network, spec, inputs));
  layer.inputs = inputs;
  layer.flat = flat;
  layer.input = network.shape_of(inputs.front());
  require_holdable(spec, "activations", "from",
                   {layer.output.channels, layer.output.height, layer.output.width});
  network.layers.push_back(std::move(layer));
}

Network make_network(const std::string& name, const ImageShape& input, std::int64_t classes,
                     std::vector<LayerSpec> layers, Readout readout) {
  Network network{name, input, classes, {}, 0, readout, ""};
  if (input.channels < 1 || input.height < 1 || input.width < 1) {
    throw ShapeError("input", "the input is empty; allowed: at least 1 in each dimension");
  }
  LayerSpec whole;
  whole.name = "input";
  require_holdable(whole, "values", "input", {input.channels, input.height, input.width});
  if (classes < 1) throw ShapeError("classes", "allowed: at least 1 class");
  if (layers.empty()) throw ShapeError("layers", "no layers; allowed: at least one");
  for (LayerSpec& spec : layers) append_layer(network, std::move(spec));
  require_one_output(network);
  require_scores(network);
  return network;
}

void require_scores(const Network& network) {
  if (network.readout != Readout::none) return;
  const Layer& last = network.layers.back();
  const auto refuse_last = [&](const std::string& why) {
    throw ShapeError("readout", fmt::format("none, but the last layer, {}, {}", last.name, why));
  };
  if (!is_weighted(last.kind)) {
    refuse_last(fmt::format("is of type {}; allowed: conv or fc", kind_name(last.kind)));
  }
  if (last.relu || last.pool || last.batch_norm || last.dropout > 0) {
    refuse_last(
        "is not linear; allowed: relu: false and no pooling, batch_norm or dropout there, as its "
        "outputs are the scores");
  }
  if (last.output.elements() != network.classes) {
    refuse_last(fmt::format("has {} outputs; allowed: as many as classes, which are {}",
                            last.output.elements(), network.classes));
  }
}

}  // namespace spillway::workloads
