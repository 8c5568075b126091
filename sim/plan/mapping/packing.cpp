#include "sim/plan/mapping/packing.hpp"

#include <algorithm>

namespace spillway::sim {

std::vector<std::uint64_t> Packing::from(std::uint64_t begin) const {
  std::vector<std::uint64_t> result = address;
  for (std::uint64_t& each : result) each += begin;
  return result;
}

Packing pack(const NestSpec& spec, const NestShape& shape, const ResidentPrefixes& resident,
             TakenRanges taken) {
  struct Piece {
    std::size_t slot;
    std::uint64_t words;
    std::size_t first, last;  // operations
  };
  std::vector<Piece> pieces;
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (is_resident_whole(spec.slots[s], resident[s]) ||
        spec.slots[s].source == Slot::Source::streamed) {
      continue;
    }
    Piece piece{s, shape.room(s), shape.uses(s).first, shape.uses(s).last};
    // The epilogue goes through a tile in parts, so that its operands are all there together.
    const auto& epilogue = spec.epilogue;
    if (epilogue && piece.first < epilogue->last && piece.last >= epilogue->first) {
      piece.first = std::min(piece.first, epilogue->first);
      piece.last = std::max(piece.last, epilogue->last - 1);
    }
    if (!shape.transient(s) || shape.alternates(s)) {
      piece.first = 0;
      piece.last = spec.ops.size();
    }
    pieces.push_back(piece);
  }
  // Long-lived tiles at the bottom, then the large first; each at the lowest address free.
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    const std::size_t length_a = a.last - a.first, length_b = b.last - b.first;
    if (length_a != length_b) return length_a > length_b;
    if (a.words != b.words) return a.words > b.words;
    return a.slot < b.slot;
  });
  Packing packing{std::vector<std::uint64_t>(spec.slots.size()), 0};
  for (const Piece& piece : pieces) {
    const std::uint64_t at = taken.lowest_free(piece.words, piece.first, piece.last);
    packing.address[piece.slot] = at;
    packing.words = std::max(packing.words, at + piece.words);
    taken.take({at, at + piece.words, piece.first, piece.last});
  }
  return packing;
}

}  // namespace spillway::sim
