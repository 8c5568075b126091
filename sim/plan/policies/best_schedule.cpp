// The search behind policy `best`: the cheapest path through the graph of fusion, in buffers of
// several sizes, and its addresses.
#include <algorithm>
#include <bit>

#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/fusion/fusion_graph.hpp"
#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/fitted_nest.hpp"
#include "sim/plan/policies/policies.hpp"
#include "sim/plan/policies/single_operations.hpp"
#include "sim/plan/policies/whole_tensors.hpp"
#include "sim/plan/residency/edge_mappings.hpp"
#include "sim/plan/residency/part_counts.hpp"
#include "sim/plan/residency/part_sizes.hpp"
#include "sim/plan/residency/path_search.hpp"
#include "sim/plan/residency/pinned_tensors.hpp"
#include "sim/plan/residency/recomputed_groups.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

/// The search of one step in buffers of several sizes. A larger buffer has to find a schedule of no
/// more words than a smaller one does, so that its schedule is the best of
/// - searches in the whole buffer that follow every way there is, as far as their limits allow, as
///   a schedule for less room fits more, too. In these, parts of tensors have the sizes of one list
///   for all buffers;
/// - the search that makes parts finer around the best ones, which is no such search, in a buffer
///   of the next smaller power of two: the same one for all sizes up to the next.
/// In deep networks searches do not follow every way. There it is the best of
/// - the search in the whole buffer where nothing stays, which follows every way;
/// - the searches in buffers of all sizes of a grid up to the buffer's.
class BestSearch {
 public:
  BestSearch(const ScheduleTask& task, bool recompute)
      : task_(task),
        recompute_(recompute),
        buffer_(words_of(task.device.buffer)),
        graph_(task),
        array_(task.device.array()),
        mappings_(graph_, array_),
        groups_(task, graph_, mappings_, array_),
        coarse_(coarse_parts(task)),
        to_pin_(graph_.is_deep() ? TensorList{} : worth_pinning(task, graph_)) {}

  /// Some layer's activations may be made again in the backward pass.
  bool has_recomputation() const { return graph_.depth() > 1 && graph_.has_backward(1); }

  /// Nothing when the buffer is too small.
  std::optional<Schedule> run() {
    if (graph_.is_deep()) {
      on_grid();
    } else {
      between_powers();
    }
    if (!best_) return std::nullopt;
    return std::move(best_->schedule);
  }

  /// A schedule of few words in a buffer of this size, found without the refinements of `run`:
  /// tensors stay whole.
  std::optional<Schedule> roughly(Words size) {
    for (std::uint64_t less = 0; less < size.count() / 4; less += size.count() / 16 + 1) {
      auto found = search(size - Words(less), Counts{}, recompute_);
      if (!found) break;
      if (placed(found->schedule, size)) return std::move(found->schedule);
    }
    return std::nullopt;
  }

  /// Joined, operations may need less than the one that alone needs the most.
  BufferNeeded smallest() {
    BufferNeeded needed = largest_need(single_operations(task_));
    Words low = buffer_ + Words(1);
    while (low < needed.words) {
      const Words middle = low + Words((needed.words - low).count() / 2);
      if (search(middle, std::nullopt, false)) {
        needed.words = middle;
      } else {
        low = middle + Words(1);
      }
    }
    return needed;
  }

 private:
  using Found = PathSearch::Found;

  void between_powers() {
    const Words power(std::bit_floor(buffer_.count()));
    in_size(power);
    if (power == buffer_) return;
    if (best_) keep_resized(best_->schedule);
    if (auto found = alone(buffer_)) keep(std::move(found->schedule));
    if (best_) in_whole_buffer();
    if (best_) with_pinned(buffer_);
  }

