#include "sim/plan/allocation/schedule_placement.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "sim/plan/lifetimes/live_ranges.hpp"
#include "sim/plan/limits.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::sim {

using workloads::Step;

Words most_words(const Schedule& schedule, const Step& step) {
  std::vector<Words> words(schedule.by_operations() ? step.ops.size() : schedule.nests.size());
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    words[n] = Words(pack(nest.spec, shape, nest.resident).words);
  }
  for (const Residency& residency : schedule.residencies) {
    for (std::size_t time = residency.first; time <= residency.last; ++time) {
      words[time] += words_of(residency, step);
    }
  }
  return words.empty() ? Words(0) : std::ranges::max(words);
}

namespace {

/// Slots of a nest beside the ranges taken.
bool place_slots(Nest& nest, const TakenRanges& taken, std::uint64_t words) {
  NestShape shape(nest.spec);
  while (true) {
    shape.set(nest.loops, nest.parts);
    // In one piece where there is a gap for it; else each slot where it fits.
    const Packing together = pack(nest.spec, shape, nest.resident);
    const std::uint64_t base = taken.lowest_free(together.words, 0, 0);
    if (base + together.words <= words) {
      nest.address = together.from(base);
      return true;
    }
    const Packing apart = pack(nest.spec, shape, nest.resident, taken);
    nest.address = apart.address;
    if (apart.words <= words) return true;
    // Then operations on sub-tiles take smaller ones.
    if (nest.parts.rows == 1 && nest.parts.finished == 1) return false;
    nest.parts = {std::max<std::int64_t>(1, nest.parts.rows / 2),
                  std::max<std::int64_t>(1, nest.parts.finished / 2)};
  }
}

/// Residencies and nests, each nest in one piece, at the lowest addresses: a range without room
/// comes first from then on.
bool place_together(Schedule& schedule, const Step& step, std::uint64_t words) {
  std::vector<LiveRange> boxes;  // the residencies', then the nests'
  for (const Residency& residency : schedule.residencies) {
    boxes.push_back({0, words_of(residency, step).count(), residency.first, residency.last});
  }
  std::vector<Packing> packings;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    packings.push_back(pack(nest.spec, shape, nest.resident));
    boxes.push_back({0, packings.back().words, n, n});
  }
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  const auto measure_size = [&](std::size_t i) { return boxes[i].size(); };
  const auto measure_length = [&](std::size_t i) { return boxes[i].last - boxes[i].first; };
  for (const bool by_length : {false, true}) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return by_length ? measure_length(a) > measure_length(b) : measure_size(a) > measure_size(b);
    });
    if (!first_fit(boxes, order, words, 0, limits.orders_of_residencies)) continue;
    for (std::size_t i = 0; i < schedule.residencies.size(); ++i) {
      schedule.residencies[i].address = Words(boxes[i].begin);
    }
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n].address = packings[n].from(boxes[schedule.residencies.size() + n].begin);
    }
    return true;
  }
  return false;
}

}  // namespace

bool place(Schedule& schedule, const Step& step, Words buffer) {
  const std::uint64_t words = buffer.count();
  auto& residencies = schedule.residencies;
  std::vector<std::size_t> order(residencies.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size_of = [&](std::size_t i) { return words_of(residencies[i], step).count(); };
  std::vector<Parts> parts;
  for (const Nest& nest : schedule.nests) parts.push_back(nest.parts);
  /// Each residency at the lowest address free, or from both ends in turn.
  const auto try_order = [&](bool two_ended) {
    TakenRanges taken;
    bool low = true;
    for (const std::size_t i : order) {
      Residency& residency = residencies[i];
      const std::uint64_t size = size_of(i);
      const std::uint64_t lowest = taken.lowest_free(size, residency.first, residency.last);
      const auto highest = taken.highest_free(size, residency.first, residency.last, words);
      if (!highest || lowest + size > words) return false;
      const std::uint64_t begin = low || !two_ended ? lowest : *highest;
      residency.address = Words(begin);
      low = !low;
      taken.take({begin, begin + size, residency.first, residency.last});
    }
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n].parts = parts[n];  // as another order may have left them smaller
      if (!place_slots(schedule.nests[n], taken.during(n, n), words)) return false;
    }
    return true;
  };
  // In order of time, from both ends in turn or from the bottom; then the large or long first.
  const auto by = [&](auto less) { std::stable_sort(order.begin(), order.end(), less); };
  by([&](std::size_t a, std::size_t b) { return residencies[a].first < residencies[b].first; });
  if (try_order(true) || try_order(false)) return true;
  by([&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });
  if (try_order(false) || try_order(true)) return true;
  by([&](std::size_t a, std::size_t b) {
    return residencies[a].last - residencies[a].first > residencies[b].last - residencies[b].first;
  });
  if (try_order(false) || try_order(true)) return true;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) schedule.nests[n].parts = parts[n];
  if (place_together(schedule, step, words)) return true;
  // And in many other orders, the same ones each time.
  workloads::SplitMix numbers(1);
  for (int tries = 0; tries < limits.shuffles_of_residencies; ++tries) {
    numbers.shuffle(order);
    if (try_order(tries % 2 == 0)) return true;
  }
  return false;
}

BufferRange largest_gap(const Schedule& schedule, const Step& step, std::size_t nest,
                        Words buffer) {
  std::vector<BufferRange> taken;
  for (const Residency& residency : schedule.residencies) {
    if (nest < residency.first || residency.last < nest) continue;
    const Words end = residency.address + words_of(residency, step);
    taken.push_back({residency.address.count(), end.count()});
  }
  taken.push_back({buffer.count(), buffer.count()});
  std::sort(taken.begin(), taken.end(),
            [](const BufferRange& a, const BufferRange& b) { return a.begin < b.begin; });
  BufferRange largest;
  std::uint64_t free = 0;
  for (const BufferRange& range : taken) {
    if (range.begin - free > largest.end - largest.begin) largest = {free, range.begin};
    free = range.end;
  }
  return largest;
}

}  // namespace spillway::sim
