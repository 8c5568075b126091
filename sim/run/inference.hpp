// Inference through the device with an exit after any layer that decides.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/run/training.hpp"

namespace spillway::sim {

/// What deciding at one layer costs and is worth.
struct ExitPoint {
  std::string layer;
  std::int64_t images = 0, right = 0;
  double loss = 0;      ///< mean
  Traffic traffic;      ///< of all images; `steps` counts mini-batches
  Words buffer;         ///< needed on chip at once
  bool decides = true;  ///< decisions are right or wrong
  double accuracy() const {
    return decides ? static_cast<double>(right) / static_cast<double>(images) : no_accuracy;
  }
};

/// Run whole mini-batches of `data` through the device once for each exit, with a trained network:
/// layers up to the exit, its decision, and nothing above. Of a run that trains layer by layer the
/// layers that it came to. Throws InputError when there are fewer images than a batch, or the
/// buffer is too small.
std::vector<ExitPoint> infer(const Experiment& experiment, const workloads::Dataset& data,
                             const TrainingState& trained,
                             const std::function<void(const std::string&)>& progress = nullptr);

}  // namespace spillway::sim
