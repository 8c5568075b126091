// What goes on in the device over a step, in equal windows of time.
#pragma once

#include <cstddef>
#include <vector>

#include "models/device.hpp"

namespace spillway::sim {

/// A window of time.
struct OverviewWindow {
  models::EngineTimes busy;
  models::Bytes buffer;  ///< most that was reserved in it
  /// Bytes asked for that were sent in it, by DRAM channel.
  struct Channel {
    models::Bytes read, written;
  };
  std::vector<Channel> channels;
};

/// Looks on at a device that runs one program. As the time is not known, windows are short at first
/// and join in pairs when there are too many.
class Overview : public models::Observer {
 public:
  /// At the end there are between half of `most` and `most`, an even number.
  explicit Overview(const models::dram::DramDevice& dram, std::size_t most = 240);

  void work(const models::WorkSlice& slice) override;
  void buffer(models::Picoseconds now, models::Bytes used) override;
  void transaction(const models::dram::Transaction& sent) override;

  /// The program ended then.
  void finish(models::Picoseconds end);

  models::Picoseconds window() const { return window_; }
  const std::vector<OverviewWindow>& windows() const { return windows_; }

 private:
  OverviewWindow& at(models::Picoseconds time);
  void join_pairs();

  std::size_t channels_, most_;
  std::uint64_t interleave_;
  models::Picoseconds window_{1000};
  std::vector<OverviewWindow> windows_;
  // Of the buffer: since when, and how much.
  models::Picoseconds since_;
  models::Bytes used_;
};

}  // namespace spillway::sim
