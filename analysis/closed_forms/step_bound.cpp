// What a step has to move once, and what one with batch-norm has to bring in once more. Derived in
// lower_bound.hpp.
#include <algorithm>
#include <optional>
#include <vector>

#include "analysis/closed_forms/lower_bound.hpp"
#include "sim/plan/lifetimes/op_needs.hpp"

namespace spillway::analysis {

using workloads::Op;
using workloads::Step;
using workloads::Tensor;
using workloads::TensorId;

namespace {

using OpSet = std::vector<bool>;

bool has(const std::vector<TensorId>& ids, TensorId id) {
  return std::ranges::find(ids, id) != ids.end();
}

/// The last operation before this one that writes the tensor.
std::optional<std::size_t> writer_before(const Step& step, TensorId id, std::size_t op) {
  while (op-- > 0) {
    if (has(step.ops[op].outputs, id)) return op;
  }
  return std::nullopt;
}

/// By operation, those whose results it is made of, and itself.
std::vector<OpSet> sources_of(const Step& step) {
  std::vector<OpSet> sources(step.ops.size(), OpSet(step.ops.size()));
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    sources[i][i] = true;
    for (const TensorId id : step.ops[i].inputs) {
      const auto writer = writer_before(step, id, i);
      if (!writer) continue;
      for (std::size_t j = 0; j <= *writer; ++j) {
        if (sources[*writer][j]) sources[i][j] = true;
      }
    }
  }
  return sources;
}

/// The operation cannot begin before statistics of the whole mini-batch are complete.
bool waits_for_batch(const Op& op) {
  return std::ranges::any_of(op.kernel.phases(), [](const workloads::KernelPhase& phase) {
    return std::ranges::any_of(phase.kernel.contract().inputs, &workloads::Operand::complete);
  });
}

bool has_groups(const Op& op) {
  return std::ranges::any_of(op.kernel.contract().axes, [](const workloads::Axis& axis) {
    return axis.kind == workloads::AxisKind::group && axis.extent > 1;
  });
}

/// Windows of the next layer leave out places of a layer's output.
bool is_read_in_part(const workloads::Network& network, const Tensor& tensor) {
  const auto above = static_cast<std::size_t>(tensor.layer);  // the layer above, counted from 0
  if (above >= network.layers.size()) return false;
  const workloads::Layer& layer = network.layers[above];
  const auto gaps = [](const workloads::Window& window) {
    return window.kernel[0] < window.stride[0] || window.kernel[1] < window.stride[1];
  };
  return gaps(layer.window) || (layer.pool_window && gaps(*layer.pool_window));
}

/// Words of tensors that are used on both sides of a layer's statistics.
struct Live {
  std::uint64_t given = 0, made = 0;
};
Live live_at(const workloads::Network& network, const Step& step, const std::vector<OpSet>& sources,
             std::size_t norm, std::size_t product) {
  Live live;
  for (const Tensor& tensor : step.tensors) {
    if (tensor.generated || tensor.lifetime == workloads::Lifetime::output) continue;
    bool read = false, made = false, later = false;
    for (std::size_t i = 0; i < step.ops.size(); ++i) {
      const Op& op = step.ops[i];
      const bool reads = has(op.inputs, tensor.id);
      const bool writes = has(op.outputs, tensor.id);
      if (sources[product][i]) {
        read |= reads;
        made |= writes && i != product;
      } else if (i != norm && sources[i][norm]) {
        later |= reads;
      }
    }
    if (!later || !(read || made) || (made && tensor.is_given())) continue;
    if (is_read_in_part(network, tensor)) continue;
    (made ? live.made : live.given) += words_of(tensor.bytes()).count();
  }
  return live;
}

}  // namespace

Words compulsory_words(const Step& step) {
  Words sum(0);
  for (const Tensor& tensor : step.tensors) sum += sim::words_once(step, tensor);
  return sum;
}

Words spilled_words(const workloads::Network& network, const Step& step, Words buffer) {
  const std::vector<OpSet> sources = sources_of(step);
  std::uint64_t most = 0;
  for (std::size_t norm = 0; norm < step.ops.size(); ++norm) {
    if (!waits_for_batch(step.ops[norm]) || step.ops[norm].phase != workloads::Phase::forward) {
      continue;
    }
    const auto product = writer_before(step, step.ops[norm].inputs.front(), norm);
    if (!product || has_groups(step.ops[*product])) continue;
    const auto [given, made] = live_at(network, step, sources, norm, *product);
    if (given + made <= buffer.count()) continue;
    const std::uint64_t out = given + made - buffer.count();
    most = std::max(most, std::min(out, given) + 2 * (out > given ? out - given : 0));
  }
  return Words(most);
}

}  // namespace spillway::analysis
