#include "sim/plan/mapping/candidates.hpp"

#include <limits>

#include "sim/plan/mapping/nest_search.hpp"

namespace spillway::sim {

namespace {

/// The last of the choice with one or another of its operands in pieces.
void add_pieces(const NestBuilder& builder, NestRequest request, NestChoice& choice) {
  if (!request.before.empty() || request.main.size() != 1 || !request.after.empty()) return;
  const NestOp product = choice.back().ops.front();
  for (const auto* operands : {&product.inputs, &product.outputs}) {
    for (const NestOp::Operand& operand : *operands) {
      const Slot& slot = choice.front().slots[operand.slot];
      if (operand.once || slot.source == Slot::Source::streamed) continue;
      request.in_pieces = slot.tensor;
      NestSpec spec = builder.tiled(request);
      if (!spec.pieces.empty()) choice.push_back(std::move(spec));
    }
  }
}

}  // namespace

NestChoice choice_of(const NestBuilder& builder, NestRequest request) {
  NestChoice choice{builder.tiled(request)};
  const NestSpec& spec = choice.front();
  bool cut = false;
  for (const Axis axis : map_axes) {
    cut = cut || spec.extent[index(axis)] > 1;
  }
  add_pieces(builder, request, choice);
  const bool cut_elsewhere =
      request.main.size() == 1 && builder.access(request.main.front()).contract.cut_at.size() > 1;
  if (cut && cut_elsewhere) {
    request.cut_last = true;
    choice.push_back(builder.tiled(request));
    add_pieces(builder, request, choice);
  }
  return choice;
}

std::optional<Nest> choose(const NestChoice& choice, std::uint64_t words,
                           const models::ComputeArray& array) {
  // All specs of a choice have the same slots.
  const ResidentPrefixes none(choice.front().slots.size());
  std::vector<LoopSearch> searches(choice.begin(), choice.end());
  LoopSearch* of_best = nullptr;
  std::optional<FoundNest> best;
  for (LoopSearch& search : searches) {
    const auto found =
        search.find(none, words, best ? best->cost : std::numeric_limits<std::uint64_t>::max());
    if (!found) continue;
    best = found;
    of_best = &search;
  }
  if (!best) return std::nullopt;
  return of_best->quickest_nest(*best, none, words, array);
}

}  // namespace spillway::sim
