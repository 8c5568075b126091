#include "models/energy/energy_model.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/dram/energy.hpp"

namespace spillway::models {

namespace {

constexpr double um2_per_mm2 = 1e6;
constexpr double bytes_per_kib = 1024, bytes_per_mib = 1024 * 1024;
/// Of the PRNG unit: the values' and the one that gives signs.
constexpr double prng_registers = 2;

double number(std::uint64_t count) { return static_cast<double>(count); }
double number(Bytes bytes) { return number(bytes.count()); }

const UnitCost& fp32_mac(const Technology& technology) {
  return technology.mac.at(NumberFormat::fp32);
}

double units(const DeviceConfig& device) {
  return number(device.array_rows) * number(device.array_columns);
}

double leakage_of(const DeviceConfig& device, const Technology& technology) {
  return technology.buffer_leakage.value * number(device.buffer) / bytes_per_mib +
         fp32_mac(technology).leakage.value * units(device) +
         technology.vector_lane.leakage.value * number(device.vector_lanes()) +
         technology.prng.leakage.value * prng_registers;
}

double share(double part, double whole) { return whole == 0 ? 0 : part / whole; }

double bursts(const WorkCounts& counts) {
  return number(counts.read_bursts) + number(counts.write_bursts);
}

}  // namespace

double EnergyByPart::chips() const {
  double sum = 0;
  for (const auto& [part, name] : energy_part_names) {
    if (is_of_chips(part)) sum += of(part);
  }
  return sum;
}

double EnergyByPart::total() const {
  double sum = 0;
  for (const double part : by_part_) sum += part;
  return sum;
}

BufferEnergy::BufferEnergy(const AccessLaws& laws, Bytes capacity, Bytes port) {
  const double port_bits = 8 * number(port);
  const auto widest = static_cast<std::uint64_t>(laws.widest);
  banks_ = workloads::ceil_div(port.count() * 8, std::max<std::uint64_t>(widest, 1));
  width_ = std::max(port_bits / number(banks_), laws.narrowest);
  bank_ = Bytes(capacity.count() / banks_);
  extrapolated_ = bank_ > laws.largest;
  const Bytes fitted = std::max(bank_, laws.smallest);
  read_ = laws.read.energy(fitted, width_) / (width_ / 8);
  write_ = laws.write.energy(fitted, width_) / (width_ / 8);
}

double BufferEnergy::of(const Accesses& accesses) const {
  return read_ * number(accesses.read) + write_ * number(accesses.written);
}

EnergyModel::EnergyModel(const DeviceConfig& device)
    : device_(device),
      technology_(device.technology.value()),
      buffer_(technology_.buffer, device.buffer, device.buffer_port),
      static_mw_(leakage_of(device, technology_)) {}

Area EnergyModel::area() const {
  return {technology_.buffer_area.value * number(device_.buffer) / bytes_per_kib,
          fp32_mac(technology_).area.value * units(device_) / um2_per_mm2,
          technology_.vector_lane.area.value * number(device_.vector_lanes()) / um2_per_mm2,
          technology_.prng.area.value * prng_registers / um2_per_mm2};
}

/// What does not depend on others' work.
EnergyByPart EnergyModel::counted(const WorkCounts& counts) const {
  EnergyByPart energy;
  energy.of(EnergyPart::macs) = fp32_mac(technology_).energy.value * number(counts.macs.count());
  energy.of(EnergyPart::vector_unit) =
      technology_.vector_lane.energy.value * number(counts.elements);
  energy.of(EnergyPart::prng) = technology_.prng.energy.value * number(counts.random_bits);
  return energy;
}

EnergyByPart EnergyModel::total(const Execution& execution) const {
  EnergyByPart energy = counted(execution.counts);
  const dram::Statistics& statistics = execution.dram.channel;
  if (const std::optional<dram::Energy> chips = dram::energy_of(device_.dram, statistics)) {
    energy.of(EnergyPart::dram_activate) = chips->activate;
    energy.of(EnergyPart::dram_read) = chips->read;
    energy.of(EnergyPart::dram_write) = chips->write;
    energy.of(EnergyPart::dram_refresh) = chips->refresh;
    energy.of(EnergyPart::dram_background) = chips->background;
  }
  energy.of(EnergyPart::dram_interface) = dram::io_energy(device_.dram, statistics);
  energy.of(EnergyPart::buffer) = buffer_.of(execution.buffer);
  // mW ns = pJ.
  energy.of(EnergyPart::static_power) = static_mw_ * number(execution.time.count()) / 1000;
  return energy;
}

EnergyByPart EnergyModel::of(const WorkTimes& work, const Execution& execution) const {
  const EnergyByPart all = total(execution);
  EnergyByPart energy = counted(work.counts);
  energy.of(EnergyPart::buffer) = buffer_.of(work.counts.buffer.total());

  const auto each = dram::energy_per_event(device_.dram).value_or(dram::EnergyPerEvent{});
  energy.of(EnergyPart::dram_read) = each.read * number(work.counts.read_bursts);
  energy.of(EnergyPart::dram_write) = each.write * number(work.counts.write_bursts);
  const double of_bursts = share(bursts(work.counts), bursts(execution.counts));
  for (const EnergyPart part : {EnergyPart::dram_activate, EnergyPart::dram_interface}) {
    energy.of(part) = all.of(part) * of_bursts;
  }

  double active = 0;
  for (const WorkTimes& label : execution.by_work) active += number(label.active.count());
  const double of_time = share(number(work.active.count()), active);
  for (const EnergyPart part :
       {EnergyPart::dram_refresh, EnergyPart::dram_background, EnergyPart::static_power}) {
    energy.of(part) = all.of(part) * of_time;
  }
  return energy;
}

std::vector<Constant> EnergyModel::constants() const {
  const UnitCost& mac = fp32_mac(technology_);
  const UnitCost& lane = technology_.vector_lane;
  const UnitCost& prng = technology_.prng;
  std::vector<Constant> constants{mac.energy,
                                  mac.area,
                                  mac.leakage,
                                  lane.energy,
                                  lane.area,
                                  lane.leakage,
                                  prng.energy,
                                  prng.area,
                                  prng.leakage,
                                  technology_.buffer_area,
                                  technology_.buffer_leakage};
  const std::string bank = fmt::format("{} x {} bytes of {:g} bits", buffer_.banks(),
                                       buffer_.bank_capacity().count(), buffer_.bank_width());
  const auto add_law = [&](const AccessLaw& law, double pj_per_byte) {
    Constant constant{law.key, pj_per_byte, "pJ/byte", law.provenance};
    constant.provenance.note += fmt::format("{}at {}{}", law.provenance.note.empty() ? "" : "; ",
                                            bank, buffer_.extrapolated() ? ", beyond the fit" : "");
    constants.push_back(constant);
  };
  add_law(technology_.buffer.read, buffer_.read_pj_per_byte());
  add_law(technology_.buffer.write, buffer_.write_pj_per_byte());

  const std::string source = fmt::format("file of the DRAM device {}", device_.dram.name);
  const auto add_dram = [&](const char* key, double value, const char* unit, const char* note) {
    constants.push_back({key, value, unit, {Evidence::derived, source, note}});
  };
  if (const auto each = dram::energy_per_event(device_.dram)) {
    const char* const note = "from its currents, whose sources it names";
    add_dram("dram.activate", each->activate, "pJ/activate", note);
    add_dram("dram.read", each->read, "pJ/burst", note);
    add_dram("dram.write", each->write, "pJ/burst", note);
    add_dram("dram.refresh", each->refresh, "pJ/refresh", note);
    add_dram("dram.refresh_bank", each->refresh_bank, "pJ/refresh", note);
    add_dram("dram.background_open", each->background_open, "pJ/cycle", note);
    add_dram("dram.background_closed", each->background_closed, "pJ/cycle", note);
  }
  add_dram("dram.io_pj_per_bit", device_.dram.io_pj_per_bit, "pJ/bit", "its key of that name");
  return constants;
}

}  // namespace spillway::models
