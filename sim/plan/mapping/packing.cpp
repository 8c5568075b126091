#include "sim/plan/mapping/packing.hpp"

#include <algorithm>

namespace spillway::sim {

std::vector<std::uint64_t> Packing::from(std::uint64_t begin) const {
  std::vector<std::uint64_t> result = address;
  for (std::uint64_t& each : result) each += begin;
  return result;
}

Packing pack(const NestSpec& spec, const NestShape& shape, const Standing& standing,
             const std::vector<BufferRange>& taken) {
  struct Piece {
    std::size_t slot;
    std::uint64_t words;
    std::size_t first, last;  // operations
    std::uint64_t address = 0;
  };
  std::vector<Piece> pieces;
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    if (stands_whole(spec.slots[s], standing[s]) ||
        spec.slots[s].source == Slot::Source::streamed) {
      continue;
    }
    Piece piece{s, shape.largest(s), shape.uses(s).first, shape.uses(s).last};
    // What finishes a tile goes round in parts, so that its operands are all there together.
    const auto& finish = spec.finish;
    if (finish && piece.first < finish->last && piece.last >= finish->first) {
      piece.first = std::min(piece.first, finish->first);
      piece.last = std::max(piece.last, finish->last - 1);
    }
    if (!shape.transient(s)) {
      piece.first = 0;
      piece.last = spec.ops.size();
    }
    pieces.push_back(piece);
  }
  // What stays for long at the bottom, then the large first; each at the lowest address free.
  std::sort(pieces.begin(), pieces.end(), [](const Piece& a, const Piece& b) {
    const std::size_t length_a = a.last - a.first, length_b = b.last - b.first;
    if (length_a != length_b) return length_a > length_b;
    if (a.words != b.words) return a.words > b.words;
    return a.slot < b.slot;
  });
  Packing packing{std::vector<std::uint64_t>(spec.slots.size()), 0};
  const auto by_address = [](const Piece& a, const Piece& b) { return a.address < b.address; };
  std::vector<Piece> placed;  // by address
  for (const BufferRange& range : taken) {
    placed.push_back({spec.slots.size(), range.end - range.begin, 0, spec.ops.size(), range.begin});
  }
  std::sort(placed.begin(), placed.end(), by_address);
  for (Piece& piece : pieces) {
    std::uint64_t at = 0;
    for (const Piece& other : placed) {
      if (other.last < piece.first || piece.last < other.first) continue;
      if (other.address + other.words <= at) continue;
      if (other.address >= at + piece.words) break;
      at = other.address + other.words;
    }
    piece.address = at;
    packing.address[piece.slot] = at;
    packing.words = std::max(packing.words, at + piece.words);
    placed.insert(std::upper_bound(placed.begin(), placed.end(), piece, by_address), piece);
  }
  return packing;
}

}  // namespace spillway::sim
