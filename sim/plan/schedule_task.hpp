// What a schedule is made for.
#pragma once

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

struct ScheduleTask {
  const workloads::Step& step;
  const models::MemoryMap& map;
  const models::DeviceConfig& device;
};

}  // namespace spillway::sim
