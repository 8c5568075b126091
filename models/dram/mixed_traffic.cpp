#include "models/dram/mixed_traffic.hpp"

#include <algorithm>
#include <array>
#include <cmath>

#include "models/dram/channel.hpp"
#include "workloads/support/splitmix.hpp"

namespace spillway::models::dram {

namespace {

constexpr std::uint64_t bursts_of_a_trial = 2048;
constexpr int trials = 8;

double lost_at(const DramDevice& device, std::uint64_t transaction_bytes) {
  workloads::SplitMix random(1);
  const std::uint64_t bursts = transaction_bytes / device.geometry.burst_bytes;
  double lost = 0, written = 0;
  for (int trial = 0; trial < trials; ++trial) {
    Memory memory(device);
    std::array<std::uint64_t, 4> address{};
    for (std::uint64_t& each : address) each = random.below(1 << 20) * transaction_bytes;
    for (std::uint64_t sent = 0; sent < bursts_of_a_trial; sent += address.size() * bursts) {
      for (std::size_t i = 0; i < address.size(); ++i) {
        const bool is_write = i >= address.size() / 2;
        memory.transfer({address[i], is_write, 0, static_cast<std::uint8_t>(is_write)}, bursts);
        address[i] += transaction_bytes;
      }
    }
    memory.drain();
    const Statistics statistics = memory.statistics();
    lost += static_cast<double>(statistics.lost_turnaround + statistics.lost_row +
                                statistics.lost_spacing);
    written += static_cast<double>(statistics.busy) / 2;
  }
  return lost / written;
}

}  // namespace

MixedTraffic::MixedTraffic(const DramDevice& device) {
  for (std::uint64_t bytes = device.geometry.burst_bytes; bytes < device.grain_bytes; bytes *= 4) {
    points_.push_back({static_cast<double>(bytes), lost_at(device, bytes)});
  }
  points_.push_back({static_cast<double>(device.grain_bytes), lost_at(device, device.grain_bytes)});
}

double MixedTraffic::lost(double transaction_bytes) const {
  const double bytes = std::clamp(transaction_bytes, points_.front().bytes, points_.back().bytes);
  const auto above = std::ranges::lower_bound(points_, bytes, {}, &Point::bytes);
  if (above == points_.begin()) return above->lost;
  const Point& below = *(above - 1);
  const double share = std::log(bytes / below.bytes) / std::log(above->bytes / below.bytes);
  return below.lost + share * (above->lost - below.lost);
}

}  // namespace spillway::models::dram
