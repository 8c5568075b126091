#include "analysis/reports/dram_figures.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/output.hpp"

namespace spillway::analysis {

namespace dram = models::dram;

DramFigures::DramFigures(const dram::DramDevice& device, const dram::Statistics& statistics)
    : bits(static_cast<double>(statistics.bursts()) * device.geometry.burst_bytes * 8),
      time_ns(static_cast<double>(statistics.finish) * device.timing.clock_period_ns()),
      energy(dram::energy_of(device, statistics)),
      io_pj(dram::io_energy(device, statistics)) {
  if (time_ns > 0) bandwidth = bits / 8 / time_ns;
  percent_of_peak = 100 * bandwidth / device.peak_bytes_per_ns();
  if (statistics.reads > 0) {
    read_latency_ns = static_cast<double>(statistics.read_latency_sum) /
                      static_cast<double>(statistics.reads) * device.timing.clock_period_ns();
  }
}

std::vector<std::pair<std::string, std::uint64_t>> dram_bus_use(
    const dram::Statistics& statistics) {
  return {{"data", statistics.busy},
          {"refresh", statistics.lost_refresh},
          {"turnaround", statistics.lost_turnaround},
          {"row misses", statistics.lost_row},
          {"command spacing", statistics.lost_spacing},
          {"idle", statistics.idle}};
}

std::vector<std::pair<std::string, double>> dram_energy(const DramFigures& figures) {
  if (!figures.energy) return {};
  return {{"activate", figures.energy->activate},     {"read", figures.energy->read},
          {"write", figures.energy->write},           {"refresh", figures.energy->refresh},
          {"background", figures.energy->background}, {"total", figures.energy->total()}};
}

std::string dram_bus_text(const dram::Statistics& statistics) {
  std::uint64_t all = 0;
  for (const auto& [name, cycles] : dram_bus_use(statistics)) all += cycles;
  Table table({"data bus", "cycles", "%"});
  for (const auto& [name, cycles] : dram_bus_use(statistics)) {
    const double share =
        all == 0 ? 0 : 100 * static_cast<double>(cycles) / static_cast<double>(all);
    table.add({name, grouped(cycles), fmt::format("{:.1f}", share)});
  }
  return table.text();
}

std::string dram_energy_text(const DramFigures& figures) {
  Table table({"energy", "uJ", "pJ/bit"});
  const auto add = [&](const std::string& name, double pj) {
    table.add(
        {name, fmt::format("{:.3f}", pj * 1e-6), fmt::format("{:.3f}", figures.pj_per_bit(pj))});
  };
  for (const auto& [name, pj] : dram_energy(figures)) {
    add(name == "total" ? "total of the chips" : name, pj);
  }
  add("interface, apart", figures.io_pj);
  return table.text();
}

std::string energy_missing(const dram::DramDevice& device) {
  return "the DRAM device " + device.name + " names no currents";
}

std::string underscored(std::string name) {
  std::replace(name.begin(), name.end(), ' ', '_');
  return name;
}

}  // namespace spillway::analysis
