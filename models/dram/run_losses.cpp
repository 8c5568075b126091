#include "models/dram/run_losses.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <map>
#include <mutex>
#include <string>

#include "models/dram/channel.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::uint64_t bursts_of_a_trial = 2048;
constexpr int trials = 8;
constexpr std::uint64_t largest_stride = 16 << 10;  // bytes, between the runs of a tile

double lost(const Statistics& statistics) {
  return static_cast<double>(statistics.lost_turnaround + statistics.lost_row +
                             statistics.lost_spacing);
}

/// What `submit` sends in each of the trials: what is lost of the time of the data.
template <class Submit>
double lost_share(const DramDevice& device, Submit submit) {
  workloads::SplitMix random(1);
  double all = 0, data = 0;
  for (int trial = 0; trial < trials; ++trial) {
    Memory memory(device);
    submit(memory, random, trial);
    memory.drain();
    const Statistics statistics = memory.statistics();
    all += lost(statistics);
    data += static_cast<double>(statistics.busy);
  }
  return all / data;
}

double lost_by_scattered(const DramDevice& device, std::uint64_t run_bytes) {
  constexpr std::uint64_t runs_of_a_tile = 16;
  const std::uint64_t bursts = std::max<std::uint64_t>(1, run_bytes / device.geometry.burst_bytes);
  const std::uint64_t most = std::max<std::uint64_t>(1, largest_stride / run_bytes);
  return lost_share(device, [&](Memory& memory, workloads::SplitMix& random, int trial) {
    for (std::uint64_t sent = 0; sent < bursts_of_a_trial; sent += runs_of_a_tile * bursts) {
      std::uint64_t address = random.below(1 << 20) * run_bytes;
      const std::uint64_t stride = run_bytes * (1 + random.below(most));
      for (std::uint64_t run = 0; run < runs_of_a_tile; ++run, address += stride) {
        memory.transfer({address, trial % 2 == 0, 0, 0}, bursts);
      }
    }
  });
}

double lost_by_mixed(const DramDevice& device, std::uint64_t run_bytes) {
  const std::uint64_t bursts = std::max<std::uint64_t>(1, run_bytes / device.geometry.burst_bytes);
  const double all = lost_share(device, [&](Memory& memory, workloads::SplitMix& random, int) {
    std::array<std::uint64_t, 4> address{};
    for (std::uint64_t& each : address) each = random.below(1 << 20) * run_bytes;
    for (std::uint64_t sent = 0; sent < bursts_of_a_trial; sent += address.size() * bursts) {
      for (std::size_t i = 0; i < address.size(); ++i) {
        const bool is_write = i >= address.size() / 2;
        memory.transfer({address[i], is_write, 0, static_cast<std::uint8_t>(is_write)}, bursts);
        address[i] += run_bytes;
      }
    }
  });
  return 2 * all;
}

}  // namespace

const RunLosses& run_losses(const DramDevice& device) {
  static std::mutex mutex;
  static std::map<std::string, RunLosses> known;
  const std::string key = describe(device) + std::to_string(device.grain_bytes);
  const std::lock_guard lock(mutex);
  const auto found = known.find(key);
  return found != known.end() ? found->second : known.emplace(key, device).first->second;
}

RunLosses::RunLosses(const DramDevice& device) {
  const auto add = [&](std::uint64_t bytes) {
    scattered_.add(static_cast<double>(bytes), lost_by_scattered(device, bytes));
    mixed_.add(static_cast<double>(bytes), lost_by_mixed(device, bytes));
  };
  for (std::uint64_t bytes = device.geometry.burst_bytes; bytes < device.grain_bytes; bytes *= 4) {
    add(bytes);
  }
  add(device.grain_bytes);
}

double RunLosses::Curve::at(double bytes) const {
  const double within = std::clamp(bytes, points_.front().bytes, points_.back().bytes);
  const auto above = std::ranges::lower_bound(points_, within, {}, &Point::bytes);
  if (above == points_.begin()) return above->lost;
  const Point& below = *(above - 1);
  const double share = std::log(within / below.bytes) / std::log(above->bytes / below.bytes);
  return below.lost + share * (above->lost - below.lost);
}

}  // namespace spillway::models::dram
