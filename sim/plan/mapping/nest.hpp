// A nest: some operations of a step run tile by tile under loops along shared axes. Tensors that
// the operations use have slots in the buffer; a slot holds one tile at a time, and its tile is
// changed only when the loops move on to another one. The words that a nest moves follow from
// its loops alone, in closed form.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/compute_array.hpp"
#include "models/tile.hpp"
#include "sim/plan/mapping/projection.hpp"
#include "workloads/step.hpp"
#include "workloads/support/filled_array.hpp"

namespace spillway::sim {

/// A tensor's place in a nest.
struct Slot {
  enum class Source {
    outside,     ///< loaded
    made,        ///< by an operation of the nest; an unfinished tile that has to leave is spilled
    recomputed,  ///< by operations that run on demand, anew whenever its tile is missing
    streamed,    ///< generated into the array; no room in the buffer
  };
  workloads::TensorId tensor = 0;
  Projections dims;
  Source source = Source::outside;
  bool changed = false;  ///< an operation of the nest writes it
  bool wanted = false;   ///< its final value is used after the nest
  bool on_demand =
      false;  ///< the operations that write it run on demand: it cannot be resident before
  bool in_parts = false;     ///< an update takes it a few rows of its first dimension at a time
  bool in_epilogue = false;  ///< the spec's epilogue takes it a few places at a time
  workloads::Bytes element{4};
  bool counted = true;  ///< its words cost something by the objective
  /// Of the buffer, in which its tiles take turns, so that one moves while another is used; with
  /// three, one may be stored, one used and one loaded.
  std::uint64_t places = 1;
  std::uint64_t per_clock = 0;  ///< elements that the PRNG unit makes at once, where it does
};

/// A matrix product, and which of its sides is cut with which axis, into which ranges of its own.
struct ArrayProduct {
  models::Gemm whole;
  ByAxis<std::optional<std::uint64_t models::Gemm::*>> side;
  ByAxis<Projection> projection;

  /// The product of tiles of these sizes, of axes of these extents, where windows do not overlap.
  models::Gemm of_tiles(const ByAxis<std::int64_t>& sizes,
                        const ByAxis<std::int64_t>& extent) const;
  /// The same of the tile at these ranges, with all that its windows cover.
  models::Gemm at(const ByAxis<Range>& ranges) const;

 private:
  void cut(models::Gemm& product, std::size_t axis, std::int64_t part, std::int64_t of) const;
};

struct NestOp {
  struct Operand {
    std::size_t slot = 0;
    /// Takes part once: an input at the last of the loops that the first output's sum runs along
    /// (a bias), an output at the last of those that the first one follows and it does not.
    bool once = false;
  };
  std::size_t op = 0;  ///< in the step
  std::vector<Operand> inputs, outputs;
  std::vector<std::size_t> seeds;  ///< slots that have to be resident, too
  /// The kernel, where it is a phase of the step's operation.
  std::optional<workloads::Kernel> kernel;
  std::optional<ArrayProduct> product;
  std::uint64_t elements = 0;            ///< work beside the product, in elements
  std::optional<std::size_t> on_demand;  ///< runs when the tile of this slot is missing
  bool in_parts = false;  ///< an update that goes through its tile a few rows at a time
  ByAxis<bool> runs{};    ///< axes that it runs along; it waits for the last of all others
  bool outer = false;     ///< it runs along the outer loops alone, and on whole tiles

  bool takes(std::size_t slot) const;  ///< as an input or a seed
  bool makes(std::size_t slot) const;
  bool uses(std::size_t slot) const { return takes(slot) || makes(slot); }
};

/// Operations, axes and tensors of a nest: all but tiles and order.
struct NestSpec {
  std::string name;
  ByAxis<std::int64_t> extent = workloads::filled_array<axis_count, std::int64_t>(1);
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
  /// Operations on a finished tile, from `first` to before `last`, which go through it a few
  /// indices of an axis at a time.
  struct Epilogue {
    Axis axis = Axis::output;
    std::size_t first = 0, last = 0;
  };
  std::optional<Epilogue> epilogue;
  /// Not cut: an operation takes the axis in one go, or windows share wanted elements along it, or
  /// the maps of two products that are done together lie along it.
  ByAxis<bool> uncut{};
  std::size_t slot_of(workloads::TensorId tensor) const;  ///< slots.size() when it has none
};

/// `tile` places of an axis at a time. Of two loops of one axis the first is the outer one.
struct Loop {
  Axis axis;
  std::int64_t tile;
};

/// The sub-tiles in which operations go through a tile.
struct Parts {
  std::int64_t rows = 1;      ///< of the first dimension, for updates
  std::int64_t finished = 1;  ///< indices of the axis, for the epilogue of a tile
};

/// By slot, the prefix of its tensor that is resident before the nest, after it or both, and moves
/// no words in it: a number of elements of the first dimension.
using ResidentPrefixes = std::vector<std::int64_t>;
bool is_resident_whole(const Slot& slot, std::int64_t resident);
/// The slot's tensor may be resident across the nest.
bool can_be_resident(const Slot& slot);
/// A prefix of it may, while the rest comes tile by tile.
bool can_be_resident_in_part(const Slot& slot);
/// The resident prefix splits no tile of the slot, where its axis is cut into these tiles: those of
/// the outer loop, where it runs, or else of the inner one. (The inner tiles alone would do, but
/// then resident elements and others would take turns within an outer tile.)
bool is_cut_at(std::int64_t resident, const Slot& slot, std::int64_t outer, std::int64_t inner);
/// The same for the loops of a nest.
bool is_cut_at(std::int64_t resident, const Slot& slot, const NestSpec& spec,
               const std::vector<Loop>& loops);

/// The spec with its loops, outermost first.
struct Nest {
  NestSpec spec;
  std::vector<Loop> loops;
  ResidentPrefixes resident;
  Parts parts;
  std::vector<std::uint64_t> address;  ///< of the slots in the buffer, in words
};

/// The ranges of the axes that the loops have come to.
struct Place {
  ByAxis<Range> outer, inner;
};

/// The slot's tile at a place.
models::Tile tile_of(const Slot& slot, const Place& place);
/// The part of it that an operation of the innermost loops works on.
models::Tile part_of(const Slot& slot, const Place& place);

}  // namespace spillway::sim
