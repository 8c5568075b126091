// Addresses: where tensors lie outside the chip, and where whole tensors lie in the buffer.
#pragma once

#include <vector>

#include "models/device_config.hpp"
#include "models/tile.hpp"
#include "sim/idealisations.hpp"
#include "sim/plan/lifetimes/residency.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// Tensors one after another, each at the start of a burst; idealised items at the host.
models::MemoryMap place_tensors(const workloads::Step& step, const Idealisations& idealisations,
                                const models::DeviceConfig& device);

/// Words on chip at each operation, and the most of them.
struct BufferNeed {
  workloads::Words words;
  std::size_t op = 0;  ///< where
};
BufferNeed buffer_need(const workloads::Step& step, const std::vector<Residency>& residencies);

/// Give every residency its address, so that no two overlap in both time and space. Space is left
/// alone for as many operations after a residency as fit, so that the next tiles can arrive while
/// it is still in use; that is all the double buffering there is. Throws InputError naming the
/// layer, the words needed and the words there are when the buffer is too small.
void place_residencies(const workloads::Step& step, const models::DeviceConfig& device,
                       std::vector<Residency>& residencies);

}  // namespace spillway::sim
