// A nest: some operations of a step run tile by tile under loops along shared axes. Tensors that
// the operations use have slots in the buffer; a slot holds one tile at a time, and its tile is
// changed only when the loops move on to another one. What a nest moves follows from its loops
// alone, in closed form.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/compute_array.hpp"
#include "models/tile.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

using models::Range;

enum class Axis : std::uint8_t { group, example, row, column, output, input };
inline constexpr std::size_t axis_count = 6;
std::string to_string(Axis axis);

template <class Value>
using ByAxis = std::array<Value, axis_count>;
inline std::size_t index(Axis axis) { return static_cast<std::size_t>(axis); }

/// How a range of an axis becomes a range of one dimension of a tensor.
struct Projection {
  /// The places that windows at a range of places cover, or (inverse) the windows that touch it; at
  /// the map's borders with those that lie on padding alone.
  struct Stage {
    std::int64_t stride = 1, padding = 0, kernel = 1;
    std::int64_t extent = 1;  ///< of the dimension it leads to
    bool inverse = false;
    std::int64_t from = 1;  ///< extent of the dimension it comes from
  };
  std::optional<Axis> axis;  ///< none: always the whole dimension
  bool outer = false;        ///< follows the axis's outer loop alone
  std::int64_t extent = 1;   ///< of the dimension
  /// Elements of the dimension that one group has, where the axis runs within a group; else 0.
  std::int64_t per_group = 0;
  std::uint8_t stages = 0;
  std::array<Stage, 2> stage{};

  void add(const Stage& next) { stage.at(stages++) = next; }
  Range apply(Range range) const;  ///< stages only
};

using Projections = std::array<Projection, models::largest_rank>;

/// A tensor's place in a nest.
struct Slot {
  enum class Source {
    outside,   ///< loaded
    made,      ///< by an operation of the nest; an unfinished tile that has to leave is spilled
    remade,    ///< by operations that run on demand, anew whenever its tile is missing
    streamed,  ///< generated into the array; no room in the buffer
  };
  workloads::TensorId tensor = 0;
  Projections dims;
  Source source = Source::outside;
  bool changed = false;    ///< an operation of the nest writes it
  bool wanted = false;     ///< its final value is used after the nest
  bool on_demand = false;  ///< what changes it runs on demand: it cannot stand there beforehand
  bool in_parts = false;   ///< an update takes it a few rows of its first dimension at a time
  bool in_finish = false;  ///< the spec's `finish` takes it a few places at a time
  workloads::Bytes element{4};
  bool counted = true;  ///< its words cross the DRAM port, not the host's
};

/// A matrix product, and which of its sides is cut with which axis.
struct ArrayProduct {
  models::Gemm whole;
  ByAxis<std::optional<std::uint64_t models::Gemm::*>> side;
};

struct NestOp {
  struct Operand {
    std::size_t slot = 0;
    /// Takes part once: a bias at the last of the loops that its sum runs along, a bias's gradient
    /// at the last of those along `input`.
    bool once = false;
  };
  std::size_t op = 0;  ///< in the step
  std::vector<Operand> inputs, outputs;
  std::vector<std::size_t> seeds;  ///< slots that have to be resident, too
  /// What it does, where that is a phase of the step's operation.
  std::optional<workloads::Kernel> kernel;
  std::optional<ArrayProduct> product;
  std::optional<std::size_t> on_demand;  ///< runs when the tile of this slot is missing
  bool in_parts = false;  ///< an update that goes through its tile a few rows at a time
  ByAxis<bool> runs{};    ///< axes that it runs along; it waits for the last of all others
  bool outer = false;     ///< it runs along the outer loops alone, and on whole tiles

  bool takes(std::size_t slot) const;  ///< as an input or a seed
  bool makes(std::size_t slot) const;
  bool uses(std::size_t slot) const { return takes(slot) || makes(slot); }
};

/// Up to this extent the rows and columns of maps are cut in every way.
inline constexpr std::int64_t small_map = 8;

/// Which operations, along which axes, with which tensors: all but tiles and order.
struct NestSpec {
  std::string name;
  ByAxis<std::int64_t> extent{1, 1, 1, 1, 1, 1};
  std::vector<Slot> slots;
  std::vector<NestOp> ops;
  /// This axis may have an outer and an inner loop: some slots follow the outer one alone.
  std::optional<Axis> split;
  /// These axes have an inner loop, too, inside of all others: one slot comes in pieces, the others
  /// follow the outer loops alone.
  struct Pieces {
    Axis axis = Axis::output;
    bool one_by_one = false;  ///< smaller pieces move no more words
  };
  std::vector<Pieces> pieces;
  const Pieces* pieces_along(Axis axis) const;
  /// What is done to a finished tile goes through it a few places of an axis at a time: operations
  /// from `first` to before `last`.
  struct Finish {
    Axis axis = Axis::output;
    std::size_t first = 0, last = 0;
  };
  std::optional<Finish> finish;
  bool whole_maps = false;                                ///< rows and columns are not cut
  bool whole_batch = false;                               ///< examples are not cut
  std::size_t slot_of(workloads::TensorId tensor) const;  ///< slots.size() when it has none
};

/// `tile` places of an axis at a time. Of two loops of one axis the first is the outer one.
struct Loop {
  Axis axis;
  std::int64_t tile;
};

/// How much at a time operations take that go through a tile.
struct Parts {
  std::int64_t rows = 1;      ///< of the first dimension, for updates
  std::int64_t finished = 1;  ///< places, for what finishes a tile
};

