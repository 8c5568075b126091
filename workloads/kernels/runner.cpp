#include "workloads/kernels/runner.hpp"

#include "workloads/kernels/execution.hpp"
#include "workloads/kernels/operand_sizes.hpp"
#include "workloads/support/error.hpp"

namespace spillway::workloads {

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
    kernel.run(execution_, in, out);
    if (results_ == Results::plain) settle_operands(kernel, in, out);
  }
  Layouts& layouts() { return execution_.layouts(); }

 private:
  void settle_operands(const Kernel& kernel, Inputs in, Outputs out) {
    const OperandSizes sizes = operand_sizes(kernel);
    for (std::size_t i = 0; i < out.size(); ++i) {
      layouts().change(out[i], sizes.outputs[i].count());
    }
    for (std::size_t i = 0; i < in.size(); ++i) {
      layouts().change(const_cast<std::byte*>(in[i]), sizes.inputs[i].count());
    }
  }

  Results results_;
  Execution execution_;
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
