#include "models/kernel_cost.hpp"

#include <algorithm>

namespace spillway::models {

namespace {

using namespace workloads;

std::uint64_t u(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// Outputs along one axis that a given tap reaches without leaving the input, over all taps.
std::uint64_t taps_inside(std::int64_t input, std::int64_t output, std::int64_t kernel,
                          std::int64_t stride, std::int64_t padding) {
  std::int64_t inside = 0;
  for (std::int64_t tap = 0; tap < kernel; ++tap) {
    // Output o reaches place o stride + tap - padding: how many o reach a place below `end`?
    const auto reaching_below = [&](std::int64_t end) {
      const std::int64_t places = end - tap + padding;
      return places <= 0 ? 0 : std::min(output, (places + stride - 1) / stride);
    };
    inside += reaching_below(input) - reaching_below(0);
  }
  return u(inside);
}

struct ConvSizes {
  std::uint64_t pixels, taps, out_channels, groups;
  Macs macs;
  explicit ConvSizes(const ConvGeometry& g)
      : pixels(u(g.batch * g.output.height * g.output.width)),
        taps(u(g.input.channels / g.groups * g.window.kernel[0] * g.window.kernel[1])),
        out_channels(u(g.output.channels / g.groups)),
        groups(u(g.groups)) {
    const std::uint64_t rows = taps_inside(g.input.height, g.output.height, g.window.kernel[0],
                                           g.window.stride[0], g.window.padding_begin[0]);
    const std::uint64_t columns = taps_inside(g.input.width, g.output.width, g.window.kernel[1],
                                              g.window.stride[1], g.window.padding_begin[1]);
    macs =
        Macs(rows) * columns * u(g.batch) * u(g.input.channels / g.groups) * u(g.output.channels);
  }
};

KernelCost product(const Gemm& gemm, std::optional<Macs> exact = std::nullopt) {
  const Macs padded = Macs(gemm.m) * gemm.n * gemm.k * gemm.count;
  return {gemm, 0, exact.value_or(padded), padded};
}

KernelCost elementwise(std::uint64_t elements) { return {std::nullopt, elements, {}, {}}; }

KernelCost dense(std::int64_t m, std::int64_t n, std::int64_t k) {
  return product({u(m), u(n), u(k), 1});
}

struct Cost {
  KernelCost operator()(const ConvForward& k) const {
    const ConvSizes s(k.shape);
    return product({s.pixels, s.out_channels, s.taps, s.groups}, s.macs);
  }
  KernelCost operator()(const ConvInputGradient& k) const {
    const ConvSizes s(k.shape);
    return product({s.pixels, s.taps, s.out_channels, s.groups}, s.macs);
  }
  KernelCost operator()(const ConvWeightGradient& k) const {
    const ConvSizes s(k.shape);
    return product({s.out_channels, s.taps, s.pixels, s.groups}, s.macs);
  }
  KernelCost operator()(const FcForward& k) const { return forward(k.shape); }
  KernelCost operator()(const ClassifierForward& k) const { return forward(k.shape); }
  KernelCost operator()(const FcInputGradient& k) const { return backward(k.shape); }
  KernelCost operator()(const ClassifierError& k) const { return backward(k.shape); }
  KernelCost operator()(const FcWeightGradient& k) const {
    return dense(k.shape.outputs, k.shape.inputs, k.shape.batch);
  }
  KernelCost operator()(const ClassifierWeightGradient& k) const {
    return dense(k.shape.inputs, k.shape.outputs, k.shape.batch);
  }
  // Two passes forward (statistics, then values), two backward (sums, then errors).
  KernelCost operator()(const BatchNorm& k) const { return elementwise(2 * values(k.shape)); }
  KernelCost operator()(const BatchNormInference& k) const { return elementwise(values(k.shape)); }
  KernelCost operator()(const BatchNormError& k) const { return elementwise(2 * values(k.shape)); }
  KernelCost operator()(const NormStatistics& k) const { return elementwise(values(k.shape)); }
  KernelCost operator()(const NormRunning& k) const { return elementwise(u(2 * k.channels)); }
  KernelCost operator()(const NormApply& k) const { return elementwise(values(k.shape)); }
  KernelCost operator()(const NormErrorSums& k) const { return elementwise(values(k.shape)); }
  KernelCost operator()(const NormErrorApply& k) const { return elementwise(values(k.shape)); }
  KernelCost operator()(const Dropout& k) const { return elementwise(u(k.elements)); }
  KernelCost operator()(const SquareHinge& k) const { return elementwise(u(k.batch * k.classes)); }
  KernelCost operator()(const SquaredError& k) const { return elementwise(u(k.batch * k.classes)); }
  KernelCost operator()(const AdvanceSeed&) const { return elementwise(1); }
  KernelCost operator()(const Relu& k) const { return elementwise(u(k.elements)); }
  KernelCost operator()(const ReluError& k) const { return elementwise(u(k.elements)); }
  KernelCost operator()(const MaxPool& k) const {
    return elementwise(u(k.shape.batch * k.shape.output.elements() * k.shape.window.kernel[0] *
                         k.shape.window.kernel[1]));
  }
  KernelCost operator()(const MaxPoolError& k) const {
    return elementwise(u(k.shape.batch * k.shape.output.elements()));
  }
  KernelCost operator()(const SoftmaxCrossEntropy& k) const {
    return elementwise(u(k.batch * k.classes));
  }
  KernelCost operator()(const Update& k) const { return elementwise(u(k.elements)); }

 private:
  static std::uint64_t values(const NormGeometry& g) {
    return u(g.batch * g.channels * g.height * g.width);
  }
  static KernelCost forward(const DenseGeometry& g) { return dense(g.batch, g.outputs, g.inputs); }
  static KernelCost backward(const DenseGeometry& g) { return dense(g.batch, g.inputs, g.outputs); }
};

}  // namespace

KernelCost kernel_cost(const workloads::Kernel& kernel) { return std::visit(Cost{}, kernel); }

Cycles kernel_cycles(const KernelCost& cost, const ComputeArray& array) {
  const Cycles products = cost.gemm ? array.cycles(*cost.gemm) : Cycles(0);
  return products + array.elementwise_cycles(cost.elements);
}

}  // namespace spillway::models
