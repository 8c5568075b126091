#include "sim/plan/operations/tile_kernel.hpp"

#include <algorithm>
#include <string>

#include "workloads/kernels/boxes.hpp"
#include "workloads/kernels/recent_contracts.hpp"

namespace spillway::sim {

using namespace workloads;

namespace {

using Tiles = std::span<const models::Tile>;

template <std::size_t most>
InlineVector<Box, most> boxes_of(Tiles tiles) {
  InlineVector<Box, most> result;
  for (const models::Tile& tile : tiles) result.push_back(tile.box);
  return result;
}

}  // namespace

Kernel tile_kernel(const Kernel& whole, Tiles inputs, Tiles outputs, bool accumulate) {
  try {
    thread_local RecentContracts contracts;
    const Contract& contract = contracts.of(whole);
    require(inputs.size() >= contract.required_inputs() &&
                inputs.size() <= contract.inputs.size() &&
                outputs.size() >= contract.required_outputs() &&
                outputs.size() <= contract.outputs.size(),
            "operands are missing");
    require(!accumulate || std::ranges::any_of(
                               contract.outputs,
                               [](const Operand& output) { return output.join != Join::never; }),
            "its kernel cannot accumulate");
    const auto in = boxes_of<6>(inputs);
    const auto out = boxes_of<4>(outputs);
    return whole.on_boxes({in.begin(), in.end()}, {out.begin(), out.end()}, accumulate);
  } catch (const ConsistencyError& error) {
    throw ConsistencyError(kernel_name(whole) + ": " + error.what());
  }
}

}  // namespace spillway::sim
