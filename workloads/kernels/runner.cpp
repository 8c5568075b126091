#include "workloads/kernels/runner.hpp"

#include "workloads/kernels/operands.hpp"
#include "workloads/kernels/operations.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

std::string name_of(const ConvForward&) { return "conv forward"; }
std::string name_of(const ConvInputGradient&) { return "conv input gradient"; }
std::string name_of(const ConvWeightGradient&) { return "conv weight gradient"; }
std::string name_of(const FcForward&) { return "fc forward"; }
std::string name_of(const FcInputGradient&) { return "fc input gradient"; }
std::string name_of(const FcWeightGradient&) { return "fc weight gradient"; }
std::string name_of(const ClassifierForward&) { return "classifier forward"; }
std::string name_of(const ClassifierError&) { return "classifier error"; }
std::string name_of(const ClassifierWeightGradient&) { return "classifier weight gradient"; }
std::string name_of(const BatchNorm&) { return "batch-norm"; }
std::string name_of(const BatchNormInference&) { return "batch-norm inference"; }
std::string name_of(const BatchNormError&) { return "batch-norm error"; }
std::string name_of(const NormStatistics&) { return "batch-norm statistics"; }
std::string name_of(const NormRunning&) { return "batch-norm running statistics"; }
std::string name_of(const NormApply&) { return "batch-norm values"; }
std::string name_of(const NormErrorSums&) { return "batch-norm error sums"; }
std::string name_of(const NormErrorApply&) { return "batch-norm error values"; }
std::string name_of(const Relu&) { return "ReLU"; }
std::string name_of(const ReluError&) { return "ReLU error"; }
std::string name_of(const MaxPool&) { return "max-pool"; }
std::string name_of(const MaxPoolError&) { return "max-pool error"; }
std::string name_of(const Dropout&) { return "dropout"; }
std::string name_of(const SoftmaxCrossEntropy&) { return "softmax cross-entropy"; }
std::string name_of(const SquareHinge&) { return "square hinge"; }
std::string name_of(const SquaredError&) { return "squared error"; }
std::string name_of(const AdvanceSeed&) { return "advance seed"; }
std::string name_of(const Update&) { return "update"; }

}  // namespace

std::string kernel_name(const Kernel& kernel) {
  return std::visit([](const auto& k) { return name_of(k); }, kernel);
}

bool is_loss(const Kernel& kernel) {
  return std::visit([](const auto& k) { return LossKernel<std::decay_t<decltype(k)>>; }, kernel);
}

bool accumulates(const Kernel& kernel) {
  return std::visit(
      [](const auto& k) {
        if constexpr (requires { k.accumulate; }) {
          return k.accumulate;
        } else if constexpr (requires { k.before; }) {
          return k.before > 0;
        } else {
          return false;
        }
      },
      kernel);
}

Kernel with_rate_scale(Kernel kernel, double scale) {
  if (auto* update = std::get_if<Update>(&kernel)) update->rate *= scale;
  return kernel;
}

template <class Result>
void Primitive::execute(Layouts& layouts, Inputs in, Result result) const {
  std::unordered_map<int, dnnl::memory> arguments;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    arguments.emplace(inputs[i].argument, layouts.input(in[i], inputs[i].plain, inputs[i].layout));
  }
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    arguments.emplace(outputs[i].argument, result(i));
  }
  primitive.execute(layouts.stream(), arguments);
  layouts.stream().wait();
}

void Primitive::run(Layouts& layouts, Inputs in, Outputs out) const {
  execute(layouts, in, [&](std::size_t i) {
    return layouts.output(out[i], outputs[i].plain, outputs[i].layout);
  });
}

void Primitive::run_adding(Layouts& layouts, Inputs in, Outputs out) const {
  std::vector<dnnl::memory> results;
  for (const Operand& output : outputs) results.emplace_back(output.layout, layouts.engine());
  execute(layouts, in, [&](std::size_t i) { return results[i]; });
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    const dnnl::memory sum = layouts.in_place(out[i], outputs[i].plain, outputs[i].layout);
    auto* sums = static_cast<float*>(sum.get_data_handle());
    const auto* parts = static_cast<const float*>(results[i].get_data_handle());
    const auto count = static_cast<std::int64_t>(outputs[i].layout.get_size() / sizeof(float));
#pragma omp parallel for simd if (count >= parallel_elements)
    for (std::int64_t at = 0; at < count; ++at) sums[at] += parts[at];
  }
}

class KernelRunner::Implementation {
 public:
  explicit Implementation(Results results) : results_(results) {}

  void run(const Kernel& kernel, Inputs in, Outputs out) {
    std::visit([&](const auto& k) { run_one(k, in, out); }, kernel);
    if (results_ == Results::plain) settle_operands(kernel, in, out);
  }
  Layouts& layouts() { return layouts_; }

 private:
  template <class K>
  void run_one(const K& k, Inputs in, Outputs out) {
    if constexpr (requires { convolutions_.run(k, in, out); }) {
      convolutions_.run(k, in, out);
    } else if constexpr (requires { pooling_.run(k, in, out); }) {
      pooling_.run(k, in, out);
    } else if constexpr (requires { normalisation_.run(k, in, out); }) {
      normalisation_.run(k, in, out);
    } else {
      workloads::run(layouts_, k, in, out);
    }
  }

  void settle_operands(const Kernel& kernel, Inputs in, Outputs out) {
    const OperandSizes sizes = operand_sizes(kernel);
    for (std::size_t i = 0; i < out.size(); ++i) {
      layouts_.change(out[i], sizes.outputs[i].count());
    }
    for (std::size_t i = 0; i < in.size(); ++i) {
      layouts_.change(const_cast<std::byte*>(in[i]), sizes.inputs[i].count());
    }
  }

  Results results_;
  Layouts layouts_{dnnl::engine(dnnl::engine::kind::cpu, 0)};
  Convolutions convolutions_{layouts_};
  Pooling pooling_{layouts_};
  Normalisation normalisation_{layouts_};
};

KernelRunner::KernelRunner(Results results)
    : implementation_(std::make_unique<Implementation>(results)) {}
KernelRunner::~KernelRunner() = default;

void KernelRunner::run(const Kernel& kernel, std::span<const std::byte* const> inputs,
                       std::span<std::byte* const> outputs) {
  try {
    implementation_->run(kernel, inputs, outputs);
  } catch (const dnnl::error& error) {
    throw Error("oneDNN refused the kernel \"" + kernel_name(kernel) + "\": " + error.what());
  }
}

void KernelRunner::settle(std::span<const std::byte> bytes) {
  implementation_->layouts().read(bytes.data(), bytes.size());
}

void KernelRunner::forget(std::span<std::byte> bytes) {
  implementation_->layouts().give_up(bytes.data(), bytes.size());
}

}  // namespace spillway::workloads
