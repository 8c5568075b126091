#include "workloads/step_needs.hpp"

#include <algorithm>
#include <vector>

namespace spillway::workloads {

namespace {

/// By row and column whether a place of a map is meant; flat examples have one place.
using Places = std::vector<bool>;

std::size_t places_of(const Tensor& tensor) {
  if (tensor.shape.size() < 4) return 1;
  return static_cast<std::size_t>(tensor.shape[2] * tensor.shape[3]);
}

/// The inputs that windows at these outputs touch.
template <class Geometry>
Places touched(const Geometry& g, const Places& outputs) {
  Places inputs(static_cast<std::size_t>(g.input.height * g.input.width));
  const auto clipped = [&](std::int64_t output, std::size_t axis, std::int64_t size) {
    const std::int64_t first = output * g.window.stride[axis] - g.window.padding_begin[axis];
    return std::pair(std::max<std::int64_t>(first, 0),
                     std::min(first + g.window.kernel[axis], size));
  };
  for (std::int64_t row = 0; row < g.output.height; ++row) {
    for (std::int64_t column = 0; column < g.output.width; ++column) {
      if (!outputs[static_cast<std::size_t>(row * g.output.width + column)]) continue;
      const auto [top, bottom] = clipped(row, 0, g.input.height);
      const auto [left, right] = clipped(column, 1, g.input.width);
      for (std::int64_t y = top; y < bottom; ++y) {
        for (std::int64_t x = left; x < right; ++x) {
          inputs[static_cast<std::size_t>(y * g.input.width + x)] = true;
        }
      }
    }
  }
  return inputs;
}

class Needs {
 public:
  explicit Needs(const Step& step) {
    for (const Tensor& tensor : step.tensors) {
      errors_.emplace_back(places_of(tensor), true);
      needed_.emplace_back(places_of(tensor), false);
    }
    std::vector<Places> read;  // where errors may differ from zero that an operation reads
    for (const Op& op : step.ops) {
      read.push_back(errors_[op.inputs[0]]);
      std::visit([&](const auto& k) { spread_errors(k, op); }, op.kernel);
    }
    for (std::size_t i = step.ops.size(); i-- > 0;) {
      std::visit([&](const auto& k) { need_inputs(k, step.ops[i], read[i]); }, step.ops[i].kernel);
    }
  }
  const Places& of(TensorId id) const { return needed_[id]; }

 private:
  template <class K>
  void spread_errors(const K& k, const Op& op) {
    if constexpr (std::is_same_v<K, ConvInputGradient> || std::is_same_v<K, MaxPoolError>) {
      errors_[op.outputs[0]] = touched(k.shape, errors_[op.inputs[0]]);
    } else if constexpr (!std::is_same_v<K, ReluError> && !std::is_same_v<K, Dropout>) {
      for (const TensorId id : op.outputs) errors_[id].assign(errors_[id].size(), true);
    }
  }

  void need(TensorId id, const Places& places) {
    for (std::size_t i = 0; i < places.size(); ++i) {
      if (places[i]) needed_[id][i] = true;
    }
  }
  void need_all(TensorId id) { needed_[id].assign(needed_[id].size(), true); }

  /// `errors`: where those that it reads may differ from zero.
  template <class K>
  void need_inputs(const K& k, const Op& op, const Places& errors) {
    if constexpr (std::is_same_v<K, ConvForward>) {
      need(op.inputs[0], touched(k.shape, needed_[op.outputs[0]]));
    } else if constexpr (std::is_same_v<K, MaxPool>) {
      for (const TensorId id : op.outputs) need(op.inputs[0], touched(k.shape, needed_[id]));
    } else if constexpr (std::is_same_v<K, ConvWeightGradient>) {
      need(op.inputs[1], touched(k.shape, errors));
    } else if constexpr (std::is_same_v<K, ReluError> || std::is_same_v<K, MaxPoolError>) {
      need(op.inputs[1], errors);
    } else if constexpr (std::is_same_v<K, Relu> || std::is_same_v<K, Dropout> ||
                         std::is_same_v<K, BatchNormInference>) {
      need(op.inputs[0], Places(needed_[op.outputs[0]]));
    } else if constexpr (!std::is_same_v<K, ConvInputGradient>) {
      for (const TensorId id : op.inputs) need_all(id);
    }
  }

  std::vector<Places> errors_, needed_;  // by tensor
};

}  // namespace

std::uint64_t values_needed(const Step& step, TensorId map) {
  const Needs needs(step);
  const Places& needed = needs.of(map);
  const auto places = static_cast<std::uint64_t>(std::ranges::count(needed, true));
  return step.tensor(map).elements() / needed.size() * places;
}

}  // namespace spillway::workloads
