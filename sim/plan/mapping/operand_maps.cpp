#include "sim/plan/mapping/operand_maps.hpp"

#include "sim/plan/mapping/nest_builder.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace w = workloads;
using w::Step;
using w::Tensor;
using w::TensorId;

namespace {

Projection along_in_groups(Axis axis, std::int64_t extent, std::int64_t groups) {
  Projection p = along(axis, extent);
  if (groups > 1) p.per_group = extent / groups;
  return p;
}
/// `scale` elements of the dimension for each place of the axis.
Projection scaled(const Projection& like, std::int64_t scale, std::int64_t extent) {
  Projection p = like;
  p.extent = extent;
  if (scale > 1) {
    p.add({scale, 0, scale, like.per_group != 0 ? like.per_group * scale : extent, false,
           like.extent});
    p.per_group *= scale;
  }
  return p;
}
Projection windows(Projection p, const w::Window& window, std::size_t side, std::int64_t extent,
                   bool inverse) {
  if (!p.axis) return whole(extent);
  p.add({window.stride[side], window.padding_begin[side], window.kernel[side], extent, inverse,
         p.extent});
  p.extent = extent;
  return p;
}

}  // namespace

bool has_examples(w::TensorKind kind) {
  using enum w::TensorKind;
  switch (kind) {
    case input_images:
    case labels:
    case activations:
    case winners:
    case scores:
    case score_errors:
    case errors:
    case norm_inputs:
    case masks: return true;
    default: return false;
  }
}

void OperandMaps::set(TensorId id, std::initializer_list<Projection> dims) {
  Projections all;
  for (std::size_t d = 0; d < all.size(); ++d) {
    all[d] = d < dims.size() ? *(dims.begin() + static_cast<std::ptrdiff_t>(d)) : Projection{};
  }
  set(id, all);
}

const Projections* OperandMaps::find(TensorId id) const {
  const auto found = known_.find(id);
  return found == known_.end() ? nullptr : &found->second;
}

void OperandMaps::main(const OpPart& part, const NestRequest& request) {
  std::visit([&](const auto& k) { main_operands(k, part, request); }, kernel_of(step_, part));
}

void OperandMaps::follow(TensorId id) {
  const Tensor& tensor = step_.tensor(id);
  Projections dims;
  const auto take = [&](std::size_t d, Axis axis) {
    dims[d] = along(axis, tensor.shape[d]);
    spec_.extent[index(axis)] = tensor.shape[d];
  };
  if (has_examples(tensor.kind)) {
    take(0, Axis::example);
    if (tensor.shape.size() > 1) take(1, Axis::output);
    if (tensor.shape.size() > 2) take(2, Axis::row);
    if (tensor.shape.size() > 3) take(3, Axis::column);
  } else if (tensor.shape.size() > 1 || tensor.shape[0] > 2) {
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) dims[d] = whole(tensor.shape[d]);
    const bool channels_second = tensor.kind == w::TensorKind::norm_parameters ||
                                 tensor.kind == w::TensorKind::norm_gradients ||
                                 tensor.kind == w::TensorKind::norm_statistics;
    if (channels_second) {
      take(1, Axis::output);
    } else {
      take(0, Axis::output);
      if (tensor.shape.size() > 1) take(1, Axis::input);
    }
  } else {
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) dims[d] = whole(tensor.shape[d]);
  }
  set(id, dims);
}

void OperandMaps::loss(const OpPart& part) {
  const std::vector<TensorId>& in = inputs_of(step_, part);
  const auto* squared = std::get_if<w::SquaredError>(&kernel_of(step_, part));
  if (squared != nullptr && squared->targets == w::TargetKind::values &&
      tensor(in[0]).shape == tensor(in[1]).shape) {
    follow(in[1]);
    return set(in[0], *find(in[1]));
  }
  spec_.extent[index(Axis::example)] = size(in[0], 0);
  for (const TensorId id : in) {
    Projections dims;
    const w::TensorShape& shape = tensor(id).shape;
    for (std::size_t d = 0; d < shape.size(); ++d) {
      dims[d] = d == 0 ? along(Axis::example, shape[d]) : whole(shape[d]);
    }
    set(id, dims);
  }
}

