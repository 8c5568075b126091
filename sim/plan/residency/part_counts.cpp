#include "sim/plan/residency/part_counts.hpp"

#include <algorithm>

#include "sim/plan/limits.hpp"
#include "sim/plan/mapping/loop_orders.hpp"

namespace spillway::sim {

using workloads::Step;
using workloads::Tensor;

namespace {

/// The unit of parts of a dimension: tiles of many sizes make up its multiples.
std::int64_t part_unit(std::int64_t extent) {
  const std::vector<std::int64_t> sizes = tile_sizes(extent);
  const auto divisors = [&](std::int64_t of) {
    return std::count_if(sizes.begin(), sizes.end(),
                         [&](std::int64_t size) { return of % size == 0; });
  };
  std::int64_t unit = std::max<std::int64_t>(1, extent / limits.unit_at_least);
  for (std::int64_t larger = unit + 1; larger <= extent / limits.unit_at_most; ++larger) {
    if (divisors(larger) > divisors(unit)) unit = larger;
  }
  return unit;
}

}  // namespace

Words counted_words(const ScheduleTask& task, const Tensor& tensor) {
  const bool there = task.counted().counts(tensor.id) && !tensor.generated;
  return there ? words_of(tensor.bytes()) : Words(0);
}
Words counted_words(const ScheduleTask& task) {
  Words sum;
  for (const Tensor& tensor : task.step.tensors) sum += counted_words(task, tensor);
  return sum;
}

Counts coarse_parts(const ScheduleTask& task) {
  const std::uint64_t all = counted_words(task).count();
  Counts counts;
  for (const Tensor& tensor : task.step.tensors) {
    const std::uint64_t size = counted_words(task, tensor).count();
    if (size < std::max<std::uint64_t>(1, all / limits.large_enough)) continue;
    const std::int64_t extent = tensor.shape[0], unit = part_unit(extent);
    std::vector<std::int64_t>& own = counts[tensor.id];
    for (std::int64_t count = unit; count < extent; count += unit) own.push_back(count);
    for (std::int64_t count = unit / 2; count > 0; count /= 2) {
      const std::uint64_t words = size / static_cast<std::uint64_t>(extent);
      if (words * static_cast<std::uint64_t>(count) < all / limits.smallest_part) break;
      own.push_back(count);
    }
  }
  return counts;
}

Counts finer_parts(const Schedule& schedule, const Step& step, int rounds) {
  Counts counts;
  for (const Residency& residency : schedule.residencies) {
    if (is_whole(residency, step)) continue;
    const std::int64_t extent = step.tensor(residency.tensor).shape[0];
    const std::int64_t more = std::max<std::int64_t>(1, part_unit(extent) >> (2 * rounds)),
                       end = std::min(extent, residency.count + limits.sizes_refined * more);
    std::vector<std::int64_t>& own = counts[residency.tensor];
    for (std::int64_t count = residency.count; count < end; count += more) own.push_back(count);
    std::sort(own.begin(), own.end());
    own.erase(std::unique(own.begin(), own.end()), own.end());
  }
  return counts;
}

}  // namespace spillway::sim
