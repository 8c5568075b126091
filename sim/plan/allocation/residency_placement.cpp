#include "sim/plan/allocation/residency_placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <optional>

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/lifetimes/live_ranges.hpp"
#include "sim/plan/limits.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::sim {

using models::DeviceConfig;
using workloads::Step;
using workloads::Words;

namespace {

/// First fit in an order, a bounded number of times. The words that it takes, if it fits.
std::optional<std::uint64_t> fit(const Step& step, std::vector<std::size_t> order,
                                 std::size_t slack, std::uint64_t capacity,
                                 std::vector<Residency>& residencies) {
  std::vector<LiveRange> ranges;
  for (const Residency& residency : residencies) {
    ranges.push_back({0, words_of(residency, step).count(), residency.first, residency.last});
  }
  const auto words = first_fit(ranges, order, capacity, slack, limits.orders_of_tensors);
  if (!words) return std::nullopt;
  for (std::size_t i = 0; i < residencies.size(); ++i) {
    residencies[i].address = Words(ranges[i].begin);
  }
  return words;
}

/// Orders worth trying: large tensors first, and in the order of the program.
std::vector<std::vector<std::size_t>> orders(const Step& step,
                                             const std::vector<Residency>& residencies) {
  std::vector<std::size_t> by_time(residencies.size());
  std::iota(by_time.begin(), by_time.end(), 0);
  std::stable_sort(by_time.begin(), by_time.end(), [&](std::size_t a, std::size_t b) {
    return residencies[a].first < residencies[b].first;
  });
  std::vector<std::size_t> by_size = by_time;
  std::stable_sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
    return words_of(residencies[a], step) > words_of(residencies[b], step);
  });
  std::vector<std::size_t> by_length = by_time;
  std::stable_sort(by_length.begin(), by_length.end(), [&](std::size_t a, std::size_t b) {
    return residencies[a].last - residencies[a].first > residencies[b].last - residencies[b].first;
  });
  return {by_size, by_time, by_length};
}

/// The orders, and many others, the same ones each time.
template <class Try>
bool any_order(const std::vector<std::vector<std::size_t>>& candidates, Try attempt) {
  for (const auto& order : candidates) {
    if (attempt(order)) return true;
  }
  workloads::SplitMix numbers(1);
  std::vector<std::size_t> order = candidates.front();
  for (int tries = 0; tries < limits.shuffles_of_tensors; ++tries) {
    numbers.shuffle(order);
    if (attempt(order)) return true;
  }
  return false;
}

/// Residencies at their addresses in a buffer of `words`.
struct Layout {
  std::uint64_t words = 0;
  std::vector<Residency> residencies;
};

/// The layout in the smallest buffer that is known to hold the residencies; none takes fewer words
/// than `need`. It is looked for in ever smaller ones, until no order fits any that is tried.
Layout smallest_layout(const Step& step, const std::vector<std::vector<std::size_t>>& candidates,
                       std::uint64_t need, std::vector<Residency> residencies) {
  constexpr std::uint64_t sizes = limits.buffers_tried;
  constexpr std::uint64_t unbounded = ~std::uint64_t{0} >> 1;
  Layout smallest{unbounded, {}};
  const auto fits_in = [&](std::uint64_t capacity) {
    return any_order(candidates, [&](const std::vector<std::size_t>& order) {
      const auto words = fit(step, order, 0, capacity, residencies);
      if (words && *words < smallest.words) smallest = {*words, residencies};
      return words.has_value();
    });
  };
  fits_in(unbounded);
  for (bool smaller = true; smaller && smallest.words > need;) {
    const std::uint64_t more = smallest.words - 1 - need;
    smaller = false;
    for (std::uint64_t i = 0; i <= sizes && !smaller; ++i) {
      smaller = fits_in(need + more / sizes * i + more % sizes * i / sizes);
    }
  }
  return smallest;
}

[[noreturn]] void refuse(const Step& step, const BufferNeed& need, Words smallest,
                         const DeviceConfig& device) {
  const workloads::Op& op = step.ops[need.op];
  const std::string gaps = smallest > need.words
                               ? fmt::format(" ({} with the gaps between tiles)", smallest.count())
                               : "";
  throw BufferTooSmall(
      fmt::format("{}too small: layer {} ({} in stage {}) needs {} words on chip at "
                  "once{}; found {} words; allowed: at least {} bytes",
                  device.buffer_where, step.layer_names[op.layer],
                  workloads::kernel_name(op.kernel), step.stages[op.stage].name, need.words.count(),
                  gaps, words_of(device.buffer).count(), bytes_of(smallest).count()),
      bytes_of(smallest));
}

}  // namespace

BufferNeed buffer_need(const Step& step, const std::vector<Residency>& residencies) {
  std::vector<Words> words(step.ops.size());
  for (const Residency& residency : residencies) {
    for (std::size_t op = residency.first; op <= residency.last; ++op) {
      words[op] += words_of(residency, step);
    }
  }
  const auto most = std::max_element(words.begin(), words.end());
  return {*most, static_cast<std::size_t>(most - words.begin())};
}

void place_residencies(const Step& step, const DeviceConfig& device,
                       std::vector<Residency>& residencies) {
  const std::uint64_t capacity = words_of(device.buffer).count();
  const BufferNeed need = buffer_need(step, residencies);
  const auto candidates = orders(step, residencies);
  if (need.words.count() <= capacity) {
    for (const std::size_t slack : limits.slacks) {
      for (const auto& order : candidates) {
        if (fit(step, order, slack, capacity, residencies)) return;
      }
    }
    if (any_order(candidates, [&](const std::vector<std::size_t>& order) {
          return fit(step, order, 0, capacity, residencies).has_value();
        })) {
      return;
    }
  }
  Layout smallest = smallest_layout(step, candidates, need.words.count(), residencies);
  if (smallest.words > capacity) refuse(step, need, Words(smallest.words), device);
  residencies = std::move(smallest.residencies);
}

}  // namespace spillway::sim
