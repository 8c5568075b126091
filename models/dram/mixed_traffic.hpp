// What the data bus loses where reads and writes go on side by side: changes of direction, and rows
// that the streams close for each other.
#pragma once

#include <vector>

#include "models/dram/device.hpp"

namespace spillway::models::dram {

/// Measured on the channels themselves: two streams of reads and two of writes take turns by
/// transactions of one size, from places that are drawn at random, the same ones every time.
class MixedTraffic {
 public:
  explicit MixedTraffic(const DramDevice& device);

  /// Time lost for each unit of time that data of the rarer direction take, in transactions of so
  /// many bytes: those of the device's grain for larger ones.
  double lost(double transaction_bytes) const;

 private:
  struct Point {
    double bytes, lost;
  };
  std::vector<Point> points_;  ///< by size
};

}  // namespace spillway::models::dram
