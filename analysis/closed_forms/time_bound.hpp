// No schedule of a step takes less time on a device.
#pragma once

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "workloads/step.hpp"

namespace spillway::analysis {

/// The largest of three times, of engines that work side by side:
/// - compulsory bytes at the peak of the DRAM: each tensor at the DRAM port that the step is given
///   comes once, of images what is needed, each that it hands on leaves once;
/// - products and work on single elements, which share the compute engine: each operation once, on
///   whole tensors. No tiling takes fewer cycles of the array: a fold's cycles beside the stream's
///   are the same for each, cut sides are rounded up to the array's, and so are elements to its
///   columns;
/// - values out of the PRNG unit, each once.
/// No operation is left out, and nothing is made again.
struct TimeBound {
  double dram_ps = 0, compute_ps = 0, random_ps = 0;

  double ps() const;
};
TimeBound time_bound(const workloads::Step& step, const models::MemoryMap& map,
                     const models::DeviceConfig& device);

}  // namespace spillway::analysis