  /// What the search finds in each size depends on that size alone.
  void on_grid() {
    std::optional<Found> fewest;
    if (grid_size(buffer_) != buffer_) fewest = alone(buffer_);
    const std::uint64_t bound = PathSearch(task_, graph_, mappings_, buffer_, std::nullopt)
                                    .lower_bound(graph_.first(), graph_.last());
    for (Words size = grid_size(buffer_); in_size(size); size = grid_size(size - Words(1))) {
      if (!fewest || best_->cost < fewest->cost) fewest = std::move(best_);
      if (fewest->cost == bound) break;
    }
    best_ = std::move(fewest);
    if (!best_) return;
    Schedule wider = best_->schedule;
    widen(wider, buffer_);
    keep(std::move(wider));
  }
  /// The largest size of the grid that is no larger than the buffer.
  static Words grid_size(Words buffer) {
    const std::uint64_t power = std::bit_floor(buffer.count());
    const std::uint64_t step = std::max<std::uint64_t>(1, power / limits.sizes_in_octave);
    return Words(buffer.count() / step * step);
  }

  /// The best of a buffer of this size alone; whether there is any.
  bool in_size(Words size) {
    best_ = alone(size);
    if (best_) finely(size);
    if (best_) with_pinned(size);
    return best_.has_value();
  }

  std::optional<Found> search(Words allowed, const std::optional<Counts>& parts, bool recompute,
                              std::uint64_t limit = unreachable, const TensorList& pinned = {}) {
    PathSearch path(task_, graph_, mappings_, allowed, parts, pinned);
    return cheapest_path(path, graph_, recompute ? &groups_ : nullptr, allowed, limit);
  }

  /// Nothing stays from one nest to another.
  std::optional<Found> alone(Words buffer) {
    std::optional<Found> found = search(buffer, std::nullopt, recompute_);
    if (!found) return std::nullopt;
    if (!place(found->schedule, task_.step, buffer)) {
      throw workloads::ConsistencyError(
          "nests without residencies do not fit where each alone does");
    }
    found->cost = cost_of(found->schedule, task_.step, task_.counted()).count();
    return found;
  }

  void keep(Schedule schedule) {
    const std::uint64_t cost = cost_of(schedule, task_.step, task_.counted()).count();
    if (!best_ || cost < best_->cost) best_ = Found{std::move(schedule), cost};
  }
  void widen(Schedule& schedule, Words buffer) const {
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n] =
          widened(schedule.nests[n], largest_gap(schedule, task_.step, n, buffer), array_);
    }
  }
  /// Residencies can leave gaps. Then nests take no more room than they have to.
  bool placed(Schedule& schedule, Words buffer) const {
    if (place(schedule, task_.step, buffer)) return true;
    for (Nest& nest : schedule.nests) nest = tightened(nest);
    if (!place(schedule, task_.step, buffer)) return false;
    widen(schedule, buffer);
    return true;
  }
  /// The schedule with parts as large as they are best in the whole buffer.
  void keep_resized(const Schedule& schedule) {
    Schedule resized = PartSizes(schedule, task_.step, array_, buffer_).best();
    if (placed(resized, buffer_)) {
      keep(std::move(resized));
    } else {
      keep_in_parts(resized, buffer_);
    }
  }
  void keep_in_parts(const Schedule& schedule, Words buffer) {
    auto fewer = placed_in_parts(schedule, task_.step, buffer);
    if (!fewer) return;
    widen(*fewer, buffer);
    keep(std::move(*fewer));
  }

  /// Tensors stay whole, or in parts that are made finer. Where that cannot be placed, the search
  /// is given a little less than there is, and less again.
  void finely(Words buffer) {
    const std::uint64_t words = buffer.count();
    const std::uint64_t step = std::max<std::uint64_t>(1, words / limits.room_step);
    // That the search with more room has found. Less room seldom finds fewer: where a search leaves
    // out many states.
    std::uint64_t fewest = 0;
    for (std::uint64_t less = 0; less < words / limits.least_room;
         less = less == 0 ? step : less * 2) {
      const Words allowed(words - less);
      auto whole = search(allowed, Counts{}, recompute_, best_->cost);
      std::optional<Found> parts;
      if (!coarse_.empty() && (!whole || whole->cost > fewest)) {
        parts = search(allowed, coarse_, recompute_, whole ? whole->cost : best_->cost);
      }
      for (int round = 1; parts && round <= limits.refinements; ++round) {
        const Counts counts = finer_parts(parts->schedule, task_.step, round);
        if (counts.empty()) break;
        if (auto finer = search(allowed, counts, recompute_, parts->cost)) {
          parts = std::move(finer);
        }
      }
      if (!whole && !parts) return;
      fewest = parts ? parts->cost : whole->cost;
      if (parts && placed(parts->schedule, buffer)) {
        keep(std::move(parts->schedule));
        return;
      }
      if (parts) keep_in_parts(parts->schedule, buffer);
      if (whole && placed(whole->schedule, buffer)) {
        keep(std::move(whole->schedule));
        return;
      }
    }
  }

  /// Some tensors are pinned, others stay whole. In deep networks, where there are many lists and
  /// sizes, none is.
  void with_pinned(Words buffer) {
    for (std::size_t many = to_pin_.size(); many > 0; --many) {
      const TensorList pinned(to_pin_.begin(), to_pin_.begin() + many);
      Counts next;
      if (many < to_pin_.size() && coarse_.contains(to_pin_[many])) {
        next.insert(*coarse_.find(to_pin_[many]));
      }
      keep_placeable(buffer, next, pinned);
    }
  }

  /// Tensors stay whole, or in the parts of the list.
  void in_whole_buffer() {
    for (const Counts& counts : {Counts{}, coarse_}) {
      keep_placeable(buffer_, counts, {});
      if (coarse_.empty()) break;
    }
  }

  /// Where the schedule found cannot be placed, the next one is that of the largest buffer for
  /// which it would be too large. Beside pinned tensors there are few tries, and none in parts.
  void keep_placeable(Words buffer, const Counts& parts, const TensorList& pinned) {
    Words allowed = buffer;
    for (std::uint64_t tries = 0; allowed > Words(0); ++tries) {
      if (!pinned.empty() && tries == limits.patient_tries) break;
      auto found = search(allowed, parts, recompute_, best_->cost, pinned);
      if (!found) break;
      const Words used = most_words(found->schedule, task_.step);
      if (placed(found->schedule, buffer)) {
        keep_resized(found->schedule);
        keep(std::move(found->schedule));
        break;
      }
      if (pinned.empty()) keep_in_parts(found->schedule, buffer);
      // Of many that cannot be placed some are passed over.
      Words less(1);
      if (tries >= limits.patient_tries) {
        less += Words(buffer.count() / limits.room_step
                      << std::min(tries - limits.patient_tries, limits.most_doublings));
      }
      const Words most = std::min(allowed, used);
      allowed = most > less ? most - less : Words(0);
    }
  }

  const ScheduleTask& task_;
  bool recompute_;
  Words buffer_;
  const FusionGraph graph_;
  const models::ComputeArray array_;
  EdgeMappings mappings_;
  RecomputedGroups groups_;
  const Counts coarse_;
  const TensorList to_pin_;
  std::optional<Found> best_;
};

