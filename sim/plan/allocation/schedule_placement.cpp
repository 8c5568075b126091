#include "sim/plan/allocation/schedule_placement.hpp"

#include <algorithm>
#include <numeric>
#include <optional>

#include "workloads/support/splitmix.hpp"

namespace spillway::sim {

using workloads::Step;

std::uint64_t most_words(const Schedule& schedule, const Step& step) {
  std::uint64_t most = 0;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    std::uint64_t words = pack(nest.spec, shape, nest.standing).words;
    for (const Stay& stay : schedule.stays) {
      if (stay.first <= n && n <= stay.last) {
        words += words_of(stay, step);
      }
    }
    most = std::max(most, words);
  }
  return most;
}

namespace {

constexpr int most_orders = 200;  ///< in which to place stays

struct Box {
  std::uint64_t begin, end;  // words
  std::size_t first, last;   // nests
};

/// The lowest address at which `size` words are free from nest `first` to nest `last`.
std::uint64_t lowest_free(std::vector<Box> taken, std::uint64_t size, std::size_t first,
                          std::size_t last) {
  std::erase_if(taken, [&](const Box& b) { return b.last < first || last < b.first; });
  std::sort(taken.begin(), taken.end(),
            [](const Box& a, const Box& b) { return a.begin < b.begin; });
  std::uint64_t at = 0;
  for (const Box& box : taken) {
    if (box.end <= at) continue;
    if (box.begin >= at + size) break;
    at = box.end;
  }
  return at;
}
/// The highest such address below `words`, if there is one.
std::optional<std::uint64_t> highest_free(std::vector<Box> taken, std::uint64_t size,
                                          std::size_t first, std::size_t last,
                                          std::uint64_t words) {
  std::erase_if(taken, [&](const Box& b) { return b.last < first || last < b.first; });
  std::sort(taken.begin(), taken.end(), [](const Box& a, const Box& b) { return a.end > b.end; });
  std::uint64_t top = words;
  for (const Box& box : taken) {
    if (box.begin >= top) continue;
    if (box.end + size <= top) break;
    top = box.begin;
  }
  if (top < size) return std::nullopt;
  return top - size;
}

/// Slots of a nest among the stays.
bool place_slots(Nest& nest, std::size_t n, const std::vector<Box>& stays, std::uint64_t words) {
  std::vector<BufferRange> taken;
  for (const Box& stay : stays) {
    if (stay.first <= n && n <= stay.last) taken.push_back({stay.begin, stay.end});
  }
  NestShape shape(nest.spec);
  while (true) {
    shape.set(nest.loops, nest.parts);
    // In one piece where there is a gap for it; else each slot where it fits.
    const Packing together = pack(nest.spec, shape, nest.standing);
    const std::uint64_t base = lowest_free(stays, together.words, n, n);
    if (base + together.words <= words) {
      nest.address = together.from(base);
      return true;
    }
    const Packing apart = pack(nest.spec, shape, nest.standing, taken);
    nest.address = apart.address;
    if (apart.words <= words) return true;
    // Then what is done in parts takes less at a time.
    if (nest.parts.rows == 1 && nest.parts.finished == 1) return false;
    nest.parts = {std::max<std::int64_t>(1, nest.parts.rows / 2),
                  std::max<std::int64_t>(1, nest.parts.finished / 2)};
  }
}

/// Stays and nests, each nest in one piece, at the lowest addresses: what finds no room comes first
/// from then on.
bool place_together(Schedule& schedule, const Step& step, std::uint64_t words) {
  std::vector<Box> boxes;  // the stays', then the nests'
  for (const Stay& stay : schedule.stays) {
    boxes.push_back({0, words_of(stay, step), stay.first, stay.last});
  }
  std::vector<Packing> packings;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
    const Nest& nest = schedule.nests[n];
    NestShape shape(nest.spec);
    shape.set(nest.loops, nest.parts);
    packings.push_back(pack(nest.spec, shape, nest.standing));
    boxes.push_back({0, packings.back().words, n, n});
  }
  /// The place in the order of what finds no room.
  const auto fails_at = [&](const std::vector<std::size_t>& order) -> std::optional<std::size_t> {
    std::vector<Box> placed;
    for (std::size_t i = 0; i < order.size(); ++i) {
      Box& box = boxes[order[i]];
      const std::uint64_t size = box.end - box.begin;
      box.begin = lowest_free(placed, size, box.first, box.last);
      box.end = box.begin + size;
      if (box.end > words) return i;
      placed.push_back(box);
    }
    return std::nullopt;
  };
  std::vector<std::size_t> order(boxes.size());
  std::iota(order.begin(), order.end(), 0);
  const auto measure_size = [&](std::size_t i) { return boxes[i].end - boxes[i].begin; };
  const auto measure_length = [&](std::size_t i) { return boxes[i].last - boxes[i].first; };
  for (const bool by_length : {false, true}) {
    std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
      return by_length ? measure_length(a) > measure_length(b) : measure_size(a) > measure_size(b);
    });
    for (int tries = 0; tries < most_orders; ++tries) {
      const auto failed = fails_at(order);
      if (!failed) {
        for (std::size_t i = 0; i < schedule.stays.size(); ++i) {
          schedule.stays[i].address = boxes[i].begin;
        }
        for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
          schedule.nests[n].address = packings[n].from(boxes[schedule.stays.size() + n].begin);
        }
        return true;
      }
      if (*failed == 0) return false;  // it is larger than the buffer
      const auto at = order.begin() + static_cast<std::ptrdiff_t>(*failed);
      std::rotate(order.begin(), at, at + 1);
    }
  }
  return false;
}

}  // namespace

