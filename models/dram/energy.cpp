#include "models/dram/energy.hpp"

#include <algorithm>

namespace spillway::models::dram {

std::optional<EnergyPerEvent> energy_per_event(const DramDevice& device) {
  if (!device.currents) return std::nullopt;
  const Currents& i = *device.currents;
  const Timing& t = device.timing;
  // V * mA * ns = pJ, of all chips.
  const double scale = i.vdd * device.geometry.devices * t.clock_period_ns();
  EnergyPerEvent energy;
  energy.activate = scale * (i.idd0 * t.row_cycle - i.idd3n * t.row_active - i.idd2n * t.precharge);
  energy.read = scale * (i.idd4r - i.idd3n) * t.burst;
  energy.write = scale * (i.idd4w - i.idd3n) * t.burst;
  energy.refresh = scale * (i.idd5ab - i.idd3n) * t.refresh;
  energy.refresh_bank = i.idd5pb ? scale * std::max(*i.idd5pb - i.idd3n, 0.0) * t.refresh_bank
                                 : energy.refresh / device.geometry.banks_per_rank();
  energy.background_open = scale * i.idd3n;
  energy.background_closed = scale * i.idd2n;
  return energy;
}

std::optional<Energy> energy_of(const DramDevice& device, const Statistics& statistics) {
  const std::optional<EnergyPerEvent> each = energy_per_event(device);
  if (!each) return std::nullopt;
  const auto count = [](std::uint64_t events, double energy) {
    return static_cast<double>(events) * energy;
  };
  // The ranks of all channels stand by for as long as the last one works.
  const std::uint64_t cycles = statistics.finish * device.channels * device.geometry.ranks;
  const std::uint64_t closed = std::min(statistics.all_closed, cycles);
  Energy energy;
  energy.activate = count(statistics.activates, each->activate);
  energy.read = count(statistics.reads, each->read);
  energy.write = count(statistics.writes, each->write);
  energy.refresh = count(statistics.refreshes, each->refresh) +
                   count(statistics.bank_refreshes, each->refresh_bank);
  energy.background =
      count(cycles - closed, each->background_open) + count(closed, each->background_closed);
  return energy;
}

double io_energy(const DramDevice& device, const Statistics& statistics) {
  return static_cast<double>(statistics.bursts()) * device.geometry.burst_bytes * 8 *
         device.io_pj_per_bit;
}

}  // namespace spillway::models::dram
