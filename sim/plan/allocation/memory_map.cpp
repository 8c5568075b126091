#include "sim/plan/allocation/memory_map.hpp"

#include <fmt/format.h>

#include <optional>

#include "models/dram/placement.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::DeviceConfig;
using models::MemoryMap;
using workloads::Step;
using workloads::Tensor;

MemoryMap place_tensors(const Step& step, const Idealisations& idealisations,
                        const DeviceConfig& device) {
  MemoryMap map;
  models::dram::Allocator dram(device.dram);
  std::uint64_t next_at_host = 0;
  for (const Tensor& tensor : step.tensors) {
    const std::optional<Item> item = item_of(step, tensor);
    const bool host = item && idealisations.contains(*item);
    const models::Port port = host ? models::Port::host : models::Port::dram;
    // At the host, too, each begins where a burst would.
    const std::uint64_t burst = device.dram.geometry.burst_bytes;
    const std::uint64_t bytes = tensor.bytes().count();
    std::uint64_t address = models::nowhere;
    if (!tensor.generated && host) {
      address = next_at_host;
      next_at_host += workloads::ceil_div(bytes, burst) * burst;
    } else if (!tensor.generated) {
      try {
        address = dram.place(bytes);
      } catch (const workloads::InputError& error) {
        throw workloads::InputError(fmt::format("batch {}: {}", step.batch, error.what()));
      }
    }
    map.push_back({tensor.name, tensor.shape, tensor.element, port, address, tensor.is_given()});
  }
  return map;
}

}  // namespace spillway::sim
