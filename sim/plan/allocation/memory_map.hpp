// Addresses outside the chip: of tensors in DRAM, and of idealised items at the host.
#pragma once

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "sim/idealisations.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// Tensors one after another, each at the start of a burst; idealised items at the host.
models::MemoryMap place_tensors(const workloads::Step& step, const Idealisations& idealisations,
                                const models::DeviceConfig& device);

}  // namespace spillway::sim
