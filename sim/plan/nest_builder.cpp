#include "sim/plan/nest_builder.hpp"

#include <algorithm>
#include <map>

#include "models/kernel_cost.hpp"
#include "sim/plan/residence.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace w = workloads;
using w::Kernel;
using w::Op;
using w::Step;
using w::Tensor;
using w::TensorId;

namespace {

Projection whole(std::int64_t extent) {
  Projection p;
  p.extent = extent;
  return p;
}
Projection along(Axis axis, std::int64_t extent) {
  Projection p;
  p.axis = axis;
  p.extent = extent;
  return p;
}
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

bool is_weight_gradient(const Kernel& kernel) {
  return std::holds_alternative<w::ConvWeightGradient>(kernel) ||
         std::holds_alternative<w::FcWeightGradient>(kernel);
}

/// The axis along which a product's weights may stay while its maps come in smaller tiles.
std::optional<Axis> split_of(const Kernel& kernel) {
  if (std::holds_alternative<w::ConvForward>(kernel) ||
      std::holds_alternative<w::FcForward>(kernel)) {
    return Axis::input;
  }
  if (std::holds_alternative<w::ConvInputGradient>(kernel) ||
      std::holds_alternative<w::FcInputGradient>(kernel) || is_weight_gradient(kernel)) {
    return Axis::output;
  }
  return std::nullopt;
}

void set_outer(Slot& slot, Axis axis) {
  for (Projection& p : slot.dims) p.outer |= p.axis == axis;
}

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

}  // namespace

const std::vector<TensorId>& inputs_of(const Step& step, const OpPart& part) {
  return part.kernel ? part.inputs : step.ops[part.op].inputs;
}
const std::vector<TensorId>& outputs_of(const Step& step, const OpPart& part) {
  return part.kernel ? part.outputs : step.ops[part.op].outputs;
}
const Kernel& kernel_of(const Step& step, const OpPart& part) {
  return part.kernel ? *part.kernel : step.ops[part.op].kernel;
}

/// How each tensor of a nest follows its axes; found for the main operands and handed on from
/// operand to operand.
class NestBuilder::Mapping {
 public:
  Mapping(const Step& step, NestSpec& spec) : step_(step), spec_(spec) {}

  void set(TensorId id, std::initializer_list<Projection> dims) {
    Projections all;
    for (std::size_t d = 0; d < all.size(); ++d) {
      all[d] = d < dims.size() ? *(dims.begin() + static_cast<std::ptrdiff_t>(d)) : Projection{};
    }
    set(id, all);
  }
  void set(TensorId id, const Projections& dims) { known_.emplace(id, dims); }
  const Projections* find(TensorId id) const {
    const auto found = known_.find(id);
    return found == known_.end() ? nullptr : &found->second;
  }

  void main(const OpPart& part, const NestRequest& request) {
    std::visit([&](const auto& k) { main_operands(k, part, request); }, kernel_of(step_, part));
  }

