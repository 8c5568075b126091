// Words that a nest moves: how often its loops bring each slot's tile in anew, and the words of all
// them, in closed form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "sim/plan/mapping/nest.hpp"

namespace spillway::sim {

/// A slot's tiles under loops of which some run more than once; loops are bits, the outermost the
/// lowest.
struct SlotPattern {
  std::uint32_t runs = 0;       ///< loops that its users run along
  std::uint32_t follows = 0;    ///< loops that its tile changes with
  std::uint32_t refetches = 0;  ///< loops that bring each tile in anew: its visits
  /// No tile is used twice in a row: its room is free outside of its uses in the loops' body.
  bool transient = true;
  std::optional<std::size_t> innermost;  ///< loop that its tile changes with
};

/// Which loops belong to an axis: all of them, and the outer one.
struct AxisLoops {
  ByAxis<std::uint32_t> all{}, outer{};
};
AxisLoops axis_loops(const std::vector<Loop>& loops);
/// The loops that an operation runs along, as bits.
std::uint32_t loops_of(const NestOp& op, const AxisLoops& loops);
std::vector<SlotPattern> slot_patterns(const NestSpec& spec, const AxisLoops& loops,
                                       std::uint32_t running);

/// All operations of the nest read the slot, so that it costs nothing to keep its tile where the
/// next one is the same box.
bool is_keepable(const NestSpec& spec, std::size_t slot);

/// All of each axis.
ByAxis<Range> whole_axes(const NestSpec& spec);

/// How often all of a slot's tiles cross the border.
struct SlotMoves {
  std::uint64_t loads = 0, stores = 0;
};
SlotMoves slot_moves(const Slot& slot, std::uint64_t visits);

/// Words of a slot across the border.
struct SlotTraffic {
  models::TileSize loads, stores;
};

/// Ranges of tiles by dimension; the tiles are all their combinations.
using TileRanges = std::array<std::vector<Range>, models::largest_rank>;

/// Tiles of a slot that are moved equally often.
struct TileGrid {
  TileRanges ranges;
  SlotMoves moves;
};

/// Trips of a nest's loops, and the tiles and visits of its slots.
class NestShape {
 public:
  explicit NestShape(const NestSpec& spec);
  void set(const std::vector<Loop>& loops, const Parts& parts = {});

  std::uint64_t trips(std::size_t loop) const { return trips_[loop]; }
  /// The loop's axis is one that the slot's tile follows.
  bool follows(std::size_t slot, std::size_t loop) const {
    return (patterns_[slot].follows >> loop & 1) != 0;
  }
  /// The loops that an operation runs along, as bits.
  std::uint32_t loops_of(const NestOp& op) const;
  /// The loops at whose last an operand that takes part once does.
  std::uint32_t waits_for(const NestOp& op, const NestOp::Operand& operand) const;
  /// The loops along the axes that the slot does not follow, among those of an operation.
  std::uint32_t reduced(const NestOp& op, const NestOp::Operand& operand) const;
  /// How often each of the slot's tiles is brought in, but for those of which `traffic` knows
  /// better.
  std::uint64_t visits(std::size_t slot) const { return visits_[slot]; }
  /// The slot's tiles.
  std::uint64_t tiles(std::size_t slot) const { return trips_of(patterns_[slot].follows); }
  /// The loops from the outermost to the last one that its tile changes with.
  std::size_t depth(std::size_t slot) const {
    return patterns_[slot].innermost ? *patterns_[slot].innermost + 1 : 0;
  }
  /// The loops that bring a tile in, or have it made, as bits.
  std::uint32_t brings_in(std::size_t slot) const {
    return patterns_[slot].follows | patterns_[slot].refetches;
  }
  /// No tile is used twice in a row: its room is free outside of its uses in the loops' body.
  bool transient(std::size_t slot) const { return patterns_[slot].transient; }
  /// The slot's tile is kept where the next one is the same box.
  bool keeps(std::size_t slot) const { return kept_along_[slot].has_value(); }
  /// The slot holds more than one tile in the end, in places that they take turns in.
  bool alternates(std::size_t slot) const;
  /// Words that the slot takes in the buffer: of its largest tile, for each place.
  std::uint64_t room(std::size_t slot) const {
    return largest(slot) * (alternates(slot) ? spec_.slots[slot].places : 1);
  }
  /// Words that cross the border for a slot of which so long a prefix is resident (elements of the
  /// first dimension).
  SlotTraffic traffic(std::size_t slot, std::int64_t resident = 0) const;
  /// The tiles that are moved for it, with the elements that they share for each.
  std::vector<TileGrid> tile_grids(std::size_t slot, std::int64_t resident = 0) const;
  /// Every tile of every slot has elements, no unfinished tile leaves that shares some with others,
  /// and loops that bring tiles in anew, or have them made anew, run equally often wherever they
  /// do.
  bool is_legal() const;
  /// How long its largest tile is along a dimension.
  std::int64_t largest_extent(std::size_t slot, std::size_t dimension) const;
  /// Words of its largest tile.
  std::uint64_t largest(std::size_t slot) const;
  /// The first and the last of the nest's operations that use a slot.
  struct Uses {
    std::size_t first = 0, last = 0;
  };
  const Uses& uses(std::size_t slot) const { return uses_[slot]; }

