#include "sim/plan/mapping/nest_work.hpp"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "models/dram/energy.hpp"

namespace spillway::sim {

DevicePace::DevicePace(const models::DeviceConfig& device)
    : array_(device.array()),
      losses_(models::dram::run_losses(device.dram)),
      vector_lanes_(static_cast<double>(device.vector_lanes())),
      vector_period_(static_cast<double>(device.elementwise_time(1).count())),
      has_vector_unit_(device.vector_unit.has_value()),
      period_(static_cast<double>(device.clock_period.count())),
      port_bytes_(static_cast<double>(device.buffer_port.count())) {
  const models::dram::Timing& timing = device.dram.timing;
  const double clock = timing.clock_period_ns() * 1000;
  double refreshing = 0;
  if (device.dram.controller.refresh == models::dram::RefreshMode::all_bank) {
    refreshing = static_cast<double>(timing.refresh) / timing.refresh_interval;
  }
  per_byte_ = 1000 / device.dram.peak_bytes_per_ns() / (1 - refreshing);
  latency_ = clock * (timing.activate_to_read + timing.read_latency + timing.burst);
  burst_bytes_ = device.dram.geometry.burst_bytes;
  const auto energy = models::dram::energy_per_event(device.dram);
  if (!energy) return;
  const models::dram::Geometry& geometry = device.dram.geometry;
  energy_per_byte_ = (energy->read + energy->write) / 2 / geometry.burst_bytes +
                     energy->activate / static_cast<double>(geometry.row_bytes()) +
                     8 * device.dram.io_pj_per_bit;
  energy_per_ps_ =
      (energy->background_open + (refreshing > 0 ? energy->refresh / timing.refresh_interval : 0)) /
      clock * device.dram.channels * geometry.ranks;
}

double DevicePace::compute(models::Cycles array, double elements_ps, double port_bytes) const {
  const double kernel = period_ * static_cast<double>(array.count()) + elements_ps;
  return std::max(kernel, period_ * (port_bytes / port_bytes_));
}

double DevicePace::elements(double count) const {
  return vector_period_ * std::ceil(count / vector_lanes_);
}

namespace {

/// Tiles of an axis, one for each kind, and how many there are of it. Windows cover less of what
/// they are laid over at the first tile and at the last one.
struct TileKinds {
  struct Kind {
    Range range{0, 1};
    double count = 0;
  };
  std::array<Kind, 4> kind;
  std::size_t size = 0;

  TileKinds() = default;
  TileKinds(Axis axis, std::int64_t extent, std::int64_t tile) {
    const std::int64_t full = extent / tile, end = full * tile;
    const std::int64_t inner = is_of_map(axis) && full > 2 ? full - 2 : full;
    const std::int64_t first = inner < full ? tile : 0;
    if (inner < full) add({0, tile}, 1);
    add({first, first + tile}, inner);
    if (inner < full) add({end - tile, end}, 1);
    if (end < extent) add({end, extent}, 1);
  }
  auto begin() const { return kind.begin(); }
  auto end() const { return kind.begin() + static_cast<std::ptrdiff_t>(size); }

 private:
  void add(Range range, std::int64_t count) { kind[size++] = {range, static_cast<double>(count)}; }
};

class OperationTimes {
 public:
  OperationTimes(const NestSpec& spec, const NestShape& shape, const std::vector<Loop>& loops,
                 const DevicePace& pace)
      : spec_(spec), shape_(shape), loops_(loops), pace_(pace) {
    ByAxis<std::int64_t> tile = spec.extent, outer = spec.extent;
    for (const Loop& loop : loops) {
      const std::size_t axis = index(loop.axis);
      if (tile[axis] == spec.extent[axis]) outer[axis] = loop.tile;
      tile[axis] = loop.tile;
    }
    for (std::size_t axis = 0; axis < axis_count; ++axis) {
      inner_[axis] = TileKinds(Axis(axis), spec.extent[axis], tile[axis]);
      outer_[axis] = TileKinds(Axis(axis), spec.extent[axis], outer[axis]);
    }
  }

  double of(const NestOp& op) const {
    const std::uint32_t own = shape_.loops_of(op);
    std::uint32_t along = own;
    if (op.on_demand) along |= shape_.brings_in(*op.on_demand);
    const double times = trips(along & ~own);
    ByAxis<Range> at;
    for (std::size_t axis = 0; axis < axis_count; ++axis) at[axis] = {0, spec_.extent[axis]};
    return times * sum(op, 0, at, 1);
  }

