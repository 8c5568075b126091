#include "sim/plan/nest_search.hpp"

#include <algorithm>

namespace spillway::sim {

namespace {

/// Orders of loops worth trying: pixels (examples, rows, columns), outputs and inputs in all
/// orders; groups outside of everything.
std::vector<std::vector<Axis>> orders(const NestSpec& spec) {
  const auto add = [&](std::vector<Axis>& order, std::initializer_list<Axis> axes) {
    for (const Axis axis : axes) {
      if (spec.extent[index(axis)] > 1) order.push_back(axis);
    }
  };
  using Block = std::vector<Axis>;
  Block pixels, outputs, inputs;
  add(pixels, {Axis::example, Axis::row, Axis::column});
  add(outputs, {Axis::output});
  add(inputs, {Axis::input});
  std::vector<const Block*> blocks{&pixels, &outputs, &inputs};
  std::sort(blocks.begin(), blocks.end());
  std::vector<std::vector<Axis>> result;
  do {
    std::vector<Axis> order;
    add(order, {Axis::group});
    for (const Block* block : blocks) order.insert(order.end(), block->begin(), block->end());
    if (std::find(result.begin(), result.end(), order) == result.end()) result.push_back(order);
    if (spec.splits_output && !outputs.empty() && order.back() != Axis::output) {
      order.push_back(Axis::output);
      result.push_back(order);
    }
  } while (std::next_permutation(blocks.begin(), blocks.end()));
  return result;
}

class Search {
 public:
  Search(const NestSpec& spec, const std::vector<bool>& pinned, std::uint64_t words)
      : spec_(spec), pinned_(pinned), words_(words), shape_(spec) {
    least_ = compulsory();
  }

  std::optional<FoundNest> run() {
    for (const std::vector<Axis>& order : orders(spec_)) {
      if (best_ && best_->dram_words <= least_) break;
      loops_.clear();
      for (const Axis axis : order) loops_.push_back({axis, 1});
      descend(0);
    }
    return best_;
  }

 private:
  /// Words of whole tensors moved once: no loops move fewer.
  std::uint64_t compulsory() {
    shape_.set({});
    return dram_words(spec_, shape_, pinned_);
  }

  /// Tiles of the loops from `loop` on; those of examples come last, the largest that fits.
  void descend(std::size_t loop) {
    if (best_ && best_->dram_words <= least_) return;
    if (loop == loops_.size()) {
      finish();
      return;
    }
    const Axis axis = loops_[loop].axis;
    if (axis == Axis::example) {
      descend(loop + 1);
      return;
    }
    std::int64_t extent = spec_.extent[index(axis)];
    bool inner = false;
    for (std::size_t i = 0; i < loop; ++i) {
      if (loops_[i].axis != axis) continue;
      extent = loops_[i].tile;
      inner = true;
    }
    if ((axis == Axis::row || axis == Axis::column) && spec_.whole_maps) {
      loops_[loop].tile = extent;
      descend(loop + 1);
      return;
    }
    if (axis == Axis::group) {
      // Whole groups together, or one after another.
      for (const std::int64_t tile : {extent, std::int64_t{1}}) {
        loops_[loop].tile = tile;
        descend(loop + 1);
        if (extent == 1) break;
      }
      return;
    }
    for (const std::int64_t tile : tile_sizes(extent)) {
      // Groups that go together are whole.
      if (tile < extent && (axis == Axis::output || axis == Axis::input) && groups_together()) {
        return;
      }
      if (inner && tile == extent && extent > 1) continue;  // the same as without the loop
      loops_[loop].tile = tile;
      descend(loop + 1);
    }
  }

  bool groups_together() const {
    return std::any_of(loops_.begin(), loops_.end(), [](const Loop& loop) {
      return loop.axis == Axis::group && loop.tile > 1;
    });
  }

  void finish() {
    Loop* examples = nullptr;
    for (Loop& loop : loops_) {
      if (loop.axis == Axis::example) examples = &loop;
    }
    if (examples == nullptr) {
      consider();
      return;
    }
    const std::int64_t batch = spec_.extent[index(Axis::example)];
    for (const std::int64_t tile : tile_sizes(batch)) {
      examples->tile = tile;
      if (consider() || spec_.whole_batch) return;
    }
  }

  /// True when smaller tiles cannot be better.
  bool consider() {
    shape_.set(loops_);
    const std::uint64_t cost = dram_words(spec_, shape_, pinned_);
    if (best_ && cost >= best_->dram_words) return true;
    if (at_least() > words_) return false;
    if (!shape_.is_legal()) return false;
    const Packing packing = pack(spec_, shape_, pinned_, 1);
    if (packing.words > words_) return false;
    best_ = FoundNest{loops_, cost, packing.words};
    return true;
  }

  /// Words that any packing needs.
  std::uint64_t at_least() const {
    std::uint64_t lasting = 0, passing = 0;
    for (std::size_t s = 0; s < spec_.slots.size(); ++s) {
      if (pinned_[s] || spec_.slots[s].source == Slot::Source::streamed) continue;
      const std::uint64_t size = shape_.largest(s, 1);
      if (shape_.transient(s)) {
        passing = std::max(passing, size);
      } else {
        lasting += size;
      }
      if (lasting > words_) break;
    }
    return lasting + passing;
  }

  const NestSpec& spec_;
  const std::vector<bool>& pinned_;
  std::uint64_t words_;
  std::uint64_t least_ = 0;
  NestShape shape_;
  std::vector<Loop> loops_;
  std::optional<FoundNest> best_;
};

}  // namespace

std::vector<std::int64_t> tile_sizes(std::int64_t extent) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t pieces = 1; pieces <= extent;) {
    const std::int64_t tile = (extent + pieces - 1) / pieces;
    if (sizes.empty() || sizes.back() != tile) sizes.push_back(tile);
    pieces = pieces < 8 ? pieces + 1 : std::max(pieces + 1, pieces * 5 / 4);
  }
  if (sizes.empty() || sizes.back() != 1) sizes.push_back(1);
  return sizes;
}

std::optional<FoundNest> find_loops(const NestSpec& spec, const std::vector<bool>& pinned,
                                    std::uint64_t words) {
  return Search(spec, pinned, words).run();
}

std::uint64_t smallest_buffer(const NestSpec& spec, const std::vector<bool>& pinned) {
  // A larger buffer never finds worse loops, so whether it finds any is a question of size alone.
  std::uint64_t low = 1, high = 1;
  while (!find_loops(spec, pinned, high)) {
    low = high + 1;
    high *= 2;
  }
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    if (find_loops(spec, pinned, middle)) {
      high = middle;
    } else {
      low = middle + 1;
    }
  }
  return low;
}

Nest make_nest(const NestSpec& spec, const FoundNest& found, const std::vector<bool>& pinned,
               std::uint64_t words) {
  Nest nest{spec, found.loops, pinned, 1, {}};
  if (std::none_of(spec.ops.begin(), spec.ops.end(),
                   [](const NestOp& op) { return op.in_parts; })) {
    return nest;
  }
  NestShape shape(nest.spec);
  shape.set(found.loops);
  while (nest.part < (std::int64_t{1} << 24) &&
         pack(spec, shape, pinned, nest.part * 2).words <= words) {
    nest.part *= 2;
  }
  return nest;
}

}  // namespace spillway::sim