bool place(Schedule& schedule, const Step& step, std::uint64_t words) {
  auto& stays = schedule.stays;
  std::vector<std::size_t> order(stays.size());
  std::iota(order.begin(), order.end(), 0);
  const auto size_of = [&](std::size_t i) { return words_of(stays[i], step); };
  std::vector<Parts> parts;
  for (const Nest& nest : schedule.nests) parts.push_back(nest.parts);
  /// Each stay at the lowest address free, or from both ends in turn.
  const auto try_order = [&](bool two_ended) {
    std::vector<Box> boxes;
    bool low = true;
    for (const std::size_t i : order) {
      Stay& stay = stays[i];
      const std::uint64_t size = size_of(i);
      const std::uint64_t lowest = lowest_free(boxes, size, stay.first, stay.last);
      const auto highest = highest_free(boxes, size, stay.first, stay.last, words);
      if (!highest || lowest + size > words) return false;
      stay.address = low || !two_ended ? lowest : *highest;
      low = !low;
      boxes.push_back({stay.address, stay.address + size, stay.first, stay.last});
    }
    for (std::size_t n = 0; n < schedule.nests.size(); ++n) {
      schedule.nests[n].parts = parts[n];  // as another order may have left them smaller
      if (!place_slots(schedule.nests[n], n, boxes, words)) return false;
    }
    return true;
  };
  // In order of time, from both ends in turn or from the bottom; then the large or long first.
  const auto by = [&](auto less) { std::stable_sort(order.begin(), order.end(), less); };
  by([&](std::size_t a, std::size_t b) { return stays[a].first < stays[b].first; });
  if (try_order(true) || try_order(false)) return true;
  by([&](std::size_t a, std::size_t b) { return size_of(a) > size_of(b); });
  if (try_order(false) || try_order(true)) return true;
  by([&](std::size_t a, std::size_t b) {
    return stays[a].last - stays[a].first > stays[b].last - stays[b].first;
  });
  if (try_order(false) || try_order(true)) return true;
  for (std::size_t n = 0; n < schedule.nests.size(); ++n) schedule.nests[n].parts = parts[n];
  if (place_together(schedule, step, words)) return true;
  // And in many other orders, the same ones each time.
  workloads::SplitMix numbers(1);
  for (int tries = 0; tries < most_orders; ++tries) {
    numbers.shuffle(order);
    if (try_order(tries % 2 == 0)) return true;
  }
  return false;
}

BufferRange largest_gap(const Schedule& schedule, const Step& step, std::size_t nest,
                        std::uint64_t words) {
  std::vector<BufferRange> stays;
  for (const Stay& stay : schedule.stays) {
    if (nest < stay.first || stay.last < nest) continue;
    stays.push_back({stay.address, stay.address + words_of(stay, step)});
  }
  stays.push_back({words, words});
  std::sort(stays.begin(), stays.end(),
            [](const BufferRange& a, const BufferRange& b) { return a.begin < b.begin; });
  BufferRange largest;
  std::uint64_t free = 0;
  for (const BufferRange& stay : stays) {
    if (stay.begin - free > largest.end - largest.begin) largest = {free, stay.begin};
    free = stay.end;
  }
  return largest;
}

}  // namespace spillway::sim
