// The step, device and settings that a schedule is made for.
#pragma once

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/counted_words.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

struct ScheduleTask {
  const workloads::Step& step;
  const models::MemoryMap& map;
  const models::DeviceConfig& device;
  /// Words at the host port count, too.
  bool host_counts = false;
  Objective objective = Objective::words;

  CountedWords counted() const { return CountedWords(map, host_counts); }
};

}  // namespace spillway::sim