  /// Without a main operation: along the dimensions of a tensor as they are.
  void follow(TensorId id) {
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

  /// A loss by itself: a few examples at a time, or where it takes values one by one, and as they
  /// lie, any part of them.
  void loss(const OpPart& part) {
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

  /// Hand on what is known until nothing new is found.
  void complete(const std::vector<OpPart>& ops) {
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

 private:
  const Tensor& tensor(TensorId id) const { return step_.tensor(id); }
  std::int64_t size(TensorId id, std::size_t d) const { return tensor(id).shape.at(d); }

  struct Conv {
    Projection row_out, column_out, row_in, column_in;
  };
  /// Rows and columns of a convolution's two sides.
  Conv sides(const w::ConvGeometry& g, const w::PoolGeometry* pool, bool cut_input) {
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

  void conv_operands(const w::ConvGeometry& g, const NestRequest& request, bool cut_input,
                     TensorId x, TensorId y, TensorId weights) {
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
    set(weights, {outputs, along(Axis::input, g.input.channels / g.groups),
                  whole(g.window.kernel[0]), whole(g.window.kernel[1])});
  }

  /// Examples x features; features of a conv layer go by channels, and within those by rows and
  /// columns where maps are cut.
  void features(TensorId id, Axis axis, bool cut_maps = false) {
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

  /// Of a matrix whose dimension `at` (and the two after it, in four dimensions) are features.
  Projections matrix(TensorId id, const Projections& like, std::size_t at,
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

  void dense_operands(const w::DenseGeometry& g, TensorId x, TensorId y, TensorId weights,
                      bool cut_maps = false) {
    spec_.extent[index(Axis::example)] = g.batch;
    features(x, Axis::input, cut_maps);
    features(y, Axis::output);
    set(weights, matrix(weights, *find(x), 1, along(Axis::output, g.outputs)));
  }
  /// A classifier alone: scores along `scores`, features along the other axis.
  void classifier_operands(const w::DenseGeometry& g, TensorId y, TensorId matrix_id,
                           TensorId scores, Axis features_axis, Axis scores_axis) {
    spec_.extent[index(Axis::example)] = g.batch;
    spec_.extent[index(scores_axis)] = g.outputs;
    features(y, features_axis);
    set(scores, {along(Axis::example, g.batch), along(scores_axis, g.outputs)});
    set(matrix_id, matrix(matrix_id, *find(y), 0, along(scores_axis, g.outputs)));
  }

  template <class K>
  void main_operands(const K& k, const OpPart& part, const NestRequest& request) {
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

  Projection find_outputs(const OpPart& part) const {
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

  void alike(const std::vector<TensorId>& ids) {
    for (const TensorId id : ids) {
      if (find(id) == nullptr) continue;
      const Projections dims = *find(id);
      for (const TensorId other : ids) set(other, dims);
      return;
    }
  }

  /// A vector [channels] or a pair of them [2, channels] beside a map.
  void beside(TensorId map, TensorId channels) {
    if (find(map) == nullptr) return;
    const Projection outputs = (*find(map))[1];
    if (tensor(channels).shape.size() == 2) {
      set(channels, {whole(2), outputs});
    } else {
      set(channels, {outputs});
    }
  }

  void pooled(const w::PoolGeometry& g, TensorId before, std::initializer_list<TensorId> after) {
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

  void classifier(TensorId map, TensorId matrix_id, TensorId scores, std::size_t features_at,
                  std::optional<TensorId> bias) {
    if (find(map) == nullptr) return;
    const std::int64_t classes = size(scores, 1);
    set(scores, {(*find(map))[0], whole(classes)});
    set(matrix_id, matrix(matrix_id, *find(map), features_at, whole(classes)));
    if (bias) set(*bias, {whole(classes)});
  }

  void hand_on(const OpPart& part) {
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

  /// Maps are the operands with examples; all others are channels.
  void norm(const std::vector<TensorId>& in, const std::vector<TensorId>& out) {
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

  const Step& step_;
  NestSpec& spec_;
  std::map<TensorId, Projections> known_;
};

NestBuilder::NestBuilder(const Step& step, const models::MemoryMap& map)
    : step_(step), map_(map), readers_(step.tensors.size()) {
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    for (const TensorId id : op_needs(step, step.ops[i]).reads) readers_[id].push_back(i);
  }
}

bool NestBuilder::wanted_later(TensorId id, const std::vector<OpPart>& ops) const {
  const Tensor& tensor = step_.tensor(id);
  if (tensor.lifetime == w::Lifetime::parameter || tensor.lifetime == w::Lifetime::output) {
    return true;
  }
  std::size_t last_writer = 0;
  for (const OpPart& part : ops) {
    const std::vector<TensorId>& out = outputs_of(step_, part);
    if (std::find(out.begin(), out.end(), id) != out.end()) last_writer = part.op;
  }
  return std::any_of(readers_[id].begin(), readers_[id].end(), [&](std::size_t reader) {
    return reader > last_writer && std::none_of(ops.begin(), ops.end(), [&](const OpPart& part) {
             return part.op == reader;
           });
  });
}

/// The tensor whose dimensions an operation on single elements runs along: a map, where it has one;
/// of max-pooling, forward and backward, the result, so that each of its elements is made once.
TensorId NestBuilder::largest_map(const OpPart& part) const {
  std::vector<TensorId> ids = outputs_of(step_, part);
  const Kernel& kernel = kernel_of(step_, part);
  if (!std::holds_alternative<w::MaxPool>(kernel) &&
      !std::holds_alternative<w::MaxPoolError>(kernel)) {
    const std::vector<TensorId>& in = inputs_of(step_, part);
    ids.insert(ids.end(), in.begin(), in.end());
  }
  const auto rank = [&](TensorId id) {
    const Tensor& tensor = step_.tensor(id);
    const bool map = !tensor.generated && has_examples(tensor.kind);
    // Through scores no axis is found for what they are made of, or what is made of their errors.
    const bool scores = tensor.kind == w::TensorKind::scores ||
                        tensor.kind == w::TensorKind::score_errors ||
                        tensor.kind == w::TensorKind::labels;
    return std::tuple(map && !scores, map, tensor.elements());
  };
  return *std::max_element(ids.begin(), ids.end(),
                           [&](TensorId a, TensorId b) { return rank(a) < rank(b); });
}

NestSpec NestBuilder::tiled(const NestRequest& request) const {
  NestSpec spec;
  spec.name = request.name;
  Mapping mapping(step_, spec);
  for (const OpPart& part : request.main) mapping.main(part, request);
  if (!request.main.empty() && !request.in_pieces) {
    spec.split = split_of(kernel_of(step_, request.main.back()));
  }
  spec.whole_maps = request.main.size() > 1;
  std::vector<OpPart> ops = request.before;
  ops.insert(ops.end(), request.main.begin(), request.main.end());
  ops.insert(ops.end(), request.after.begin(), request.after.end());
  if (request.main.empty() && w::is_loss(kernel_of(step_, ops.back()))) {
    mapping.loss(ops.back());
  } else if (request.main.empty()) {
    mapping.follow(largest_map(ops.back()));
  }
  mapping.complete(ops);
  std::vector<Projections> dims(step_.tensors.size());
  for (const OpPart& part : ops) {
    for (const auto* ids : {&inputs_of(step_, part), &outputs_of(step_, part)}) {
      for (const TensorId id : *ids) dims[id] = *mapping.find(id);
    }
  }
  return finish(std::move(spec), ops, request.before.size(), dims, request);
}

NestSpec NestBuilder::streamed(const std::string& name, const std::vector<OpPart>& ops) const {
  NestSpec spec;
  spec.name = name;
  spec.extent[index(Axis::example)] = step_.batch;
  std::vector<Projections> dims(step_.tensors.size());
  for (const Tensor& tensor : step_.tensors) {
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) {
      dims[tensor.id][d] = d == 0 && has_examples(tensor.kind)
                               ? along(Axis::example, tensor.shape[d])
                               : whole(tensor.shape[d]);
    }
  }
  return finish(std::move(spec), ops, 0, dims, {});
}

/// What follows a product on its result goes through it a few channels at a time, so that it needs
/// no second tile of that size.
void NestBuilder::set_finish(NestSpec& spec, const std::vector<OpPart>& ops, std::size_t before,
                             const NestRequest& request) const {
  if (request.main.empty() || spec.extent[index(Axis::group)] > 1) return;
  const std::size_t first = before + request.main.size();
  const Slot& result = spec.slots[spec.ops[before].outputs.front().slot];
  if (!result.dims[1].axis || !has_examples(step_.tensor(result.tensor).kind)) return;
  NestSpec::Finish finish{*result.dims[1].axis, first, first};
  const auto is_map = [&](const Slot& slot) {
    return has_examples(step_.tensor(slot.tensor).kind) && slot.dims[1].axis == finish.axis &&
           slot.source != Slot::Source::streamed;
  };
  const auto takes_maps = [&](const NestOp& op) {
    return std::any_of(op.inputs.begin(), op.inputs.end(), [&](const NestOp::Operand& operand) {
      return is_map(spec.slots[operand.slot]);
    });
  };
  while (finish.last < ops.size() && takes_maps(spec.ops[finish.last])) ++finish.last;
  if (finish.first == finish.last) return;
  spec.finish = finish;
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (!is_map(spec.slots[s])) continue;
    bool inside = true;
    for (std::size_t i = 0; i < spec.ops.size(); ++i) {
      if (spec.ops[i].uses(s) && (i < finish.first || i >= finish.last)) inside = false;
    }
    spec.slots[s].in_finish = inside;
  }
}

namespace {

/// Places next to each other have elements of the dimension in common.
bool overlaps(const Projection& p) {
  return std::any_of(p.stage.begin(), p.stage.begin() + p.stages, [](const Projection::Stage& s) {
    return s.kernel > (s.inverse ? 1 : s.stride);
  });
}
/// A place of an axis has none of the dimension.
bool leaves_out(const Projection& p, std::int64_t extent) {
  for (std::int64_t place = 0; place < extent; ++place) {
    if (p.apply({place, place + 1}).size() == 0) return true;
  }
  return false;
}

/// Inner loops along what one operand of a lone product follows; the others keep to the outer ones.
void set_pieces(NestSpec& spec, std::size_t slot) {
  const auto one_by_one = [&](Axis axis) {
    for (std::size_t s = 0; s < spec.slots.size(); ++s) {
      for (const Projection& p : spec.slots[s].dims) {
        if (p.axis != axis) continue;
        if ((s == slot && overlaps(p)) || leaves_out(p, spec.extent[index(axis)])) return false;
      }
    }
    return true;
  };
  // What takes part once for each output is not brought in anew by the loops inside of its own.
  for (const Axis axis : {Axis::output, Axis::input, Axis::example, Axis::row, Axis::column}) {
    const Projections& dims = spec.slots[slot].dims;
    const std::int64_t extent = spec.extent[index(axis)];
    if (extent == 1 || std::none_of(dims.begin(), dims.end(),
                                    [&](const Projection& p) { return p.axis == axis; })) {
      continue;
    }
    // On large maps the words that pieces have in common cost more than their room is worth.
    if (one_by_one(axis)) {
      spec.pieces.push_back({axis, true});
    } else if (extent <= small_map) {
      spec.pieces.push_back({axis, false});
    }
  }
  const NestOp& product = spec.ops.front();
  for (const auto* operands : {&product.inputs, &product.outputs}) {
    for (const NestOp::Operand& operand : *operands) {
      if (operand.once || operand.slot == slot) continue;
      for (const NestSpec::Pieces& along : spec.pieces) {
        set_outer(spec.slots[operand.slot], along.axis);
      }
    }
  }
}

std::optional<ArrayProduct> product_of(const NestSpec& spec, const NestOp& op,
                                       const Kernel& kernel) {
  const std::optional<models::Gemm> whole = models::kernel_cost(kernel).gemm;
  if (!whole) return std::nullopt;
  ArrayProduct product{*whole, {}};
  const auto follows = [&](const NestOp::Operand& operand, Axis axis) {
    const Projections& dims = spec.slots[operand.slot].dims;
    return std::any_of(dims.begin(), dims.end(),
                       [&](const Projection& p) { return p.axis == axis; });
  };
  // The classifier's gradient is the product of its inputs and the errors of its scores.
  const bool swapped = std::holds_alternative<w::ClassifierWeightGradient>(kernel);
  for (std::size_t a = 0; a < axis_count; ++a) {
    if (!op.runs[a]) continue;
    const Axis axis = static_cast<Axis>(a);
    const bool first = follows(op.inputs[0], axis), second = follows(op.inputs[1], axis);
    if (axis == Axis::group) {
      product.side[a] = &models::Gemm::count;
    } else if (first && second) {
      product.side[a] = &models::Gemm::k;
    } else {
      product.side[a] = first != swapped ? &models::Gemm::m : &models::Gemm::n;
    }
  }
  return product;
}

/// All windows cover the whole dimension, or none covers any of it.
bool always_whole(const Projection& p, std::int64_t extent) {
  if (p.apply({0, extent}).size() == 0) return true;
  for (std::int64_t place = 0; place < extent; ++place) {
    if (p.apply({place, place + 1}).size() != p.extent) return false;
  }
  return true;
}

}  // namespace

NestSpec NestBuilder::finish(NestSpec spec, const std::vector<OpPart>& ops, std::size_t before,
                             const std::vector<Projections>& dims,
                             const NestRequest& request) const {
  const auto slot_for = [&](TensorId id, bool output, bool on_demand) {
    const std::size_t found = spec.slot_of(id);
    if (found < spec.slots.size()) return found;
    const Tensor& tensor = step_.tensor(id);
    Slot slot;
    slot.tensor = id;
    slot.dims = dims[id];
    for (std::size_t d = 0; d < tensor.shape.size(); ++d) slot.dims[d].extent = tensor.shape[d];
    slot.element = tensor.element;
    slot.counted = map_.at(id).port == models::Port::dram;
    slot.source = tensor.generated ? Slot::Source::streamed
                  : !output        ? Slot::Source::outside
                  : on_demand      ? Slot::Source::remade
                                   : Slot::Source::made;
    spec.slots.push_back(slot);
    return found;
  };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    const OpPart& part = ops[i];
    NestOp op;
    op.op = part.op;
    op.kernel = part.kernel;
    for (const TensorId id : inputs_of(step_, part)) {
      op.inputs.push_back({slot_for(id, false, false)});
      if (!step_.tensor(id).generated) continue;
      const w::Generated& made = *step_.tensor(id).generated;
      op.seeds.push_back(slot_for(made.seed, false, false));
      if (made.sign_seed) op.seeds.push_back(slot_for(*made.sign_seed, false, false));
    }
    for (const TensorId id : outputs_of(step_, part)) {
      op.outputs.push_back({slot_for(id, true, i < before)});
      Slot& slot = spec.slots[op.outputs.back().slot];
      slot.changed = true;
      slot.on_demand |= i < before;
      slot.wanted = slot.source != Slot::Source::remade && wanted_later(id, ops);
    }
    const auto run_along = [&](const NestOp::Operand& operand) {
      for (const Projection& p : spec.slots[operand.slot].dims) {
        if (p.axis) op.runs[index(*p.axis)] = true;
        if (p.axis && p.per_group != 0) op.runs[index(Axis::group)] = true;
      }
    };
    for (const NestOp::Operand& operand : op.inputs) run_along(operand);
    for (const NestOp::Operand& operand : op.outputs) run_along(operand);
    // Biases and their gradients take part once for each output.
    const auto mark = [&](std::vector<NestOp::Operand>& operands, std::size_t from) {
      for (std::size_t o = from; o < operands.size(); ++o) operands[o].once = true;
    };
    const Kernel& kernel = kernel_of(step_, part);
    if (std::holds_alternative<w::ConvForward>(kernel) ||
        std::holds_alternative<w::FcForward>(kernel)) {
      mark(op.inputs, 2);
    }
    if (is_weight_gradient(kernel)) mark(op.outputs, 1);
    op.product = product_of(spec, op, kernel);
    spec.ops.push_back(std::move(op));
  }
  // What runs on demand does so for the slot that the main operations take from it.
  for (std::size_t i = before; i-- > 0;) {
    const std::size_t output = spec.ops[i].outputs[0].slot;
    spec.ops[i].on_demand = output;
    for (std::size_t later = i + 1; later < before; ++later) {
      const NestOp& user = spec.ops[later];
      if (user.takes(output)) spec.ops[i].on_demand = user.on_demand;
    }
  }
  // An update goes through what nobody else in the nest uses a few rows at a time.
  const auto users = [&](std::size_t slot) {
    return std::count_if(spec.ops.begin(), spec.ops.end(),
                         [&](const NestOp& op) { return op.uses(slot); });
  };
  for (std::size_t i = 0; i < ops.size(); ++i) {
    NestOp& op = spec.ops[i];
    const bool update = std::holds_alternative<w::Update>(kernel_of(step_, ops[i]));
    if (update && users(op.inputs[1].slot) > 1) {
      for (const NestOp::Operand& operand : op.inputs) {
        if (users(operand.slot) == 1) spec.slots[operand.slot].in_parts = op.in_parts = true;
      }
    }
    // Weights and their gradients stay while maps come in smaller tiles.
    const bool product = i >= before && i < before + request.main.size();
    if (!spec.split || !(update || product)) continue;
    op.outer = update;
    const bool gradient = product && is_weight_gradient(kernel_of(step_, ops[i]));
    if (update || gradient) {
      for (const NestOp::Operand& operand : op.outputs) {
        set_outer(spec.slots[operand.slot], *spec.split);
      }
    }
    if (update) {
      for (const NestOp::Operand& operand : op.inputs) {
        set_outer(spec.slots[operand.slot], *spec.split);
      }
    }
    if (product && !gradient) set_outer(spec.slots[op.inputs[1].slot], *spec.split);
  }
  if (request.in_pieces) set_pieces(spec, spec.slot_of(*request.in_pieces));
  set_finish(spec, ops, before, request);
  // Windows that all cover a whole dimension, wherever they are, do not move along it; those that
  // all lie on padding might as well.
  for (Slot& slot : spec.slots) {
    if (slot.changed) continue;
    for (Projection& p : slot.dims) {
      if (p.axis && p.stages > 0 && always_whole(p, spec.extent[index(*p.axis)])) p.axis.reset();
    }
  }
  return spec;
}

}  // namespace spillway::sim