 private:
  using Mask = std::uint32_t;  // of loops

  void set_trips(const std::vector<Loop>& loops);
  void set_patterns();
  void set_visits(const std::vector<Loop>& loops);
  DimensionCut cut_of(const Projection& p, const ByAxis<Range>& within) const;
  /// Visit the ranges of the axes in which all of a slot's tiles are brought in equally often, and
  /// how often.
  template <class Visit>
  void for_each_stretch(std::size_t slot, std::int64_t resident, Visit visit) const;
  /// The ranges of the slot's tiles along a dimension, one after another.
  std::vector<Range> ranges_of(std::size_t slot, std::size_t dimension,
                               const ByAxis<Range>& within) const;
  /// All distinct tiles of a slot within ranges of the axes, shared elements counted for each.
  models::TileSize coverage(std::size_t slot, const ByAxis<Range>& within) const;
  /// The same in words, for elements of one word.
  std::uint64_t covered_words(std::size_t slot, const ByAxis<Range>& within) const;
  /// Sizes of the slot's tiles along a dimension, one after another.
  template <class Visit>
  void for_each_tile_size(const Slot& slot, const Projection& p, const ByAxis<Range>& within,
                          Visit visit) const;
  std::uint64_t trips_of(Mask loops) const;
  std::uint64_t visits_at_rest(std::size_t slot, std::size_t resting) const;
  bool rests_evenly() const;

  const NestSpec& spec_;
  AxisLoops by_axis_;
  Mask running_ = 0;  // loops of more than one trip
  Mask uneven_ = 0;   // inner loops that run less often in the last outer tile
  Parts parts_;
  std::vector<std::size_t> axis_of_;  // by loop
  std::vector<std::uint64_t> trips_;
  ByAxis<std::int64_t> outer_tile_{}, inner_tile_{};
  // Inner loops that do not run within the last tile of their outer one, as that is no larger than
  // a tile of theirs: tiles that would change with them stay in their slots.
  std::vector<std::size_t> resting_;
  std::vector<SlotPattern> patterns_;  // by slot
  // The same where some of the resting loops rest, by which (bits of their places in the list).
  std::vector<std::vector<SlotPattern>> at_rest_;
  std::vector<Uses> uses_;  // by slot
  std::vector<std::uint64_t> visits_;
  std::vector<std::optional<Axis>> kept_along_;  // by slot; none where nothing is
};

template <class Visit>
void NestShape::for_each_stretch(std::size_t s, std::int64_t resident, Visit visit) const {
  const Slot& slot = spec_.slots[s];
  ByAxis<Range> all = whole_axes(spec_);
  if (resident != 0) {
    if (is_resident_whole(slot, resident)) return;
    all[index(*slot.dims[0].axis)].begin = resident;
  }
  std::size_t own = 0;  // resting loops that it follows
  for (std::size_t k = 0; k < resting_.size(); ++k) {
    if (follows(s, resting_[k])) own |= std::size_t{1} << k;
  }
  // The last tiles of the loops outside of resting ones, apart from the others, in all
  // combinations.
  for (std::size_t some = own;; some = (some - 1) & own) {
    ByAxis<Range> within = all;
    bool any = true;
    for (std::size_t k = 0; k < resting_.size(); ++k) {
      if ((own >> k & 1) == 0) continue;
      const std::size_t axis = axis_of_[resting_[k]];
      const std::int64_t last = (spec_.extent[axis] - 1) / outer_tile_[axis] * outer_tile_[axis];
      ((some >> k & 1) != 0 ? within[axis].begin : within[axis].end) = last;
      any = any && within[axis].size() > 0;
    }
    if (any) visit(within, some == 0 ? visits_[s] : visits_at_rest(s, some));
    if (some == 0) return;
  }
}

/// What the nest costs by the objective: words of the counted slots.
std::uint64_t nest_cost(const NestSpec& spec, const NestShape& shape,
                        const ResidentPrefixes& resident);

}  // namespace spillway::sim
