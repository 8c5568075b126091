#include "analysis/closed_forms/time_bound.hpp"

#include <algorithm>

#include "models/kernel_cost.hpp"
#include "models/lfsr.hpp"
#include "sim/plan/lifetimes/op_needs.hpp"

namespace spillway::analysis {

double TimeBound::ps() const { return std::max({dram_ps, compute_ps, random_ps}); }

TimeBound time_bound(const workloads::Step& step, const models::MemoryMap& map,
                     const models::DeviceConfig& device) {
  const auto period = static_cast<double>(device.clock_period.count());
  double bytes = 0, clocks = 0;
  for (const workloads::Tensor& tensor : step.tensors) {
    if (tensor.generated) {
      const std::uint64_t per_clock = models::elements_per_clock(tensor.generated->values);
      clocks += static_cast<double>(tensor.elements()) / static_cast<double>(per_clock);
      continue;
    }
    if (map.at(tensor.id).port != models::Port::dram) continue;
    bytes += static_cast<double>(bytes_of(sim::words_once(step, tensor)).count());
  }
  workloads::Cycles cycles;
  double vector = 0;
  const models::ComputeArray array = device.array();
  for (const workloads::Op& op : step.ops) {
    const models::KernelCost cost = models::kernel_cost(op.kernel);
    cycles += models::product_cycles(cost, array);
    vector += static_cast<double>(device.elementwise_time(cost.elements).count());
  }
  // Beside the array or between its products.
  const double products = period * static_cast<double>(cycles.count());
  const double compute = device.vector_unit ? std::max(products, vector) : products + vector;
  return {bytes * 1000 / device.dram.peak_bytes_per_ns(), compute, period * clocks};
}

}  // namespace spillway::analysis
