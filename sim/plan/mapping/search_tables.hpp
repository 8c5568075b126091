// Tables that the searches of one nest share: how every dimension of every slot is cut by every
// size of tile, and the orders of loops.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

/// The cuts of one dimension of a slot by tile size, of whichever loop it follows.
struct Cuts {
  std::vector<DimensionCut> outer, inner;  ///< a dimension without an axis has one cut
  /// The least `sum` or `fresh` of a size and all later ones.
  std::vector<std::int64_t> outer_least, inner_least;
  bool gaps = false;     ///< smaller tiles leave out elements that larger ones cover
  bool repeats = false;  ///< tiles may be the same box as the one before
  bool rises = true;     ///< sums never fall from one size to the next
  bool shrinks = true;   ///< nor does the largest of the tiles grow
};

/// A slot's tiles under one order of loops.
struct SlotTiles {
  /// A dimension that changes with a loop.
  struct Dimension {
    std::size_t level = 0;  ///< the number of levels: with none
    const std::vector<DimensionCut>* cuts = nullptr;
    const std::vector<std::int64_t>* least = nullptr;
    bool part = false;  ///< a place at a time is enough
    std::int64_t per_group = 0;
  };
  std::size_t slot = 0;
  std::array<Dimension, models::largest_rank> dims;
  std::size_t changing = 0;            ///< dimensions in use
  std::int64_t rest = 1, largest = 1;  ///< elements along the others: all, and of a tile
  std::int64_t element = 4;
  std::uint64_t all = 0;     ///< words of the whole tensor
  bool moves = false;        ///< its words are counted
  bool kept = false;         ///< where the next tile is the same box
  bool gaps = false;         ///< smaller tiles may move fewer words
  std::uint32_t levels = 0;  ///< that the size of a tile depends on
  // Levels of which a later size may move fewer words, or need more room.
  std::uint32_t falls = 0, grows = 0;
};

/// One order of loops, with the tables that its searches share.
struct Order {
  struct Level {
    std::int64_t extent = 1;
    std::optional<std::size_t> outer;  ///< level of the same axis
    std::vector<std::int64_t> sizes;   ///< of tiles, the largest first and the smallest last
    std::vector<bool> coarse;          ///< about half of the one before, by size
  };
  std::vector<Loop> loops;  ///< with the whole axes
  std::vector<Level> levels;
  std::vector<std::size_t> sequence;  ///< levels as they are decided
  AxisLoops by_axis;
  std::vector<SlotTiles> slots;
  std::uint32_t unsorted = 0;    ///< levels
  std::uint32_t one_by_one = 0;  ///< levels with an inner one of single places
  /// A level of columns that could change places with the one of rows just outside of it.
  std::optional<std::size_t> symmetric;
  std::vector<std::vector<SlotPattern>> patterns;  ///< by running loops, when they are needed
};

struct SearchTables {
  explicit SearchTables(const NestSpec& spec);

  static Cuts cuts_of(const NestSpec& spec, const Projection& p);

  SlotTiles tiles_of(const NestSpec& spec, std::size_t s, const Order& order) const;

  void find_together(const NestSpec& spec);

  /// The columns, where all that is cut along them is cut along rows in the same way.
  static std::optional<std::size_t> symmetric_in(const NestSpec& spec, const Order& order);
  static bool is_symmetric(const Slot& slot, const SlotTiles& tiles, std::size_t row,
                           std::size_t column);
  static bool is_symmetric(const NestSpec& spec, const NestOp& op);

  std::vector<std::array<Cuts, models::largest_rank>> cuts;  ///< by slot and dimension
  bool gaps = false;                                         ///< any of them has
  std::vector<Order> orders;
  NestShape shape;  ///< of the loops that a search is at
  /// Sets of slots that some operation uses at once; none within another.
  std::vector<std::vector<std::size_t>> together;
};

}  // namespace spillway::sim