void OperandMaps::complete(const std::vector<OpPart>& ops) {
  std::size_t before = 0;
  do {
    before = known_.size();
    for (const OpPart& part : ops) hand_on(part);
    for (auto part = ops.rbegin(); part != ops.rend(); ++part) hand_on(*part);
  } while (known_.size() != before);
  for (const OpPart& part : ops) {
    for (const auto* ids : {&inputs_of(step_, part), &outputs_of(step_, part)}) {
      for (const TensorId id : *ids) {
        if (find(id) == nullptr) {
          throw w::ConsistencyError("nest " + spec_.name + " finds no axes for " +
                                    step_.tensor(id).name);
        }
      }
    }
  }
}

OperandMaps::Conv OperandMaps::sides(const w::ConvGeometry& g, const w::PoolGeometry* pool,
                                     bool cut_input) {
  Conv conv;
  const std::array<std::int64_t, 2> in{g.input.height, g.input.width},
      out{g.output.height, g.output.width};
  for (std::size_t side = 0; side < 2; ++side) {
    const Axis axis = side == 0 ? Axis::row : Axis::column;
    Projection outer, inner;
    if (cut_input) {
      spec_.extent[index(axis)] = in[side];
      inner = along(axis, in[side]);
      outer = windows(inner, g.window, side, out[side], true);
    } else {
      const std::int64_t pooled = pool == nullptr ? out[side]
                                  : side == 0     ? pool->output.height
                                                  : pool->output.width;
      spec_.extent[index(axis)] = pooled;
      outer = along(axis, pooled);
      if (pool != nullptr) outer = windows(outer, pool->window, side, out[side], false);
      inner = windows(outer, g.window, side, in[side], false);
    }
    (side == 0 ? conv.row_out : conv.column_out) = outer;
    (side == 0 ? conv.row_in : conv.column_in) = inner;
  }
  return conv;
}

void OperandMaps::conv_operands(const w::ConvGeometry& g, const NestRequest& request,
                                bool cut_input, TensorId x, TensorId y, TensorId weights) {
  const w::PoolGeometry* pool = nullptr;
  for (const OpPart& part : request.after) {
    if (const auto* found = std::get_if<w::MaxPool>(&kernel_of(step_, part))) {
      pool = &found->shape;
      for (const TensorId id : outputs_of(step_, part)) {
        set(id, {along(Axis::example, g.batch),
                 along_in_groups(Axis::output, g.output.channels, g.groups),
                 along(Axis::row, pool->output.height), along(Axis::column, pool->output.width)});
      }
    }
  }
  const Conv conv = sides(g, pool, cut_input);
  spec_.extent[index(Axis::group)] = g.groups;
  spec_.extent[index(Axis::example)] = g.batch;
  spec_.extent[index(Axis::output)] = g.output.channels / g.groups;
  spec_.extent[index(Axis::input)] = g.input.channels / g.groups;
  const Projection examples = along(Axis::example, g.batch),
                   outputs = along_in_groups(Axis::output, g.output.channels, g.groups),
                   inputs = along_in_groups(Axis::input, g.input.channels, g.groups);
  set(y, {examples, outputs, conv.row_out, conv.column_out});
  set(x, {examples, inputs, conv.row_in, conv.column_in});
  set(weights, {outputs, along(Axis::input, g.input.channels / g.groups), whole(g.window.kernel[0]),
                whole(g.window.kernel[1])});
}

void OperandMaps::features(TensorId id, Axis axis, bool cut_maps) {
  const w::TensorShape& shape = tensor(id).shape;
  const Projection examples = along(Axis::example, shape[0]), channels = along(axis, shape[1]);
  spec_.extent[index(axis)] = shape[1];
  if (shape.size() == 2) {
    set(id, {examples, channels});
  } else if (cut_maps) {
    spec_.extent[index(Axis::row)] = shape[2];
    spec_.extent[index(Axis::column)] = shape[3];
    set(id, {examples, channels, along(Axis::row, shape[2]), along(Axis::column, shape[3])});
  } else {
    set(id, {examples, channels, whole(shape[2]), whole(shape[3])});
  }
}