/// What of each slot's tensor stands in the buffer, before the nest or after it or both, and moves
/// nothing here: so many elements of its first dimension, from the first on.
using Standing = std::vector<std::int64_t>;
bool stands_whole(const Slot& slot, std::int64_t standing);
/// The slot's tensor may stand.
bool can_stand(const Slot& slot);
/// A part of it may, while the rest comes tile by tile.
bool can_stand_in_part(const Slot& slot);
/// No tile of the slot, cut so by its axis's loops, is split by what stands: the tiles of the outer
/// loop, where it runs, or else those of the inner one. (The inner tiles alone would do, but then
/// what stands and what does not would take turns within an outer tile.)
bool is_cut_at(std::int64_t standing, const Slot& slot, std::int64_t outer, std::int64_t inner);
/// The same for the loops of a nest.
bool is_cut_at(std::int64_t standing, const Slot& slot, const NestSpec& spec,
               const std::vector<Loop>& loops);

/// The spec with its loops, outermost first.
struct Nest {
  NestSpec spec;
  std::vector<Loop> loops;
  Standing standing;
  Parts parts;
  std::vector<std::uint64_t> address;  ///< of the slots in the buffer, in words
};

/// The ranges that loops stand at.
struct Place {
  ByAxis<Range> outer, inner;
};

/// The slot's tile at a place.
models::Tile tile_of(const Slot& slot, const Place& place);
/// The part of it that an operation of the innermost loops works on.
models::Tile part_of(const Slot& slot, const Place& place);

/// What a slot does under loops of which some run more than once; loops are bits, the outermost the
/// lowest.
struct SlotPattern {
  std::uint32_t runs = 0;        ///< loops that what uses it runs along
  std::uint32_t follows = 0;     ///< loops that its tile changes with
  std::uint32_t multiplied = 0;  ///< loops that bring each tile in anew: its visits
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

/// How a range of an axis, cut into tiles from its begin on, shows in one dimension: the largest of
/// its ranges, the sum of all, and of those that differ from the one before.
struct DimensionCut {
  std::int64_t largest = 1, sum = 1, fresh = 1;
  bool operator==(const DimensionCut&) const = default;
};
DimensionCut cut(const Projection& p, Range within, std::int64_t tile);

/// All operations of the nest read the slot, so that it costs nothing to keep its tile where the
/// next one is the same box.
bool is_keepable(const NestSpec& spec, std::size_t slot);

/// How often all of a slot's tiles cross the border.
struct SlotMoves {
  std::uint64_t loads = 0, stores = 0;
};
SlotMoves slot_moves(const Slot& slot, std::uint64_t visits);

/// What crosses the border for a slot.
struct SlotTraffic {
  models::TileSize loads, stores;
};

/// What the loops of a nest come to: how often they run, and what they do to its slots.
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
  /// No tile is used twice in a row: its room is free outside of its uses in the loops' body.
  bool transient(std::size_t slot) const { return patterns_[slot].transient; }
  /// The slot's tile is kept where the next one is the same box.
  bool keeps(std::size_t slot) const { return kept_along_[slot].has_value(); }
  /// All that crosses the border for a slot of which so many elements of the first dimension stand.
  SlotTraffic traffic(std::size_t slot, std::int64_t standing = 0) const;
  /// Every tile of every slot has elements, no unfinished tile leaves that shares some with others,
  /// and loops that bring tiles in anew, or have them made anew, run equally often wherever they
  /// do.
  bool is_legal() const;
  /// Words of its largest tile.
  std::uint64_t largest(std::size_t slot) const;
  /// The first and the last of the nest's operations that use a slot.
  struct Uses {
    std::size_t first = 0, last = 0;
  };
  const Uses& uses(std::size_t slot) const { return uses_[slot]; }

 private:
  using Mask = std::uint32_t;  // of loops

  DimensionCut cut_of(const Projection& p, const ByAxis<Range>& within) const;
  /// All distinct tiles of a slot within ranges of the axes, what they share counted for each.
  models::TileSize coverage(std::size_t slot, const ByAxis<Range>& within) const;
  std::uint64_t trips_of(Mask loops) const;
  std::uint64_t visits_at_rest(std::size_t slot, std::size_t resting) const;
  bool rests_evenly() const;

  const NestSpec& spec_;
  AxisLoops by_axis_;
  Mask uneven_ = 0;  // inner loops that run less often in the last outer tile
  Parts parts_;
  std::vector<std::size_t> axis_of_;  // by loop
  std::vector<std::uint64_t> trips_;
  ByAxis<std::int64_t> outer_tile_{}, inner_tile_{};
  // Inner loops that do not run within the last tile of their outer one, as that is no larger than
  // a tile of theirs: what would change with them stays there.
  std::vector<std::size_t> resting_;
  std::vector<SlotPattern> patterns_;  // by slot
  // The same where some of the resting loops rest, by which (bits of their places in the list).
  std::vector<std::vector<SlotPattern>> at_rest_;
  std::vector<Uses> uses_;  // by slot
  std::vector<std::uint64_t> visits_;
  std::vector<std::optional<Axis>> kept_along_;  // by slot; none where nothing is
};

/// Words of the nest through the DRAM port.
std::uint64_t dram_words(const NestSpec& spec, const NestShape& shape, const Standing& standing);

/// Words of the buffer from `begin` to before `end`.
struct BufferRange {
  std::uint64_t begin = 0, end = 0;
};

/// Addresses for the slots, each for as long as it is used within the loops' body, and the words
/// up to the highest. Slots that stand whole or are streamed get none. What is `taken` by others is
/// left out.
struct Packing {
  std::vector<std::uint64_t> address;
  std::uint64_t words = 0;
  /// The addresses when the packing begins at one.
  std::vector<std::uint64_t> from(std::uint64_t begin) const;
};
Packing pack(const NestSpec& spec, const NestShape& shape, const Standing& standing,
             const std::vector<BufferRange>& taken = {});

}  // namespace spillway::sim
