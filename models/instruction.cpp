#include "models/instruction.hpp"

#include "workloads/support/error.hpp"

namespace spillway::models {

namespace {

struct Describe {
  const MemoryMap& map;
  std::string operator()(const Load& i) const { return "load " + tile_name(i.tile.tile, map); }
  std::string operator()(const Store& i) const { return "store " + tile_name(i.tile.tile, map); }
  std::string operator()(const Generate& i) const {
    return "generate " + tile_name(i.tile.tile, map);
  }
  std::string operator()(const Compute& i) const {
    std::string text = "compute " + workloads::kernel_name(i.kernel);
    if (!i.outputs.empty()) text += " -> " + tile_name(i.outputs[0].part, map);
    return text;
  }
  std::string operator()(const Free& i) const { return "free " + tile_name(i.tile.tile, map); }
};

}  // namespace

std::optional<EngineKind> engine_of(const Instruction& instruction) {
  if (std::holds_alternative<Load>(instruction)) return EngineKind::load;
  if (std::holds_alternative<Store>(instruction)) return EngineKind::store;
  if (std::holds_alternative<Compute>(instruction)) return EngineKind::compute;
  if (std::holds_alternative<Generate>(instruction)) return EngineKind::generate;
  return std::nullopt;
}

WorkLabel work_of(const Instruction& instruction) {
  return std::visit(
      [](const auto& any) -> WorkLabel {
        if constexpr (requires { any.work; }) return any.work;
        return 0;
      },
      instruction);
}

std::string describe(const Instruction& instruction, const MemoryMap& map) {
  return std::visit(Describe{map}, instruction);
}

}  // namespace spillway::models
