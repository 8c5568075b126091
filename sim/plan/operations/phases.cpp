#include "sim/plan/operations/phases.hpp"

namespace spillway::sim {

using namespace workloads;

namespace {

std::int64_t values_of(const NormGeometry& g) { return g.batch * g.height * g.width; }

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

std::vector<OpPart> phases(const Step& step, std::size_t i) {
  const Op& op = step.ops[i];
  if (const auto* norm = std::get_if<BatchNorm>(&op.kernel)) {
    const TensorId x = op.inputs[0], parameters = op.inputs[1], running = op.inputs[2],
                   z = op.outputs[0], statistics = op.outputs[1];
    return {{i, NormStatistics{norm->shape, 0}, {x}, {statistics}},
            {i,
             NormRunning{norm->shape.channels, values_of(norm->shape)},
             {statistics, running},
             {running}},
            {i, NormApply{norm->shape}, {x, parameters, statistics}, {z}}};
  }
  if (const auto* error = std::get_if<BatchNormError>(&op.kernel)) {
    const TensorId dz = op.inputs[0], x = op.inputs[1], statistics = op.inputs[2],
                   parameters = op.inputs[3], dx = op.outputs[0], dnorm = op.outputs[1];
    return {{i, NormErrorSums{error->shape, false}, {dz, x, statistics}, {dnorm}},
            {i,
             NormErrorApply{error->shape, values_of(error->shape)},
             {dz, x, statistics, parameters, dnorm},
             {dx}}};
  }
  return {OpPart(i)};
}

bool is_product(const workloads::Kernel& kernel) {
  return std::visit(
      [](const auto& k) {
        using K = std::decay_t<decltype(k)>;
        return std::is_same_v<K, ConvForward> || std::is_same_v<K, ConvInputGradient> ||
               std::is_same_v<K, ConvWeightGradient> || std::is_same_v<K, FcForward> ||
               std::is_same_v<K, FcInputGradient> || std::is_same_v<K, FcWeightGradient> ||
               std::is_same_v<K, ClassifierForward> || std::is_same_v<K, ClassifierError> ||
               std::is_same_v<K, ClassifierWeightGradient>;
      },
      kernel);
}

std::string operation_name(const Step& step, std::size_t op) {
  return step.layer_names[step.ops[op].layer] + " " + kernel_name(step.ops[op].kernel);
}

}  // namespace spillway::sim
