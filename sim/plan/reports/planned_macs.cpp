#include "sim/plan/reports/planned_macs.hpp"

#include <algorithm>
#include <vector>

#include "sim/plan/mapping/nest_shape.hpp"
#include "sim/plan/mapping/operand_maps.hpp"

namespace spillway::sim {

namespace {

namespace w = workloads;

struct Count {
  std::uint64_t exact = 0, padded = 0;
};

std::uint64_t u(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// The matrix products of one nest.
class NestProducts {
 public:
  NestProducts(const w::Step& step, const Nest& nest)
      : step_(step), nest_(nest), shape_(nest.spec) {
    shape_.set(nest.loops, nest.parts);
    tile_ = nest.spec.extent;
    for (const Loop& loop : nest.loops) tile_[index(loop.axis)] = loop.tile;  // the inner one
  }

  Count count(const NestOp& op) const {
    if (!op.product) return {};
    const Count once = product(op);
    const std::uint64_t times = repeated(op);
    return {once.exact * times, once.padded * times};
  }

 private:
  /// Points of the operation's axes over all tiles: the points whose indices all lie inside the
  /// tiles, and all.
  Count product(const NestOp& op) const {
    const OpPart part = part_of(op);
    const OperandAccess own(step_, part);
    const AxisProjections axes = axes_of(own, step_, part, [&](w::TensorId id) {
      return &nest_.spec.slots[nest_.spec.slot_of(id)].dims;
    });
    Count count{1, 1};
    std::vector<bool> counted(axes.size());
    own.for_each(step_, part, [&](w::TensorId id, const w::Access::Dimensions& dims) {
      const Projections& known = nest_.spec.slots[nest_.spec.slot_of(id)].dims;
      for (std::size_t d = 0; d < dims.size(); ++d) {
        if (!dims[d].is(w::Index::Form::windows)) continue;
        const std::size_t place = dims[d].terms[0].axis, tap = dims[d].terms[1].axis;
        const Count pairs = taps(dims[d], own.access.axes[tap].extent, known[d], *axes[place]);
        count = {count.exact * pairs.exact, count.padded * pairs.padded};
        counted[place] = counted[tap] = true;
      }
    });
    for (std::size_t a = 0; a < axes.size(); ++a) {
      if (counted[a] || own.access.axes[a].side == w::Side::none) continue;
      const std::uint64_t sum = axes[a] ? sum_of(*axes[a]) : u(own.access.axes[a].extent);
      count = {count.exact * sum, count.padded * sum};
    }
    return count;
  }

  OpPart part_of(const NestOp& op) const {
    OpPart part(op.op);
    if (!op.kernel) return part;
    part.kernel = op.kernel;
    for (const auto& in : op.inputs) part.inputs.push_back(nest_.spec.slots[in.slot].tensor);
    for (const auto& out : op.outputs) part.outputs.push_back(nest_.spec.slots[out.slot].tensor);
    return part;
  }

  /// Ranges of the dimension over all tiles, added up.
  std::uint64_t sum_of(const Projection& p) const {
    if (!p.axis || p.per_group != 0) return u(p.extent);
    return u(cut(p, {0, nest_.spec.extent[index(*p.axis)]}, tile_[index(*p.axis)]).sum);
  }

  /// Pairs of a place and a tap: the pairs that reach the tile's range of the dimension, and all.
  Count taps(const w::Index& window, std::int64_t taps, const Projection& dimension,
             const Projection& places) const {
    const std::optional<Axis> axis = places.axis ? places.axis : dimension.axis;
    const std::int64_t extent = axis ? nest_.spec.extent[index(*axis)] : 1;
    const std::int64_t tile = axis ? tile_[index(*axis)] : 1;
    const auto range = [](const Projection& p, Range at) {
      return p.axis ? p.apply(at) : Range{0, p.extent};
    };
    Count count;
    for (std::int64_t begin = 0; begin < extent; begin += tile) {
      const Range at{begin, std::min(extent, begin + tile)};
      const Range reached = range(dimension, at), here = range(places, at);
      for (std::int64_t place = here.begin; place < here.end; ++place) {
        const std::int64_t first = place * window.terms[0].stride + window.offset;
        const std::int64_t inside =
            std::min(first + taps, reached.end) - std::max(first, reached.begin);
        count.exact += u(std::max<std::int64_t>(inside, 0));
        count.padded += u(taps);
      }
    }
    return count;
  }

  /// How often an operation does all of its tiles.
  std::uint64_t repeated(const NestOp& op) const {
    if (!op.on_demand) return 1;
    // Whenever a tile of its target is missing, also for loops that it does not itself run along.
    std::uint64_t times = shape_.visits(*op.on_demand);
    const std::uint32_t own = shape_.loops_of(op);
    for (std::size_t i = 0; i < nest_.loops.size(); ++i) {
      if (shape_.follows(*op.on_demand, i) && (own >> i & 1) == 0) times *= shape_.trips(i);
    }
    return times;
  }

  const w::Step& step_;
  const Nest& nest_;
  NestShape shape_;
  ByAxis<std::int64_t> tile_;
};

}  // namespace

PlannedMacs planned_macs(const Plan& plan) {
  const w::Step& step = plan.step();
  if (plan.schedule().nests.empty()) {
    return {step.macs(), Macs(0), step.macs_padded(), step.readout_macs(), Macs(0)};
  }
  std::vector<Count> by_op(step.ops.size());
  for (const Nest& nest : plan.schedule().nests) {
    const NestProducts products(step, nest);
    for (const NestOp& op : nest.spec.ops) {
      const Count count = products.count(op);
      by_op[op.op].exact += count.exact;
      by_op[op.op].padded += count.padded;
    }
  }
  PlannedMacs result;
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    const Macs exact(by_op[i].exact), own = step.ops[i].macs;
    const bool readout = step.ops[i].layer == step.readout_layer();
    (readout ? result.readout : result.macs) += exact;
    if (exact > own) (readout ? result.readout_recomputed : result.recomputed) += exact - own;
    if (!readout) result.macs_padded += Macs(by_op[i].padded);
  }
  return result;
}

}  // namespace spillway::sim
