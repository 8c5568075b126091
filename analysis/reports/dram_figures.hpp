// What the counters of a DRAM device mean: bandwidth, what the data bus was used for, energy.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/dram/channel.hpp"
#include "models/dram/energy.hpp"

namespace spillway::analysis {

struct DramFigures {
  DramFigures(const models::dram::DramDevice& device, const models::dram::Statistics& statistics);

  double bits;           ///< moved
  double time_ns;        ///< up to the finish
  double bandwidth = 0;  ///< bytes per ns, GB/s
  double percent_of_peak = 0;
  std::optional<double> read_latency_ns;       ///< none without reads
  std::optional<models::dram::Energy> energy;  ///< none without currents
  double io_pj;

  double pj_per_bit(double pj) const { return bits > 0 ? pj / bits : 0; }
};

/// Cycles of the data bus, of all channels, by what they were used for or lost to.
std::vector<std::pair<std::string, std::uint64_t>> dram_bus_use(
    const models::dram::Statistics& statistics);
/// Energy in pJ by component, the total of the chips last; empty without currents.
std::vector<std::pair<std::string, double>> dram_energy(const DramFigures& figures);

std::string dram_bus_text(const models::dram::Statistics& statistics);
std::string dram_energy_text(const DramFigures& figures);
/// Why a device has no energy.
std::string energy_missing(const models::dram::DramDevice& device);

/// "row misses" as "row_misses", for JSON.
std::string underscored(std::string name);

}  // namespace spillway::analysis