Projections OperandMaps::matrix(TensorId id, const Projections& like, std::size_t at,
                                const Projection& other) {
  const w::TensorShape& shape = tensor(id).shape;
  Projections dims;
  dims[at == 0 ? shape.size() - 1 : 0] = other;
  if (shape.size() == 4) {
    for (std::size_t d = 0; d < 3; ++d) dims[at + d] = like[1 + d];
  } else {
    const std::int64_t channels = like[1].extent;
    dims[at] = scaled(like[1], shape[at] / channels, shape[at]);
  }
  return dims;
}

void OperandMaps::dense_operands(const w::DenseGeometry& g, TensorId x, TensorId y,
                                 TensorId weights, bool cut_maps) {
  spec_.extent[index(Axis::example)] = g.batch;
  features(x, Axis::input, cut_maps);
  features(y, Axis::output);
  set(weights, matrix(weights, *find(x), 1, along(Axis::output, g.outputs)));
}

void OperandMaps::classifier_operands(const w::DenseGeometry& g, TensorId y, TensorId matrix_id,
                                      TensorId scores, Axis features_axis, Axis scores_axis) {
  spec_.extent[index(Axis::example)] = g.batch;
  spec_.extent[index(scores_axis)] = g.outputs;
  features(y, features_axis);
  set(scores, {along(Axis::example, g.batch), along(scores_axis, g.outputs)});
  set(matrix_id, matrix(matrix_id, *find(y), 0, along(scores_axis, g.outputs)));
}

template <class K>
void OperandMaps::main_operands(const K& k, const OpPart& part, const NestRequest& request) {
  const std::vector<TensorId>&in = inputs_of(step_, part), &out = outputs_of(step_, part);
  if constexpr (std::is_same_v<K, w::ConvForward>) {
    conv_operands(k.shape, request, false, in[0], out[0], in[1]);
  } else if constexpr (std::is_same_v<K, w::ConvInputGradient>) {
    conv_operands(k.shape, request, true, out[0], in[0], in[1]);
  } else if constexpr (std::is_same_v<K, w::ConvWeightGradient>) {
    // Beside an input gradient it is cut as that is.
    const bool cut_input = request.cut_input_rows || request.main.size() > 1;
    conv_operands(k.shape, request, cut_input, in[1], in[0], out[0]);
  } else if constexpr (std::is_same_v<K, w::FcForward>) {
    dense_operands(k.shape, in[0], out[0], in[1], true);
  } else if constexpr (std::is_same_v<K, w::FcInputGradient>) {
    dense_operands(k.shape, out[0], in[0], in[1]);
  } else if constexpr (std::is_same_v<K, w::FcWeightGradient>) {
    dense_operands(k.shape, in[1], in[0], out[0]);
  } else if constexpr (std::is_same_v<K, w::ClassifierForward>) {
    classifier_operands(k.shape, in[0], in[1], out[0], Axis::input, Axis::output);
  } else if constexpr (std::is_same_v<K, w::ClassifierError>) {
    classifier_operands(k.shape, out[0], in[1], in[0], Axis::output, Axis::input);
  } else if constexpr (std::is_same_v<K, w::ClassifierWeightGradient>) {
    classifier_operands(k.shape, in[1], out[0], in[0], Axis::output, Axis::input);
  } else {
    throw w::ConsistencyError("no matrix product: " + w::kernel_name(kernel_of(step_, part)));
  }
  // Biases and their gradients.
  const Projection outputs = find_outputs(part);
  for (std::size_t i = 2; i < in.size(); ++i) set(in[i], {outputs});
  for (std::size_t i = 1; i < out.size(); ++i) set(out[i], {outputs});
}

Projection OperandMaps::find_outputs(const OpPart& part) const {
  for (const auto* ids : {&inputs_of(step_, part), &outputs_of(step_, part)}) {
    for (const TensorId id : *ids) {
      const Projections* dims = find(id);
      if (dims == nullptr) continue;
      for (const Projection& p : *dims) {
        if (p.axis == Axis::output && p.stages == 0) return p;
      }
    }
  }
  return {};
}

void OperandMaps::alike(const std::vector<TensorId>& ids) {
  for (const TensorId id : ids) {
    if (find(id) == nullptr) continue;
    const Projections dims = *find(id);
    for (const TensorId other : ids) set(other, dims);
    return;
  }
}

void OperandMaps::beside(TensorId map, TensorId channels) {
  if (find(map) == nullptr) return;
  const Projection outputs = (*find(map))[1];
  if (tensor(channels).shape.size() == 2) {
    set(channels, {whole(2), outputs});
  } else {
    set(channels, {outputs});
  }
}

