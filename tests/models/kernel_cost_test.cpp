// What kernels ask of the compute array.
#include "models/kernel_cost.hpp"

#include <doctest/doctest.h>

#include "tests/support/build.hpp"
#include "workloads/kernels/operations.hpp"

namespace spillway::kernel_cost_test {

using models::Gemm;
using models::KernelCost;
using namespace workloads;

namespace {

std::uint64_t random_batch(SplitMix& numbers) { return 1 + numbers.below(5); }

/// A layer's forward pass, input gradient and weight gradient.
std::vector<Kernel> passes(const Layer& layer, std::uint64_t examples) {
  const auto batch = static_cast<std::int64_t>(examples);
  if (layer.kind == LayerKind::conv) {
    const ConvGeometry g{batch, layer.input, layer.before_pool, layer.window, layer.groups};
    return {ConvForward{g}, ConvInputGradient{g}, ConvWeightGradient{g}};
  }
  const DenseGeometry g{batch, layer.input.elements(), layer.outputs};
  return {FcForward{g}, FcInputGradient{g}, FcWeightGradient{g}};
}

Macs macs_of(const Gemm& gemm) { return Macs(gemm.m) * gemm.n * gemm.k * gemm.count; }

}  // namespace

TEST_CASE("a layer's three passes cost its MACs times the batch, padded and border-exact") {
  SplitMix numbers(22);
  int checked = 0, with_padding = 0;
  for (int i = 0; i < 150; ++i) {
    for (const Layer& layer : test::random_network(numbers).layers) {
      const std::uint64_t batch = random_batch(numbers);
      for (const Kernel& kernel : passes(layer, batch)) {
        CAPTURE(kernel_name(kernel));
        const KernelCost cost = models::kernel_cost(kernel);
        CHECK(cost.macs == layer.macs_exact() * batch);
        CHECK(cost.macs_padded == layer.macs_padded() * batch);
        REQUIRE(cost.gemm.has_value());
        CHECK(macs_of(*cost.gemm) == cost.macs_padded);
        CHECK(cost.elements == 0);
        ++checked;
      }
      with_padding += layer.macs_exact() < layer.macs_padded();
    }
  }
  CHECK(checked > 500);
  CHECK(with_padding > 30);
}

TEST_CASE("each product's sides are the output's, and its sums run over what is added up") {
  const Layer layer = [] {
    LayerSpec spec = test::conv(6, 3);
    spec.groups = 2;
    return infer_layer(spec, {4, 5, 7});
  }();
  const std::uint64_t pixels = 3 * 5 * 7, taps = 2 * 9, maps = 3;
  const auto sides = [](const Kernel& kernel) {
    const Gemm gemm = models::kernel_cost(kernel).gemm.value();
    return std::vector<std::uint64_t>{gemm.m, gemm.n, gemm.k, gemm.count};
  };
  const std::vector<Kernel> conv = passes(layer, 3);
  CHECK(sides(conv[0]) == std::vector<std::uint64_t>{pixels, maps, taps, 2});
  CHECK(sides(conv[1]) == std::vector<std::uint64_t>{pixels, taps, maps, 2});
  CHECK(sides(conv[2]) == std::vector<std::uint64_t>{maps, taps, pixels, 2});
  const DenseGeometry dense{3, 20, 10};
  CHECK(sides(FcForward{dense}) == std::vector<std::uint64_t>{3, 10, 20, 1});
  CHECK(sides(FcInputGradient{dense}) == std::vector<std::uint64_t>{3, 20, 10, 1});
  CHECK(sides(FcWeightGradient{dense}) == std::vector<std::uint64_t>{10, 20, 3, 1});
  CHECK(sides(ClassifierForward{dense}) == sides(FcForward{dense}));
  CHECK(sides(ClassifierError{dense}) == sides(FcInputGradient{dense}));
}

TEST_CASE("a convolution with one tap costs what a dense product over its pixels costs") {
  const Layer conv = infer_layer(test::conv(6, 1), {4, 5, 7});
  const std::vector<Kernel> by_conv = passes(conv, 2);
  const DenseGeometry dense{2 * 5 * 7, 4, 6};
  const std::vector<Kernel> by_dense{FcForward{dense}, FcInputGradient{dense},
                                     FcWeightGradient{dense}};
  const models::ComputeArray array(4, 4, models::Dataflow::output_stationary);
  for (std::size_t i = 0; i < 3; ++i) {
    const KernelCost a = models::kernel_cost(by_conv[i]), b = models::kernel_cost(by_dense[i]);
    CHECK(a.macs == b.macs);
    CHECK(models::kernel_cycles(a, array) == models::kernel_cycles(b, array));
  }
}

TEST_CASE("work on single elements has no MACs, and takes a lane's turn an element") {
  const PoolGeometry pool{2, {3, 6, 6}, {3, 3, 3}, {{3, 2}, {2, 2}, {1, 0}, {0, 0}}};
  const NormGeometry norm{2, 7, 3, 5};
  struct Case {
    Kernel kernel;
    std::uint64_t elements;
  };
  const Case cases[] = {{Relu{70}, 70},
                        {ReluError{70}, 70},
                        {MaxPool{pool}, 2 * 3 * 9 * 6},  // each place of each window is looked at
                        {MaxPoolError{pool}, 2 * 3 * 9},
                        {SoftmaxCrossEntropy{5, 10, true}, 50},
                        {NormStatistics{norm, 5}, 210},
                        {NormRunning{7, 30}, 14},
                        {NormApply{norm}, 210},
                        {NormErrorSums{norm}, 210},
                        {NormErrorApply{norm, 300}, 210},
                        {Update{70, 0.1f, 0.9f}, 70},
                        {AdamUpdate{70, 0.1, 0.9, 0.999, 1e-8}, 70}};
  for (const auto dataflow :
       {models::Dataflow::output_stationary, models::Dataflow::weight_stationary}) {
    const models::ComputeArray array(4, 8, dataflow);
    for (const Case& c : cases) {
      CAPTURE(kernel_name(c.kernel));
      const KernelCost cost = models::kernel_cost(c.kernel);
      CHECK_FALSE(cost.gemm.has_value());
      CHECK(cost.macs == Macs(0));
      CHECK(cost.macs_padded == Macs(0));
      CHECK(cost.elements == c.elements);
      CHECK(models::kernel_cycles(cost, array) == Cycles((c.elements + 7) / 8));
    }
  }
}

TEST_CASE("a batch's cycles are never more than those of its examples one by one") {
  SplitMix numbers(23);
  for (int i = 0; i < 40; ++i) {
    const models::ComputeArray array(1 + numbers.below(9), 1 + numbers.below(9),
                                     numbers.below(2) == 0 ? models::Dataflow::output_stationary
                                                           : models::Dataflow::weight_stationary);
    for (const Layer& layer : test::random_network(numbers).layers) {
      const std::uint64_t batch = random_batch(numbers);
      const std::vector<Kernel> all = passes(layer, batch), one = passes(layer, 1);
      for (std::size_t pass = 0; pass < 3; ++pass) {
        const Cycles together = models::kernel_cycles(models::kernel_cost(all[pass]), array);
        const Cycles apart = models::kernel_cycles(models::kernel_cost(one[pass]), array) * batch;
        CHECK(together <= apart);
        // And a MAC unit does at most one MAC a cycle.
        CHECK(together.count() * array.rows() * array.columns() >=
              models::kernel_cost(all[pass]).macs_padded.count());
      }
    }
  }
}

}  // namespace spillway::kernel_cost_test
