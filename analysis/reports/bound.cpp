#include "analysis/reports/bound.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace spillway::analysis {

using workloads::Picoseconds;

namespace {

double share_of(Picoseconds part, Picoseconds whole) {
  if (whole == Picoseconds(0)) return 0;
  return static_cast<double>(part.count()) / static_cast<double>(whole.count());
}

Usage usage_in(Picoseconds time, Picoseconds transfers, const models::ComputeWork& compute,
               Picoseconds generate) {
  return {share_of(transfers, time), share_of(compute.array, time),
          share_of(compute.vector_unit, time), share_of(compute.buffer_port, time),
          share_of(generate, time)};
}

/// Of all cycles of the data bus of all channels.
double bus_share(const models::dram::Statistics& bus, std::uint64_t cycles) {
  const std::uint64_t all = bus.busy + bus.lost_refresh + bus.lost_turnaround + bus.lost_row +
                            bus.lost_spacing + bus.idle;
  return all == 0 ? 0 : static_cast<double>(cycles) / static_cast<double>(all);
}

/// Of the bytes on the DRAM bus, which moves whole bursts.
double asked_share(const sim::Result& result) {
  workloads::Bytes asked;
  for (const sim::LedgerLine& line : result.ledger.lines()) {
    if (line.key.port == models::Port::dram) asked += line.bytes;
  }
  const models::DramCounters& dram = result.execution.dram;
  const workloads::Bytes moved = dram.read_bytes + dram.write_bytes;
  if (moved == workloads::Bytes(0)) return 0;
  return static_cast<double>(asked.count()) / static_cast<double>(moved.count());
}

std::string percent(double share) { return fmt::format("{:.0f} %", 100 * share); }

std::string memory_text(const Usage& usage, const sim::Result& result) {
  const models::DramCounters& dram = result.execution.dram;
  const std::string transfers = "loads and stores take " + percent(usage.memory) + " of the time";
  if (dram.read_bursts + dram.write_bursts == 0) return transfers + ", all of them of the host";
  const double data = bus_share(dram.channel, dram.channel.busy);
  const std::string asked = percent(asked_share(result)) + " of its bytes were asked for";
  if (data >= bound_share) {
    return fmt::format("the DRAM bus moves data {} of the time; {}", percent(data), asked);
  }
  return fmt::format("{}, but the DRAM bus moves data {}; {}", transfers, percent(data), asked);
}

}  // namespace

double Usage::most() const { return std::max({memory, compute(), prng}); }

Bound bound_of(const Usage& usage) {
  const double most = usage.most();
  if (most < bound_share) return Bound::latency;
  if (usage.memory == most) return Bound::memory;
  if (usage.compute() != most) return Bound::prng;
  const double part = std::max({usage.array, usage.vector_unit, usage.buffer_port});
  if (usage.array == part) return Bound::array;
  return usage.vector_unit == part ? Bound::vector_unit : Bound::buffer_port;
}

Usage usage_of(const models::Execution& execution) {
  Usage usage =
      usage_in(execution.time, execution.transfers, execution.compute, execution.busy.generate);
  // Stores are done for their engine when the channel has taken them in.
  const models::dram::Statistics& bus = execution.dram.channel;
  usage.memory = std::max(usage.memory, 1 - bus_share(bus, bus.idle));
  return usage;
}

Usage usage_of(const models::WorkTimes& times) {
  return usage_in(times.active, times.transfers, times.compute, times.busy.generate);
}

double array_share(workloads::Macs macs, Picoseconds time, const models::DeviceConfig& device) {
  if (time == Picoseconds(0)) return 0;
  const double cycles =
      static_cast<double>(time.count()) / static_cast<double>(device.clock_period.count());
  return static_cast<double>(macs.count()) /
         (cycles * static_cast<double>(device.array_rows * device.array_columns));
}

std::string bound_text(const models::DeviceConfig& device, const sim::Result& result) {
  const models::Execution& execution = result.execution;
  if (execution.time == Picoseconds(0)) return "Nothing took any time.\n";
  const Usage usage = usage_of(execution);
  switch (bound_of(usage)) {
    case Bound::memory: return "Memory-bound: " + memory_text(usage, result) + ".\n";
    case Bound::array:
      return fmt::format(
          "Compute-bound: the array is busy {} of the time and does {:.1f} % of the MACs that it "
          "could.\n",
          percent(usage.array), 100 * array_share(execution.compute.macs, execution.time, device));
    case Bound::vector_unit:
      return fmt::format("Compute-bound: the vector unit is busy {} of the time, the array {}.\n",
                         percent(usage.vector_unit), percent(usage.array));
    case Bound::buffer_port:
      return fmt::format(
          "Compute-bound: the compute engine waits for the buffer port {} of the time, the array "
          "is busy {}.\n",
          percent(usage.buffer_port), percent(usage.array));
    case Bound::prng:
      return fmt::format("PRNG-bound: the PRNG unit is busy {} of the time.\n",
                         percent(usage.prng));
    case Bound::latency: break;
  }
  return fmt::format(
      "Latency-bound: engines wait for each other; memory is busy {} of the time, the compute "
      "engine {}, the PRNG unit {}.\n",
      percent(usage.memory), percent(usage.compute()), percent(usage.prng));
}

}  // namespace spillway::analysis
