#include "models/kernel_cost.hpp"

#include <algorithm>
#include <array>

namespace spillway::models {

namespace {

using namespace workloads;

std::uint64_t u(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// Pairs of a place and a tap whose index lies within the dimension.
std::uint64_t pairs_inside(const Index& index, std::int64_t places, std::int64_t taps) {
  const std::int64_t stride = index.terms[0].stride;
  std::int64_t inside = 0;
  for (std::int64_t tap = 0; tap < taps; ++tap) {
    // Place p is at p * stride + tap + offset: how many p lie below `end`?
    const auto reaching_below = [&](std::int64_t end) {
      const std::int64_t room = end - tap - index.offset;
      return room <= 0 ? 0 : std::min(places, (room + stride - 1) / stride);
    };
    inside += reaching_below(index.extent) - reaching_below(0);
  }
  return u(inside);
}

/// Points of a product whose indices all lie within their dimensions.
Macs exact_macs(const Contract& contract) {
  Macs result(1);
  std::array<bool, 10> counted{};
  const auto count_windows = [&](const Operand& operand) {
    for (const Index& index : operand.map) {
      if (!index.is(Index::Form::windows)) continue;
      const AxisId place = index.terms[0].axis, tap = index.terms[1].axis;
      result *= pairs_inside(index, contract.axes[place].extent, contract.axes[tap].extent);
      counted[place] = counted[tap] = true;
    }
  };
  for (const Operand& operand : contract.inputs) count_windows(operand);
  for (const Operand& operand : contract.outputs) count_windows(operand);
  for (std::size_t a = 0; a < contract.axes.size(); ++a) {
    if (!counted[a]) result *= u(contract.axes[a].extent);
  }
  return result;
}

}  // namespace

KernelCost kernel_cost(const Contract& contract) {
  KernelCost cost{std::nullopt, contract.elementwise, {}, {}};
  if (!contract.is_product()) return cost;
  Gemm gemm{1, 1, 1, 1};
  for (const Axis& axis : contract.axes) {
    switch (axis.side) {
      case Side::m: gemm.m *= u(axis.extent); break;
      case Side::n: gemm.n *= u(axis.extent); break;
      case Side::k: gemm.k *= u(axis.extent); break;
      case Side::count: gemm.count *= u(axis.extent); break;
      case Side::none: break;
    }
  }
  cost.gemm = gemm;
  cost.macs = exact_macs(contract);
  cost.macs_padded = Macs(gemm.m) * gemm.n * gemm.k * gemm.count;
  return cost;
}

Cycles product_cycles(const KernelCost& cost, const ComputeArray& array) {
  return cost.gemm ? array.cycles(*cost.gemm) : Cycles(0);
}

Cycles kernel_cycles(const KernelCost& cost, const ComputeArray& array) {
  return product_cycles(cost, array) + array.elementwise_cycles(cost.elements);
}

}  // namespace spillway::models
