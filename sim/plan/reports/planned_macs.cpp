#include "sim/plan/reports/planned_macs.hpp"

#include <algorithm>
#include <vector>

#include "sim/plan/mapping/nest_shape.hpp"

namespace spillway::sim {

namespace {

namespace w = workloads;

struct Count {
  std::uint64_t exact = 0, padded = 0;
};

/// The sides of a matrix product, as slots.
struct Sides {
  std::size_t x, y;
};

std::uint64_t u(std::int64_t value) { return static_cast<std::uint64_t>(value); }

/// The matrix products of one nest.
class NestProducts {
 public:
  explicit NestProducts(const Nest& nest) : nest_(nest), shape_(nest.spec) {
    shape_.set(nest.loops, nest.parts);
    tile_ = nest.spec.extent;
    for (const Loop& loop : nest.loops) tile_[index(loop.axis)] = loop.tile;  // the inner one
  }

  Count count(const NestOp& op, const w::Kernel& kernel) const {
    Count once = std::visit([&](const auto& k) { return product(k, op); }, kernel);
    const std::uint64_t times = repeated(op);
    return {once.exact * times, once.padded * times};
  }

 private:
  template <class K>
  Count product(const K& k, const NestOp& op) const {
    using std::is_same_v;
    const auto in = [&](std::size_t i) { return op.inputs[i].slot; };
    const std::size_t out = op.outputs.empty() ? 0 : op.outputs[0].slot;
    if constexpr (is_same_v<K, w::ConvForward>) {
      return conv(k.shape, {in(0), out});
    } else if constexpr (is_same_v<K, w::ConvInputGradient>) {
      return conv(k.shape, {out, in(0)});
    } else if constexpr (is_same_v<K, w::ConvWeightGradient>) {
      return conv(k.shape, {in(1), in(0)});
    } else if constexpr (is_same_v<K, w::FcForward> || is_same_v<K, w::ClassifierForward>) {
      return dense({in(0), out});
    } else if constexpr (is_same_v<K, w::FcInputGradient> || is_same_v<K, w::ClassifierError>) {
      return dense({out, in(0)});
    } else if constexpr (is_same_v<K, w::FcWeightGradient> ||
                         is_same_v<K, w::ClassifierWeightGradient>) {
      return dense({in(1), in(0)});
    } else {
      return {};
    }
  }

  const Projection& dimension(std::size_t slot, std::size_t d) const {
    return nest_.spec.slots[slot].dims[d];
  }

  /// Ranges of the dimension over all tiles, added up.
  std::uint64_t sum(std::size_t slot, std::size_t d) const {
    const Projection& p = dimension(slot, d);
    if (!p.axis || p.per_group != 0) return u(p.extent);
    return u(cut(p, {0, nest_.spec.extent[index(*p.axis)]}, tile_[index(*p.axis)]).sum);
  }

  Count dense(const Sides& sides) const {
    std::uint64_t products = sum(sides.x, 0) * sum(sides.y, 1);
    for (std::size_t d = 1; d < models::largest_rank; ++d) products *= sum(sides.x, d);
    return {products, products};
  }

  Count conv(const w::ConvGeometry& g, const Sides& sides) const {
    const std::uint64_t maps =
        sum(sides.y, 0) * u(g.input.channels / g.groups) * u(g.output.channels);
    const Count rows = taps(g.window, 0, sides), columns = taps(g.window, 1, sides);
    return {maps * rows.exact * columns.exact, maps * rows.padded * columns.padded};
  }

  /// Pairs of an output and a tap along height (0) or width (1): those that reach an input of the
  /// tile, and all.
  Count taps(const w::Window& window, std::size_t side, const Sides& sides) const {
    const Projection &px = dimension(sides.x, 2 + side), &py = dimension(sides.y, 2 + side);
    const std::optional<Axis> axis = py.axis ? py.axis : px.axis;
    const std::int64_t extent = axis ? nest_.spec.extent[index(*axis)] : 1;
    const std::int64_t tile = axis ? tile_[index(*axis)] : 1;
    const auto range = [](const Projection& p, Range at) {
      return p.axis ? p.apply(at) : Range{0, p.extent};
    };
    Count count;
    for (std::int64_t begin = 0; begin < extent; begin += tile) {
      const Range at{begin, std::min(extent, begin + tile)};
      const Range x = range(px, at), y = range(py, at);
      for (std::int64_t output = y.begin; output < y.end; ++output) {
        const std::int64_t first = output * window.stride[side] - window.padding_begin[side];
        const std::int64_t inside =
            std::min(first + window.kernel[side], x.end) - std::max(first, x.begin);
        count.exact += u(std::max<std::int64_t>(inside, 0));
        count.padded += u(window.kernel[side]);
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
    const NestProducts products(nest);
    for (const NestOp& op : nest.spec.ops) {
      const Count count = products.count(op, op.kernel ? *op.kernel : step.ops[op.op].kernel);
      by_op[op.op].exact += count.exact;
      by_op[op.op].padded += count.padded;
    }
  }
  PlannedMacs result;
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    const Macs exact(by_op[i].exact), own = step.ops[i].macs;
    const bool readout = step.ops[i].layer == step.readout_layer();
    (readout ? result.readout : result.macs) += exact;
    if (exact > own) (readout ? result.readout_again : result.again) += exact - own;
    if (!readout) result.macs_padded += Macs(by_op[i].padded);
  }
  return result;
}

}  // namespace spillway::sim