 private:
  double trips(std::uint32_t loops) const {
    double result = 1;
    for (std::size_t i = 0; i < loops_.size(); ++i) {
      if ((loops >> i & 1) != 0) result *= static_cast<double>(shape_.trips(i));
    }
    return result;
  }

  double sum(const NestOp& op, std::size_t axis, ByAxis<Range>& at, double times) const {
    if (axis == axis_count) return times * once(op, at);
    if (!op.runs[axis]) return sum(op, axis + 1, at, times);
    double result = 0;
    const Range whole = at[axis];
    for (const TileKinds::Kind& kind : op.outer ? outer_[axis] : inner_[axis]) {
      at[axis] = kind.range;
      result += sum(op, axis + 1, at, times * kind.count);
    }
    at[axis] = whole;
    return result;
  }

  double once(const NestOp& op, const ByAxis<Range>& at) const {
    models::Cycles cycles(0);
    double part = 1;
    for (std::size_t axis = 0; axis < axis_count; ++axis) {
      if (!op.runs[axis]) continue;
      part *= static_cast<double>(at[axis].size()) / static_cast<double>(spec_.extent[axis]);
    }
    if (op.product) cycles += pace_.array().cycles(op.product->at(at));
    double elements = 0;
    if (op.elements != 0) {
      elements = pace_.elements(std::round(static_cast<double>(op.elements) * part));
    }
    double bytes = 0;
    const auto add = [&](const NestOp::Operand& operand, double times) {
      const Slot& slot = spec_.slots[operand.slot];
      const bool streamed = slot.source == Slot::Source::streamed;
      double size = streamed ? 1 : static_cast<double>(slot.element.count()) * times;
      for (const Projection& p : slot.dims) size *= static_cast<double>(range_of(p, at).size());
      if (streamed) {
        const double clocks =
            size / static_cast<double>(std::max<std::uint64_t>(slot.per_clock, 1));
        cycles = std::max(cycles, models::Cycles(static_cast<std::uint64_t>(clocks)));
      } else {
        bytes += size;
      }
    };
    const bool adds = op.product && trips(shape_.reduced(op, op.outputs.front())) > 1;
    for (const NestOp::Operand& operand : op.inputs) add(operand, 1);
    for (const NestOp::Operand& operand : op.outputs) add(operand, adds ? 2 : 1);
    return pace_.compute(cycles, elements, bytes);
  }

  const NestSpec& spec_;
  const NestShape& shape_;
  const std::vector<Loop>& loops_;
  const DevicePace& pace_;
  ByAxis<TileKinds> inner_, outer_;
};

/// Where a tile falls into runs as long as its largest one's: unless all begin and end at bursts,
/// each touches most of one burst more than it fills.
BusRuns row_major_runs(const Slot& slot, const NestShape& shape, std::size_t s,
                       const DevicePace& pace) {
  models::Tile tile{slot.tensor, {}};
  workloads::TensorShape extent;
  for (std::size_t d = 0; d < slot.dims.size(); ++d) {
    tile.box[d] = {0, shape.largest_extent(s, d)};
    extent.push_back(slot.dims[d].extent);
  }
  const models::RunShape run(tile, extent);
  const std::uint64_t element = slot.element.count();
  const std::uint64_t bytes = run.elements * element;
  const std::uint64_t apart = run.inner == 0 ? 0 : run.stride[run.inner - 1] * element;
  const auto burst = static_cast<std::uint64_t>(pace.burst_bytes());
  const auto size = static_cast<double>(bytes);
  const bool all = run.inner == 0 && tile.box[0].end == extent[0];  // in one run
  if (all || (bytes % burst == 0 && apart % burst == 0)) return {1, size};
  return {1 + static_cast<double>(burst - element) / size, size};
}

/// What the engines do in a turn of the loops.
struct Turn {
  double load = 0, store = 0;
  double compute = 0, vector = 0;          ///< the latter of a vector unit
  double load_mixed = 0, store_mixed = 0;  ///< lost beside as much the other way
  std::uint64_t places = 3;  ///< of tiles that are loaded, changed and stored: the fewest

  /// Busy or lost.
  double bus() const { return load + store + std::min(load_mixed, store_mixed); }
  /// Of the two, which work on the tiles of a turn one after the other, and so beside each other.
  double slower() const { return std::max(compute, vector); }

