// How errors go back through a step: each layer that reads a tensor adds a part to its error, and a
// layer passes its own on when all parts are there.
#include <fmt/format.h>

#include <utility>

#include "workloads/rules/geometry.hpp"
#include "workloads/rules/step_builder.hpp"

namespace spillway::workloads {

bool StepBuilder::has_input_gradient(int i) const {
  const int input = layer(i).inputs.front();
  return block_of(i).contains(input) && has_error(input);
}

TensorId StepBuilder::error_part(int to, int from) {
  const LayerTensors& t = tensors(to);
  if (parts_made_[static_cast<std::size_t>(to)] == 0) return t.da;
  return add_tensor(fmt::format("{}.errors_of_{}", layer(to).name, layer(from).name),
                    TensorKind::errors, to, TensorShape(step_.tensor(t.da).shape));
}

void StepBuilder::add_part(int to, TensorId part) {
  const TensorId da = tensors(to).da;
  const auto elements = static_cast<std::int64_t>(step_.tensor(da).elements());
  const bool first = parts_made_[static_cast<std::size_t>(to)] == 0;
  if (!first) {
    add_op(Sum{elements, 2}, to, Phase::backward, {da, part}, {da});
  } else if (part != da) {
    add_op(Sum{elements, 1}, to, Phase::backward, {part}, {da});
  }
  count_part(to);
}

void StepBuilder::count_part(int to) {
  const auto at = static_cast<std::size_t>(to);
  if (++parts_made_[at] == parts_wanted_[at]) complete_.push_back(to);
}

void StepBuilder::give_error(int i) {
  if (has_error(i)) complete_.push_back(i);
}

void StepBuilder::input_gradient(int i, std::optional<TensorId> feedback) {
  const Layer& shape = layer(i);
  const int below = shape.inputs.front();
  const auto examples = static_cast<std::uint64_t>(batch());
  const Kernel kernel = shape.kind == LayerKind::conv
                            ? Kernel(ConvInputGradient{conv_geometry(batch(), shape)})
                            : Kernel(FcInputGradient{dense_geometry(batch(), shape)});
  const TensorId part = error_part(below, i);
  add_op(kernel, i, Phase::backward, {tensors(i).dz, feedback.value_or(tensors(i).weights.value)},
         {part}, shape.macs_exact() * examples, shape.macs_padded() * examples);
  add_part(below, part);
}

void StepBuilder::pass_errors() {
  while (!complete_.empty()) {
    const int next = complete_.back();
    complete_.pop_back();
    output_error(next);
    if (is_weighted(layer(next).kind)) continue;
    hand_on(next);
    passed_.push_back(next);
  }
}

void StepBuilder::output_error(int i) {
  const Layer& shape = layer(i);
  const LayerTensors& t = tensors(i);
  if (shape.dropout > 0) {
    add_op(Dropout{batch() * shape.output.elements(), dropout_scale(shape.dropout)}, i,
           Phase::backward, {t.da, t.mask}, {t.da});
  }
  const auto mask = [&](TensorId errors, TensorId map, const ImageShape& of) {
    const std::int64_t elements = batch() * of.elements();
    add_op(shape.relu6 ? Kernel(Relu6Error{elements}) : Kernel(ReluError{elements}), i,
           Phase::backward, {errors, map}, {errors});
  };
  // The mask is [A_i > 0] after max-pooling: a window whose winner is 0 passes no error either way.
  const bool mask_before_pool = shape.needs_map_before_pool();
  if (shape.relu && !mask_before_pool) mask(t.da, t.a, shape.output);
  if (shape.pool_window && !is_pooling(shape.kind)) {
    std::vector<TensorId> inputs{t.da};
    if (t.winners != 0) inputs.push_back(t.winners);
    add_op(pool_row(shape.pool->kind).error(pool_geometry(batch(), shape), *shape.pool), i,
           Phase::backward, inputs, {t.dz});
  }
  if (mask_before_pool) mask(t.dz, t.z, shape.before_pool);
  if (t.norm) {
    add_op(BatchNormError{norm_geometry(batch(), shape)}, i, Phase::backward,
           {t.dz, t.pre, t.statistics, t.norm->value}, {t.dz, *t.norm->gradient});
  }
}

void StepBuilder::hand_on(int i) {
  const Layer& shape = layer(i);
  std::int64_t channels = 0;
  for (const int input : shape.inputs) {
    const std::int64_t first =
        std::exchange(channels, channels + network_.shape_of(input).channels);
    if (!block_of(i).contains(input) || !has_error(input)) continue;
    if (shape.kind == LayerKind::add || shape.kind == LayerKind::batch_norm) {
      add_part(input, tensors(i).dz);
      continue;
    }
    const TensorId part = error_part(input, i);
    std::vector<TensorId> errors{tensors(i).da};
    if (tensors(i).winners != 0) errors.push_back(tensors(i).winners);
    const auto kernel = [&]() -> Kernel {
      if (is_pooling(shape.kind)) {
        return pool_row(shape.pool->kind).error(pool_geometry(batch(), shape), *shape.pool);
      }
      return ChannelSlice{joined_maps(batch(), shape), first, network_.shape_of(input).channels,
                          shape.output.channels};
    };
    add_op(kernel(), i, Phase::backward, errors, {part});
    add_part(input, part);
  }
}

}  // namespace spillway::workloads
