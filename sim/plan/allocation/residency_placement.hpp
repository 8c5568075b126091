// Addresses in the buffer of whole tensors, each for as long as it is resident.
#pragma once

#include <vector>

#include "models/device_config.hpp"
#include "sim/plan/lifetimes/residency.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// The most words on chip at once, and the operation that needs them.
struct BufferNeed {
  workloads::Words words;
  std::size_t op = 0;
};
BufferNeed buffer_need(const workloads::Step& step, const std::vector<Residency>& residencies);

/// Give every residency its address, so that no two overlap in both time and space. Space is left
/// alone for as many operations after a residency as fit, so that the next tiles can arrive while
/// it is still in use; that is all the double buffering there is. Throws InputError naming the
/// layer, the words needed and the words there are when the buffer is too small.
void place_residencies(const workloads::Step& step, const models::DeviceConfig& device,
                       std::vector<Residency>& residencies);

}  // namespace spillway::sim