  Turn& operator+=(const Turn& other) {
    load += other.load;
    store += other.store;
    compute += other.compute;
    vector += other.vector;
    load_mixed += other.load_mixed;
    store_mixed += other.store_mixed;
    places = std::min(places, other.places);
    return *this;
  }
};

/// Each engine goes through the turns in order. A load waits for what was computed, and stored, of
/// the tile that had its place; a result for the one before the last that was stored.
class Pipeline {
 public:
  explicit Pipeline(const Turn& turn) : turn_(turn) {
    const double both = std::min(turn.load, turn.store);
    if (both > 0) slower_ = 2 + std::min(turn.load_mixed, turn.store_mixed) / both;
  }

  /// Of one turn among many.
  double period() {
    if (turn_.load == 0 || turn_.store == 0 || turn_.slower() == 0) {
      return std::max(turn_.bus(), turn_.slower());
    }
    run_to(settled);
    const double begin = time_;
    run_to(settled + measured);
    return (time_ - begin) / measured;
  }

 private:
  static constexpr int settled = 3, measured = 4;

  struct Engine {
    int done = 0;
    double left = 0;  ///< of the turn that it is at
    bool busy = false;

    void begin(bool may, double work) {
      if (busy || !may) return;
      busy = true;
      left = work;
    }
    void spend(double time) {
      if (!busy || (left -= time) > 1e-3) return;
      busy = false;
      ++done;
    }
  };

  void run_to(int turns) {
    const int places = static_cast<int>(turn_.places);
    while (store_.done < turns) {
      const bool is_free =
          compute_.done >= load_.done - 1 && store_.done >= load_.done - places + 1;
      load_.begin(is_free, turn_.load);
      compute_.begin(load_.done > compute_.done && store_.done >= compute_.done - 1,
                     turn_.slower());
      store_.begin(compute_.done > store_.done, turn_.store);
      const double slower = load_.busy && store_.busy ? slower_ : 1;
      double step = std::numeric_limits<double>::max();
      if (load_.busy) step = std::min(step, load_.left * slower);
      if (store_.busy) step = std::min(step, store_.left * slower);
      if (compute_.busy) step = std::min(step, compute_.left);
      load_.spend(step / slower);
      store_.spend(step / slower);
      compute_.spend(step);
      time_ += step;
    }
  }

  Turn turn_;
  double slower_ = 2, time_ = 0;
  Engine load_, compute_, store_;
};

/// What happens in turns of the loops, by the innermost loop that it follows: with each of its
/// turns, or once.
class Turns {
 public:
  Turns(const NestShape& shape, std::size_t loops) : turns_(loops + 1, 1), at_(loops + 1) {
    for (std::size_t i = 0; i < loops; ++i) {
      turns_[i + 1] = turns_[i] * static_cast<double>(shape.trips(i));
    }
  }

  /// All of a slot that follows so many of the loops, the outermost first, and loses so much of
  /// its time beside transfers the other way.
  void move(std::size_t depth, double load, double store, std::uint64_t places, double mixed) {
    at_[depth] += part_of(load / turns_[depth], store / turns_[depth], places, mixed);
  }
  void compute(std::size_t depth, double all) { at_[depth].compute += all / turns_[depth]; }
  void vector(std::size_t depth, double all) { at_[depth].vector += all / turns_[depth]; }

  /// What goes through each tile a part after the other: so many parts of a tile.
  void set_parts(std::size_t depth, double parts) { parts_ = {depth, parts, {}}; }
  void move_part(double load, double store, std::uint64_t places, double mixed) {
    const double all = turns_[parts_.depth] * parts_.count;
    parts_.turn += part_of(load / all, store / all, places, mixed);
  }
  void compute_part(double all) {
    parts_.turn.compute += all / (turns_[parts_.depth] * parts_.count);
  }

  double time() const {
    double result = time_of_parts();
    Turn turn;  // in which this loop goes on, and all inner ones begin anew
    for (std::size_t depth = at_.size(); depth-- > 0;) {
      turn += at_[depth];
      // The first loads and the last stores have nothing beside them.
      result += depth == 0 ? turn.load + turn.compute + turn.vector + turn.store
                           : (turns_[depth] - turns_[depth - 1]) * Pipeline(turn).period();
    }
    return result;
  }

 private:
  static Turn part_of(double load, double store, std::uint64_t places, double mixed) {
    Turn part{load, store, 0, 0, mixed * load, mixed * store};
    if (places == 1) part.compute = part.load + part.store;
    if (places > 1 && load > 0 && store > 0) part.places = places;
    return part;
  }

  /// The first parts of a tile are loaded beside what comes before them in a turn, as far as the
  /// bus has time.
  double time_of_parts() const {
    if (parts_.count == 0) return 0;
    Turn before;
    for (std::size_t depth = parts_.depth; depth < at_.size(); ++depth) before += at_[depth];
    const auto ahead = std::min(static_cast<double>(parts_.turn.places), parts_.count);
    const double idle = Pipeline(before).period() - before.bus();
    const double loaded = std::min(idle, ahead * parts_.turn.load);
    const double all = parts_.count * Pipeline(parts_.turn).period();
    return turns_[parts_.depth] * std::max(all - loaded, 0.0);
  }

