// Energy of a channel's traffic, from counts, by the currents of the data sheet.
#pragma once

#include <optional>

#include "models/dram/channel.hpp"
#include "models/dram/device.hpp"

namespace spillway::models::dram {

/// In pJ, of all chips.
struct Energy {
  double activate = 0;  ///< with the precharge that belongs to it
  double read = 0, write = 0;
  double refresh = 0;
  double background = 0;  ///< standby: IDD3N with a bank open, IDD2N with all closed

  double total() const { return activate + read + write + refresh + background; }
};

/// Per event, in pJ of all chips of a rank; background per cycle.
struct EnergyPerEvent {
  double activate = 0, read = 0, write = 0, refresh = 0, refresh_bank = 0;
  double background_open = 0, background_closed = 0;
};

/// By the usual formula from IDD currents; nothing for a device without currents.
std::optional<EnergyPerEvent> energy_per_event(const DramDevice& device);

/// Energy of the core. `statistics.finish` is the time for the background.
std::optional<Energy> energy_of(const DramDevice& device, const Statistics& statistics);

/// Energy of the interface, which the core's does not hold: pJ per bit moved.
double io_energy(const DramDevice& device, const Statistics& statistics);

}  // namespace spillway::models::dram