void OperandMaps::pooled(const w::PoolGeometry& g, TensorId before,
                         std::initializer_list<TensorId> after) {
  const std::array<std::int64_t, 2> in{g.input.height, g.input.width},
      out{g.output.height, g.output.width};
  if (find(before) != nullptr) {
    Projections dims = *find(before);
    for (std::size_t side = 0; side < 2; ++side) {
      dims[2 + side] = windows(dims[2 + side], g.window, side, out[side], true);
    }
    for (const TensorId id : after) set(id, dims);
  }
  alike(after);
  const TensorId one = *after.begin();
  if (find(one) != nullptr && find(before) == nullptr) {
    Projections dims = *find(one);
    for (std::size_t side = 0; side < 2; ++side) {
      dims[2 + side] = windows(dims[2 + side], g.window, side, in[side], false);
    }
    set(before, dims);
  }
}

void OperandMaps::classifier(TensorId map, TensorId matrix_id, TensorId scores,
                             std::size_t features_at, std::optional<TensorId> bias) {
  if (find(map) == nullptr) return;
  const std::int64_t classes = size(scores, 1);
  set(scores, {(*find(map))[0], whole(classes)});
  set(matrix_id, matrix(matrix_id, *find(map), features_at, whole(classes)));
  if (bias) set(*bias, {whole(classes)});
}

void OperandMaps::hand_on(const OpPart& part) {
  const std::vector<TensorId>&in = inputs_of(step_, part), &out = outputs_of(step_, part);
  const auto optional = [](const std::vector<TensorId>& ids, std::size_t i) {
    return i < ids.size() ? std::optional<TensorId>(ids[i]) : std::nullopt;
  };
  std::visit(
      [&](const auto& k) {
        using K = std::decay_t<decltype(k)>;
        if constexpr (std::is_same_v<K, w::Relu>) {
          alike({in[0], out[0]});
        } else if constexpr (std::is_same_v<K, w::Dropout> || std::is_same_v<K, w::ReluError>) {
          alike({in[0], in[1], out[0]});
        } else if constexpr (std::is_same_v<K, w::MaxPool>) {
          pooled(k.shape, in[0], {out[0], out[1]});
        } else if constexpr (std::is_same_v<K, w::MaxPoolError>) {
          pooled(k.shape, out[0], {in[0], in[1]});
        } else if constexpr (std::is_same_v<K, w::ClassifierForward>) {
          classifier(in[0], in[1], out[0], 0, std::nullopt);
        } else if constexpr (std::is_same_v<K, w::ClassifierError>) {
          classifier(out[0], in[1], in[0], 0, std::nullopt);
        } else if constexpr (std::is_same_v<K, w::ClassifierWeightGradient>) {
          classifier(in[1], out[0], in[0], 0, std::nullopt);
        } else if constexpr (std::is_same_v<K, w::FcForward>) {
          classifier(in[0], in[1], out[0], 1, optional(in, 2));
        } else if constexpr (std::is_same_v<K, w::FcInputGradient>) {
          classifier(out[0], in[1], in[0], 1, std::nullopt);
        } else if constexpr (std::is_same_v<K, w::FcWeightGradient>) {
          classifier(in[1], out[0], in[0], 1, optional(out, 1));
        } else if constexpr (std::is_same_v<K, w::Update>) {
          alike({in[0], in[1], in.size() > 2 ? in[2] : in[0], out[0]});
        } else if constexpr (w::LossKernel<K>) {
          set(out.back(), {whole(2)});  // metrics
          if (out.size() > 1) alike({in[0], out[0]});
        } else {
          norm(in, out);
        }
      },
      kernel_of(step_, part));
}

void OperandMaps::norm(const std::vector<TensorId>& in, const std::vector<TensorId>& out) {
  std::vector<TensorId> maps, channels;
  for (const auto* ids : {&in, &out}) {
    for (const TensorId id : *ids) {
      (has_examples(tensor(id).kind) ? maps : channels).push_back(id);
    }
  }
  alike(maps);
  if (maps.empty()) {
    alike(channels);
  } else {
    for (const TensorId id : channels) beside(maps.front(), id);
  }
}

}  // namespace spillway::sim