  struct InParts {
    std::size_t depth = 0;
    double count = 0;
    Turn turn;
  };
  std::vector<double> turns_;
  std::vector<Turn> at_;
  InParts parts_;
};

/// Of a tile, where an update goes through it in parts; 0 where it takes it at once.
double parts_of_tile(const NestSpec& spec, const NestShape& shape, const std::vector<Loop>& loops,
                     const Parts& parts) {
  if (parts.rows == 0) return 0;
  for (const Slot& slot : spec.slots) {
    if (!slot.in_parts) continue;
    double rows = static_cast<double>(slot.dims[0].extent);
    for (std::size_t i = 0; i < loops.size(); ++i) {
      if (slot.dims[0].axis == loops[i].axis) rows /= static_cast<double>(shape.trips(i));
    }
    const double count = std::ceil(rows / static_cast<double>(parts.rows));
    return count > 1 ? count : 0;
  }
  return 0;
}

}  // namespace

NestWork nest_work(const NestSpec& spec, const NestShape& shape, const std::vector<Loop>& loops,
                   const Parts& parts, const ResidentPrefixes& resident, const DevicePace& pace,
                   const BusShare& share) {
  NestWork work;
  Turns turns(shape, loops.size());
  const double parts_of_each = parts_of_tile(spec, shape, loops, parts);
  for (const NestOp& op : spec.ops) {
    if (parts_of_each == 0 || !op.in_parts) continue;
    turns.set_parts(static_cast<std::size_t>(std::bit_width(shape.loops_of(op))), parts_of_each);
    break;
  }
  for (std::size_t s = 0; s < spec.slots.size(); ++s) {
    const Slot& slot = spec.slots[s];
    // Once its bytes on the bus are known, nothing is free.
    const bool free = !slot.counted && share.known == nullptr;
    if (free || is_resident_whole(slot, resident[s])) continue;
    const SlotTraffic traffic = shape.traffic(s, resident[s]);
    double tiles = static_cast<double>(shape.tiles(s));
    if (slot.in_parts) {
      const std::int64_t rows = parts.rows != 0 ? parts.rows : slot.dims[0].extent / 16 + 1;
      const std::int64_t pieces = slot.dims[0].extent / rows;
      tiles = std::max(tiles, static_cast<double>(pieces));
    }
    const SlotMoves moves = slot_moves(slot, shape.visits(s));
    BusRuns runs;
    if (share.known != nullptr) {
      runs = (*share.known)[slot.tensor];
    } else if (share.contiguous) {
      runs.bytes = static_cast<double>(shape.largest(s)) * workloads::bytes_per_word;
    } else {
      runs = row_major_runs(slot, shape, s, pace);
    }
    const double loaded = static_cast<double>(traffic.loads.bytes.count()) * runs.share;
    const double stored = static_cast<double>(traffic.stores.bytes.count()) * runs.share;
    const double loads = loaded > 0 ? tiles * static_cast<double>(moves.loads) : 0;
    const double load = pace.bus(loaded, runs.bytes) + loads * pace.latency();
    const double store = pace.bus(stored, runs.bytes);
    work.load += load;
    work.store += store;
    const std::uint64_t places = shape.alternates(s) ? slot.places : 1;
    const double mixed = pace.mixed(runs.bytes);
    if (parts_of_each > 0 && slot.in_parts) {
      turns.move_part(load, store, places, mixed);
    } else {
      turns.move(shape.depth(s), load, store, places, mixed);
    }
    work.bytes += loaded + stored;
  }
  const OperationTimes times(spec, shape, loops, pace);
  for (const NestOp& op : spec.ops) {
    const double all = times.of(op);
    const bool on_vector_unit = pace.has_vector_unit() && !op.product;
    std::uint32_t along = shape.loops_of(op);
    if (op.on_demand) along |= shape.brings_in(*op.on_demand);
    if (parts_of_each > 0 && op.in_parts) {
      turns.compute_part(all);
    } else if (on_vector_unit) {
      turns.vector(static_cast<std::size_t>(std::bit_width(along)), all);
    } else {
      turns.compute(static_cast<std::size_t>(std::bit_width(along)), all);
    }
    work.compute += all;
  }
  work.time = turns.time();
  return work;
}

}  // namespace spillway::sim
