// Energy and area of a device by part: what was counted, times the constants of its technology and
// of its DRAM.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "models/device.hpp"
#include "models/energy/technology.hpp"

namespace spillway::models {

/// What takes energy. The first five are the DRAM's chips.
enum class EnergyPart {
  dram_activate,
  dram_read,
  dram_write,
  dram_refresh,
  dram_background,
  dram_interface,
  buffer,
  macs,
  vector_unit,
  prng,
  static_power,  ///< leakage of everything on the chip, for the whole time
};
inline constexpr workloads::Names<EnergyPart, 11> energy_part_names{{
    {EnergyPart::dram_activate, "DRAM activate"},
    {EnergyPart::dram_read, "DRAM read"},
    {EnergyPart::dram_write, "DRAM write"},
    {EnergyPart::dram_refresh, "DRAM refresh"},
    {EnergyPart::dram_background, "DRAM background"},
    {EnergyPart::dram_interface, "DRAM interface"},
    {EnergyPart::buffer, "buffer"},
    {EnergyPart::macs, "MACs"},
    {EnergyPart::vector_unit, "vector unit"},
    {EnergyPart::prng, "PRNG unit"},
    {EnergyPart::static_power, "static power"},
}};

constexpr bool is_of_chips(EnergyPart part) { return part <= EnergyPart::dram_background; }

/// In pJ.
class EnergyByPart {
 public:
  double& of(EnergyPart part) { return by_part_[static_cast<std::size_t>(part)]; }
  double of(EnergyPart part) const { return by_part_[static_cast<std::size_t>(part)]; }
  double chips() const;  ///< of the DRAM
  double total() const;

 private:
  std::array<double, energy_part_names.size()> by_part_{};
};

/// In mm2.
struct Area {
  double buffer = 0, macs = 0, vector_unit = 0, prng = 0;

  double total() const { return buffer + macs + vector_unit + prng; }
};

/// The on-chip buffer as memories side by side: as many as its port needs of the widest that the
/// technology's laws were fitted to, each with its share of the port and of the capacity.
/// Accesses are of the port's whole width, so that a byte costs its share of one.
class BufferEnergy {
 public:
  BufferEnergy(const AccessLaws& laws, Bytes capacity, Bytes port);

  double read_pj_per_byte() const { return read_; }
  double write_pj_per_byte() const { return write_; }
  std::uint64_t banks() const { return banks_; }
  Bytes bank_capacity() const { return bank_; }  ///< rounded down
  double bank_width() const { return width_; }   ///< bits
  /// A bank is larger than what the laws were fitted to. A smaller one costs as the smallest.
  bool extrapolated() const { return extrapolated_; }

  double of(const Accesses& accesses) const;

 private:
  std::uint64_t banks_;
  Bytes bank_;
  double width_;
  double read_, write_;
  bool extrapolated_;
};

/// Needs a device with a technology, which outlives it. Without currents the energy of the DRAM's
/// chips is zero here, and `dram_chips_known` says that it is not known.
class EnergyModel {
 public:
  explicit EnergyModel(const DeviceConfig& device);

  bool dram_chips_known() const { return device_.dram.currents.has_value(); }
  const BufferEnergy& buffer() const { return buffer_; }
  double static_milliwatts() const { return static_mw_; }
  Area area() const;

  /// Of a whole program, from the counters of the DRAM, the buffer's accesses and the operations.
  EnergyByPart total(const Execution& execution) const;

  /// What a label's work took; labels add up to the total. Bursts, accesses, operations and bits
  /// are its own. Activations are shared out by bursts, and what is paid for time (refresh,
  /// background, static power) by the times in which any engine worked for a label.
  EnergyByPart of(const WorkTimes& work, const Execution& execution) const;

  /// Every constant that an energy or an area was made with, with its source.
  std::vector<Constant> constants() const;

 private:
  EnergyByPart counted(const WorkCounts& counts) const;

  const DeviceConfig& device_;
  const Technology& technology_;
  BufferEnergy buffer_;
  double static_mw_;
};

}  // namespace spillway::models
