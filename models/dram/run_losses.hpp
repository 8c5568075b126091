// What the data bus loses by the lengths of runs: rows that have to be opened, and, where reads and
// writes go on side by side, changes of direction and rows that they close for each other.
#pragma once

#include <vector>

#include "models/dram/device.hpp"

namespace spillway::models::dram {

/// Measured on the channels themselves, with places that are drawn at random, the same ones every
/// time. Runs longer than the device's grain lose what those of the grain do. `run_losses` measures
/// a device once.
class RunLosses {
 public:
  explicit RunLosses(const DramDevice& device);

  /// Time lost for each unit of time that data take, in runs of so many bytes, some at equal
  /// distances of up to 16 KiB, then elsewhere.
  double scattered(double run_bytes) const { return scattered_.at(run_bytes); }
  /// For each unit of time that data of the rarer direction take, where two streams of reads and
  /// two of writes take turns by transactions of so many bytes.
  double mixed(double run_bytes) const { return mixed_.at(run_bytes); }

 private:
  class Curve {
   public:
    void add(double bytes, double lost) { points_.push_back({bytes, lost}); }
    double at(double bytes) const;

   private:
    struct Point {
      double bytes, lost;
    };
    std::vector<Point> points_;  // by size
  };
  Curve scattered_, mixed_;
};

/// Kept until the program ends; may be called by several threads.
const RunLosses& run_losses(const DramDevice& device);

}  // namespace spillway::models::dram
