#include "models/energy/kernel_accesses.hpp"

#include <algorithm>

namespace spillway::models {

namespace {

using workloads::Contract;
using workloads::Index;
using workloads::Operand;
using workloads::Side;

/// Whether an axis of this side of the product indexes the operand.
bool has_side(const Contract& contract, const Operand& operand, Side side) {
  return std::ranges::any_of(operand.map, [&](const Index& index) {
    if (index.is(Index::Form::whole)) return false;
    const bool first = contract.axes[index.terms[0].axis].side == side;
    return first ||
           (!index.is(Index::Form::axis) && contract.axes[index.terms[1].axis].side == side);
  });
}

bool is_of_product(const Contract& contract, const Operand& operand, Side one, Side other) {
  return has_side(contract, operand, one) && has_side(contract, operand, other);
}

Bytes size_of_part(const Tile& part, const MemoryMap& map) {
  return map.at(part.tensor).element * part.elements();
}

}  // namespace

BufferAccesses kernel_accesses(const Compute& compute, const Contract& contract,
                               const std::optional<Gemm>& gemm, const ComputeArray& array,
                               const MemoryMap& map) {
  BufferAccesses accesses;
  const bool product = gemm.has_value();
  const ArrayAccesses of_array = product ? array.accesses(*gemm) : ArrayAccesses{};

  for (std::size_t i = 0; i < compute.inputs.size(); ++i) {
    const auto* view = std::get_if<TileView>(&compute.inputs[i]);
    if (view == nullptr) continue;
    const Operand& operand = contract.inputs[i];
    const Bytes element = map.at(view->part.tensor).element;
    if (product && is_of_product(contract, operand, Side::m, Side::k)) {
      accesses.of(BufferUser::left).read += element * of_array.left_reads;
    } else if (product && is_of_product(contract, operand, Side::k, Side::n)) {
      accesses.of(BufferUser::right).read += element * of_array.right_reads;
    } else {
      accesses.of(BufferUser::vector_unit).read += size_of_part(view->part, map);
    }
  }
  const bool accumulates = compute.kernel.accumulates();
  for (std::size_t i = 0; i < compute.outputs.size(); ++i) {
    const Tile& part = compute.outputs[i].part;
    if (product && is_of_product(contract, contract.outputs[i], Side::m, Side::n)) {
      const std::uint64_t first_ones =
          accumulates ? 0 : std::min(part.elements(), of_array.sum_writes);
      const Bytes element = map.at(part.tensor).element;
      accesses.of(BufferUser::sums) +=
          {element * (of_array.sum_writes - first_ones), element * of_array.sum_writes};
    } else {
      const Bytes size = size_of_part(part, map);
      accesses.of(BufferUser::vector_unit) += {accumulates ? size : Bytes(0), size};
    }
  }
  return accesses;
}

}  // namespace spillway::models
