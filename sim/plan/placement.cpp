#include "sim/plan/placement.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "models/dram/placement.hpp"
#include "sim/plan/buffer_too_small.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::sim {

using models::DeviceConfig;
using models::MemoryMap;
using workloads::Bytes;
using workloads::Step;
using workloads::Tensor;
using workloads::Words;

namespace {

Words size_of(const MemoryMap& map, const Residence& residence) {
  return words_of(map.at(residence.tile.tensor).element * residence.tile.elements());
}

/// What a first fit came to: the words it used, or the residence that found no room.
struct Fit {
  std::uint64_t extent = 0;
  std::optional<std::size_t> failed;  ///< place in the order
};

/// First fit, in the given order, at the lowest free address (in words).
Fit first_fit(const MemoryMap& map, const std::vector<std::size_t>& order, std::size_t slack,
              std::uint64_t capacity, std::vector<Residence>& residences) {
  struct Placed {
    std::uint64_t begin, end;
    std::size_t first_op, last_op;
  };
  std::vector<Placed> placed;  // by address
  Fit fit;
  for (std::size_t i = 0; i < order.size(); ++i) {
    Residence& residence = residences[order[i]];
    const std::uint64_t size = size_of(map, residence).count();
    std::uint64_t at = 0;
    for (const Placed& other : placed) {
      const bool together = residence.first_op <= other.last_op + slack &&
                            other.first_op <= residence.last_op + slack;
      if (!together || other.end <= at) continue;
      if (other.begin >= at + size) break;
      at = other.end;
    }
    if (at + size > capacity) {
      fit.failed = i;
      return fit;
    }
    residence.address = at * workloads::bytes_per_word;
    const Placed entry{at, at + size, residence.first_op, residence.last_op};
    placed.insert(
        std::upper_bound(placed.begin(), placed.end(), entry,
                         [](const Placed& a, const Placed& b) { return a.begin < b.begin; }),
        entry);
    fit.extent = std::max(fit.extent, at + size);
  }
  return fit;
}

/// Try an order; what finds no room is given the first choice, and so on, a bounded number of
/// times.
bool fits(const MemoryMap& map, std::vector<std::size_t> order, std::size_t slack,
          std::uint64_t capacity, std::vector<Residence>& residences) {
  constexpr int attempts = 40;
  for (int attempt = 0; attempt < attempts; ++attempt) {
    const Fit fit = first_fit(map, order, slack, capacity, residences);
    if (!fit.failed) return true;
    const auto failed = order.begin() + static_cast<std::ptrdiff_t>(*fit.failed);
    std::rotate(order.begin(), failed, failed + 1);
  }
  return false;
}

/// Orders worth trying: large tensors first, and in the order of the program.
std::vector<std::vector<std::size_t>> orders(const MemoryMap& map,
                                             const std::vector<Residence>& residences) {
  std::vector<std::size_t> by_time(residences.size());
  std::iota(by_time.begin(), by_time.end(), 0);
  std::stable_sort(by_time.begin(), by_time.end(), [&](std::size_t a, std::size_t b) {
    return residences[a].first_op < residences[b].first_op;
  });
  std::vector<std::size_t> by_size = by_time;
  std::stable_sort(by_size.begin(), by_size.end(), [&](std::size_t a, std::size_t b) {
    return size_of(map, residences[a]) > size_of(map, residences[b]);
  });
  std::vector<std::size_t> by_length = by_time;
  std::stable_sort(by_length.begin(), by_length.end(), [&](std::size_t a, std::size_t b) {
    return residences[a].last_op - residences[a].first_op >
           residences[b].last_op - residences[b].first_op;
  });
  return {by_size, by_time, by_length};
}

/// The smallest buffer, in words, that is known to hold the residences; at least `need`.
std::uint64_t smallest_buffer(const MemoryMap& map,
                              const std::vector<std::vector<std::size_t>>& candidates,
                              std::uint64_t need, std::vector<Residence> residences) {
  std::uint64_t smallest = ~std::uint64_t{0};
  for (const auto& order : candidates) {
    if (fits(map, order, 0, need, residences)) return need;
    const std::uint64_t unbounded = ~std::uint64_t{0} >> 1;
    smallest = std::min(smallest, first_fit(map, order, 0, unbounded, residences).extent);
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

MemoryMap place_tensors(const Step& step, const Idealisations& idealisations,
                        const DeviceConfig& device) {
  MemoryMap map;
  models::dram::Allocator dram(device.dram);
  std::uint64_t next_at_host = 0;
  for (const Tensor& tensor : step.tensors) {
    const std::optional<Item> item = item_of(step, tensor);
    const bool host = item && idealisations.contains(*item);
    const models::Port port = host ? models::Port::host : models::Port::dram;
    // At the host, too, each begins where a burst would.
    const std::uint64_t burst = device.dram.geometry.burst_bytes;
    const std::uint64_t bytes = tensor.bytes().count();
    std::uint64_t address = models::nowhere;
    if (!tensor.generated && host) {
      address = next_at_host;
      next_at_host += workloads::ceil_div(bytes, burst) * burst;
    } else if (!tensor.generated) {
      try {
        address = dram.place(bytes);
      } catch (const workloads::InputError& error) {
        throw workloads::InputError(fmt::format("batch {}: {}", step.batch, error.what()));
      }
    }
    map.push_back({tensor.name, tensor.shape, tensor.element, port, address, tensor.is_given()});
  }
  return map;
}

BufferNeed buffer_need(const Step& step, const MemoryMap& map,
                       const std::vector<Residence>& residences) {
  std::vector<Words> words(step.ops.size());
  for (const Residence& residence : residences) {
    for (std::size_t op = residence.first_op; op <= residence.last_op; ++op) {
      words[op] += size_of(map, residence);
    }
  }
  const auto most = std::max_element(words.begin(), words.end());
  return {*most, static_cast<std::size_t>(most - words.begin())};
}

void place_residences(const Step& step, const MemoryMap& map, const DeviceConfig& device,
                      std::vector<Residence>& residences) {
  const std::uint64_t capacity = words_of(device.buffer).count();
  const BufferNeed need = buffer_need(step, map, residences);
  const auto candidates = orders(map, residences);
  if (need.words.count() <= capacity) {
    for (const std::size_t slack : {16, 8, 6, 4, 3, 2, 1, 0}) {
      for (const auto& order : candidates) {
        if (fits(map, order, slack, capacity, residences)) return;
      }
    }
    // And in many other orders, the same ones each time.
    workloads::SplitMix numbers(1);
    std::vector<std::size_t> order = candidates.front();
    for (int tries = 0; tries < 100; ++tries) {
      numbers.shuffle(order);
      if (fits(map, order, 0, capacity, residences)) return;
    }
  }
  refuse(step, need,
         Words(smallest_buffer(map, candidates, need.words.count(), std::move(residences))),
         device);
}

}  // namespace spillway::sim
