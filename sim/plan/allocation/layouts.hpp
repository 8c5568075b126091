// The layouts of tensors in DRAM: those in which the tiles of a schedule move the fewest bursts.
#pragma once

#include <cstdint>
#include <vector>

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "sim/plan/allocation/burst_count.hpp"
#include "sim/plan/schedule.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// By tensor. Row-major where that moves no more: at the host port, for elements that are not a
/// word, and where whole tensors move. No tensor moves more bursts than row-major.
std::vector<models::Layout> choose_layouts(const Schedule& schedule, const workloads::Step& step,
                                           const models::MemoryMap& map,
                                           const models::DeviceConfig& device);

/// Of each tensor, what the schedule's loads and stores move in the map's layouts.
std::vector<BurstsAndRuns> dram_bursts(const Schedule& schedule, const workloads::Step& step,
                                       const models::MemoryMap& map,
                                       const models::DeviceConfig& device);

}  // namespace spillway::sim
