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
#include "sim/plan/residency/recomputed_groups.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

/// The search of one step in buffers of several sizes. A larger buffer has to find at least what a
/// smaller one does, so that what it finds is the best of
/// - searches in the whole buffer that follow every way there is, as far as their limits allow, as
///   what fits less fits more. In these, parts of tensors have the sizes of one list for all
///   buffers;
/// - the search that makes parts finer around the best ones, which is no such search, in a buffer
///   of the next smaller power of two: the same one for all sizes up to the next.
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
        coarse_(coarse_parts(task)) {}

  Schedule run() {
    const Words power(std::bit_floor(buffer_.count()));
    if (auto found = alone(power)) {
      best_ = std::move(found);
      finely(power);
    }
    if (power != buffer_) {
      if (best_) keep_resized(best_->schedule);
      if (auto found = alone(buffer_)) keep(std::move(found->schedule));
      if (best_) in_whole_buffer();
    }
    if (!best_) refuse_buffer(task_, smallest());
    return std::move(best_->schedule);
  }

 private:
  using Found = PathSearch::Found;

  std::optional<Found> search(Words allowed, const std::optional<Counts>& parts, bool recompute,
                              std::uint64_t limit = unreachable) {
    PathSearch path(task_, graph_, mappings_, allowed, parts);
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
    found->cost = dram_words(found->schedule, task_.step, task_.map).count();
    return found;
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

  void keep(Schedule schedule) {
    const std::uint64_t cost = dram_words(schedule, task_.step, task_.map).count();
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

  /// Tensors stay whole, or in the parts of the list. Where the schedule found cannot be placed,
  /// the next one is that of the largest buffer for which it would be too large.
  void in_whole_buffer() {
    for (const Counts& counts : {Counts{}, coarse_}) {
      Words allowed = buffer_;
      for (std::uint64_t tries = 0; allowed > Words(0); ++tries) {
        auto found = search(allowed, counts, recompute_, best_->cost);
        if (!found) break;
        const Words used = most_words(found->schedule, task_.step);
        if (placed(found->schedule, buffer_)) {
          keep_resized(found->schedule);
          keep(std::move(found->schedule));
          break;
        }
        keep_in_parts(found->schedule, buffer_);
        // Of many that cannot be placed some are passed over.
        Words less(1);
        if (tries >= limits.patient_tries) {
          less += Words(buffer_.count() / limits.room_step
                        << std::min(tries - limits.patient_tries, limits.most_doublings));
        }
        const Words most = std::min(allowed, used);
        allowed = most > less ? most - less : Words(0);
      }
      if (coarse_.empty()) break;
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
  std::optional<Found> best_;
};

}  // namespace

Schedule best_schedule(const ScheduleTask& task, bool recompute) {
  std::optional<Schedule> whole = best_of_whole_tensors(task);
  Schedule tiles = BestSearch(task, recompute).run();
  const auto words = [&](const Schedule& of) { return dram_words(of, task.step, task.map); };
  return whole && words(*whole) <= words(tiles) ? *std::move(whole) : tiles;
}

}  // namespace spillway::sim
