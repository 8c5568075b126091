// Policies `best` and `best-recompute` by another objective than words.
#include <algorithm>
#include <limits>

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/allocation/schedule_placement.hpp"
#include "sim/plan/estimate/plan_cost.hpp"
#include "sim/plan/mapping/fitted_nest.hpp"
#include "sim/plan/policies/policies.hpp"
#include "sim/plan/policies/single_operations.hpp"

namespace spillway::sim {

namespace {

/// Which slots of a nest take turns in two places; `changed`: all, those in three that are loaded,
/// changed and stored.
enum class Places { one, loads, all, changed };

NestSpec with_places(NestSpec spec, Places which) {
  for (Slot& slot : spec.slots) {
    const bool loaded = slot.source == Slot::Source::outside;
    slot.places = 1;
    if (which == Places::one || !(loaded || slot.source == Slot::Source::made)) continue;
    if (which == Places::loads && !loaded) continue;
    slot.places = which == Places::changed && loaded && slot.changed ? 3 : 2;
  }
  return spec;
}

class CheapestSearch {
 public:
  CheapestSearch(const ScheduleTask& task, bool recompute)
      : task_(task),
        recompute_(recompute),
        pace_(task.device),
        buffer_(words_of(task.device.buffer)),
        price_(price_of(task.objective)) {}

  Schedule run() {
    try {
      keep(layer_schedule(task_));
    } catch (const BufferTooSmall&) {
      // Joined, operations may still fit.
    }
    const std::vector<Schedule> fewest = schedules_of_few_words(task_, recompute_, sizes());
    keep(fewest.front());
    const std::vector<NestChoice> operations = operations_alone();
    if (auto single = alone(operations)) keep(*std::move(single));
    std::vector<double> costs;
    for (const Schedule& schedule : fewest) costs.push_back(keep(repriced(schedule)));
    price_.contiguous = true;  // as the layouts of a plan may make its tiles
    if (auto single = alone(operations)) keep(*std::move(single));
    const double within = (1 + promising) * cost_;
    for (std::size_t i = 0; i < fewest.size(); ++i) {
      if (costs[i] <= within) keep(repriced(fewest[i]));
    }
    keep(repriced(*best_));
    return *std::move(best_);
  }

 private:
  Price price_of(Objective objective) const {
    switch (objective) {
      case Objective::bytes: return {1e-3, 1000};
      case Objective::energy: return {1000 * pace_.energy_per_ps(), 1000 * pace_.energy_per_byte()};
      default: return {1, 0};
    }
  }

  /// What it costs.
  double keep(Schedule schedule) {
    const double cost = plan_cost(schedule, task_, pace_, {true, true}).by(task_.objective);
    if (!best_ || cost < cost_) {
      best_ = std::move(schedule);
      cost_ = cost;
    }
    return cost;
  }

  std::vector<NestChoice> operations_alone() const {
    ScheduleTask task = task_;
    task.host_counts = true;
    return single_operations(task);
  }

  /// Each operation by itself.
  std::optional<Schedule> alone(const std::vector<NestChoice>& operations) const {
    Schedule schedule;
    for (const NestChoice& choice : operations) {
      std::optional<Nest> best;
      for (const NestSpec& spec : choice) {
        improve(best, spec, ResidentPrefixes(spec.slots.size()), {0, buffer_.count()});
      }
      if (!best) return std::nullopt;  // joined, operations may still fit
      schedule.nests.push_back(*std::move(best));
    }
    return schedule;
  }

  Schedule repriced(Schedule schedule) const {
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      std::optional<Nest> nest = schedule.nests[n];
      const BufferRange room = largest_gap(schedule, task_.step, n, buffer_);
      improve(nest, schedule.nests[n].spec, schedule.nests[n].resident, room);
      schedule.nests[n] = *std::move(nest);
    }
    return schedule;
  }

  double cost_of(const Nest& nest) const {
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    return price_.of(nest_work(nest.spec, shape, nest.loops, nest.parts, nest.resident, pace_,
                               {price_.contiguous, nullptr}));
  }

  /// A cheaper nest of these operations, at addresses within the room.
  void improve(std::optional<Nest>& best, const NestSpec& from, const ResidentPrefixes& resident,
               BufferRange room) const {
    const std::uint64_t words = room.end - room.begin;
    const bool changes = std::ranges::any_of(from.slots, [](const Slot& slot) {
      return slot.source == Slot::Source::outside && slot.changed;
    });
    for (const Places which : {Places::changed, Places::all, Places::loads, Places::one}) {
      if (which == Places::changed && !changes) continue;
      const NestSpec spec = with_places(from, which);
      const std::uint64_t below = best ? static_cast<std::uint64_t>(cost_of(*best))
                                       : std::numeric_limits<std::uint64_t>::max();
      const auto found = LoopSearch(spec).cheapest(resident, words, pace_, price_, below);
      if (!found) continue;
      Nest nest = make_nest(spec, *found, resident, words);
      if (best && cost_of(nest) >= cost_of(*best)) continue;
      NestShape shape(nest.spec);
      shape.set(nest.loops, nest.parts);
      nest.address = pack(nest.spec, shape, resident).from(room.begin);
      best = std::move(nest);
    }
  }

  /// Buffers of schedules of few words: this one, half of it, a quarter and so on, so that there is
  /// room for double buffers and larger tiles.
  std::vector<Words> sizes() const {
    constexpr std::size_t at_least = 2, at_most = 5;
    const Words small = words_of(models::Bytes(128 * 1024));
    std::vector<Words> result;
    for (Words size = buffer_; result.size() < at_least || size >= small;
         size = Words(size.count() / 2)) {
      if (result.size() == at_most || size == Words(0)) break;
      result.push_back(size);
    }
    return result;
  }

  /// Schedules that cost more than the best one by a larger share are not searched further.
  static constexpr double promising = 0.25;

  const ScheduleTask& task_;
  bool recompute_;
  DevicePace pace_;
  Words buffer_;
  Price price_;
  std::optional<Schedule> best_;
  double cost_ = 0;
};

}  // namespace

Schedule cheapest_schedule(const ScheduleTask& task, bool recompute) {
  return CheapestSearch(task, recompute).run();
}

}  // namespace spillway::sim