ScheduleTask with_host(const ScheduleTask& given) {
  ScheduleTask task = given;
  task.host_counts = true;
  return task;
}

Schedule best_of(const ScheduleTask& task, bool recompute, BestSearch& plain) {
  std::optional<Schedule> whole = best_of_whole_tensors(task);
  const auto cost = [&](const Schedule& of) { return cost_of(of, task.step, task.counted()); };
  std::optional<Schedule> tiles = plain.run();
  if (recompute && plain.has_recomputation()) {
    // A search of its own, as either makes parts finer around its own best ones.
    std::optional<Schedule> fewer = BestSearch(task, true).run();
    if (fewer && (!tiles || cost(*fewer) < cost(*tiles))) tiles = std::move(fewer);
  }
  if (!tiles) refuse_buffer(task, plain.smallest());
  return whole && cost(*whole) <= cost(*tiles) ? *std::move(whole) : *std::move(tiles);
}

}  // namespace

Schedule best_schedule(const ScheduleTask& given, bool recompute) {
  const ScheduleTask task = with_host(given);
  BestSearch plain(task, false);
  return best_of(task, recompute, plain);
}

std::vector<Schedule> schedules_of_few_words(const ScheduleTask& given, bool recompute,
                                             const std::vector<Words>& sizes) {
  const ScheduleTask task = with_host(given);
  BestSearch plain(task, false);
  std::vector<Schedule> schedules{best_of(task, recompute, plain)};
  for (const Words size : sizes) {
    if (auto schedule = plain.roughly(size)) schedules.push_back(*std::move(schedule));
  }
  return schedules;
}

}  // namespace spillway::sim
