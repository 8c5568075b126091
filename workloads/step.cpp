#include "workloads/step.hpp"

#include <fmt/format.h>

#include "workloads/kernels/operand_sizes.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

std::string to_string(TensorKind kind) { return name_in(tensor_kind_names, kind); }
std::string to_string(Phase phase) { return name_in(phase_names, phase); }

bool has_examples(TensorKind kind) {
  switch (kind) {
    case TensorKind::input_images:
    case TensorKind::labels:
    case TensorKind::activations:
    case TensorKind::winners:
    case TensorKind::scores:
    case TensorKind::score_errors:
    case TensorKind::errors:
    case TensorKind::norm_inputs:
    case TensorKind::masks: return true;
    case TensorKind::weights:
    case TensorKind::biases:
    case TensorKind::weight_gradients:
    case TensorKind::bias_gradients:
    case TensorKind::optimizer_state:
    case TensorKind::norm_parameters:
    case TensorKind::norm_gradients:
    case TensorKind::norm_statistics:
    case TensorKind::classifier:
    case TensorKind::classifier_gradients:
    case TensorKind::feedback:
    case TensorKind::seeds:
    case TensorKind::metrics: return false;
  }
  return false;
}

std::uint64_t Tensor::elements() const {
  std::uint64_t product = 1;
  for (const std::int64_t dimension : shape) {
    product = checked_product(product, static_cast<std::uint64_t>(dimension));
  }
  return product;
}

std::optional<TensorId> Step::find(const std::string& name) const {
  for (const Tensor& tensor : tensors) {
    if (tensor.name == name) return tensor.id;
  }
  return std::nullopt;
}

Macs Step::macs() const {
  Macs sum;
  for (const Op& op : ops) {
    if (op.layer != readout_layer()) sum += op.macs;
  }
  return sum;
}

Macs Step::macs_padded() const {
  Macs sum;
  for (const Op& op : ops) {
    if (op.layer != readout_layer()) sum += op.macs_padded;
  }
  return sum;
}

Macs Step::readout_macs() const {
  Macs sum;
  for (const Op& op : ops) {
    if (op.layer == readout_layer()) sum += op.macs;
  }
  return sum;
}

Access access_of(const Step& step, const Contract& contract, const std::vector<TensorId>& inputs,
                 const std::vector<TensorId>& outputs) {
  const auto shapes = [&](const std::vector<TensorId>& ids) {
    std::vector<const TensorShape*> result;
    for (const TensorId id : ids) result.push_back(&step.tensor(id).shape);
    return result;
  };
  return access_of(contract, shapes(inputs), shapes(outputs));
}

namespace {

void check_operands(const Step& step, const Op& op) {
  const OperandSizes sizes = operand_sizes(op.kernel);
  const auto check = [&](const std::vector<TensorId>& ids, const std::vector<Bytes>& wanted,
                         std::size_t required) {
    if (ids.size() < required || ids.size() > wanted.size()) {
      throw ConsistencyError(
          fmt::format("{}: wrong number of operands: {}", kernel_name(op.kernel), ids.size()));
    }
    for (std::size_t i = 0; i < ids.size(); ++i) {
      const Tensor& tensor = step.tensor(ids[i]);
      if (tensor.bytes() != wanted[i]) {
        throw ConsistencyError(fmt::format("{}: operand {} has {} bytes, the kernel wants {}",
                                           kernel_name(op.kernel), tensor.name,
                                           tensor.bytes().count(), wanted[i].count()));
      }
    }
  };
  check(op.inputs, sizes.inputs, sizes.required_inputs);
  check(op.outputs, sizes.outputs, sizes.required_outputs);
}

}  // namespace

void check_step(const Step& step) {
  const auto require_tensor = [&](TensorId id) {
    if (id >= step.tensors.size()) throw ConsistencyError(fmt::format("no tensor {}", id));
  };
  for (std::size_t i = 0; i < step.tensors.size(); ++i) {
    if (step.tensors[i].id != i)
      throw ConsistencyError("tensors are not in the order of their ids");
  }
  for (const Op& op : step.ops) {
    for (const TensorId id : op.inputs) require_tensor(id);
    for (const TensorId id : op.outputs) require_tensor(id);
  }
  for (const Stage& stage : step.stages) {
    for (const TensorId id : stage.survivors) require_tensor(id);
  }
  for (const TensorId id : step.decisions) require_tensor(id);
  std::vector<bool> written(step.tensors.size());
  for (const Tensor& tensor : step.tensors) {
    written[tensor.id] = tensor.is_given() || tensor.generated.has_value();
  }
  std::size_t stage = 0;
  for (const Op& op : step.ops) {
    if (op.stage < stage || op.stage >= step.stages.size()) {
      throw ConsistencyError(kernel_name(op.kernel) + ": not sorted by stage");
    }
    stage = op.stage;
    check_operands(step, op);
    for (const TensorId id : op.inputs) {
      if (!written.at(id)) {
        throw ConsistencyError(fmt::format("{} reads {} before it is written",
                                           kernel_name(op.kernel), step.tensor(id).name));
      }
    }
    for (const TensorId id : op.outputs) written.at(id) = true;
  }
}

}  // namespace spillway::workloads
