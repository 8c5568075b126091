// Address mappings and controllers by their names.
#include <fmt/format.h>

#include <optional>
#include <set>
#include <utility>

#include "models/dram/controllers/registry.hpp"
#include "models/dram/device.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::models::dram {

Mapping parse_mapping(const std::string& text, const Geometry& geometry) {
  Mapping mapping{};
  std::size_t place = mapping.size();  // filled from the highest digit down
  std::set<Digit> seen;
  bool good = text.size() % 2 == 0 && text.size() <= 2 * mapping.size();
  for (std::size_t at = 0; good && at < text.size(); at += 2) {
    const std::optional<Digit> digit = value_in(digit_names, text.substr(at, 2));
    good = digit && seen.insert(*digit).second;
    if (good) mapping[--place] = *digit;
  }
  // A digit without bits may be left out; where it stands does not matter.
  for (const auto& [digit, size] : {std::pair(Digit::bank_group, geometry.bank_groups),
                                    std::pair(Digit::rank, geometry.ranks)}) {
    if (good && place > 0 && size == 1 && !seen.contains(digit)) mapping[--place] = digit;
  }
  if (!good || place != 0) {
    const bool ranks = geometry.ranks > 1;
    throw workloads::InputError(fmt::format(
        "an address mapping from the highest digit down, each of Ro, {}Ba, Bg and Co once{}, such "
        "as {}",
        ranks ? "Ra, " : "", geometry.bank_groups == 1 ? " (Bg may be left out)" : "",
        ranks ? "RoRaBaCoBg or RoBaCoBgRa" : "RoBaCoBg or RoBaBgCo"));
  }
  return mapping;
}

std::vector<std::string> scheduler_names() {
  std::vector<std::string> names;
  for (const ControllerKind& kind : controller_kinds()) names.emplace_back(kind.name);
  return names;
}

std::string scheduler_name(Scheduler scheduler) {
  return std::string(controller_kind(scheduler).name);
}

Scheduler parse_scheduler(const std::string& name) {
  for (const ControllerKind& kind : controller_kinds()) {
    if (kind.name == name) return kind.scheduler;
  }
  const std::vector<std::string> names = scheduler_names();
  throw workloads::InputError(fmt::format("controller: found \"{}\"; allowed: {}{}",
                                          workloads::printable(name), workloads::joined(names),
                                          workloads::did_you_mean(name, names)));
}

DramDevice with_controller(DramDevice device, Scheduler scheduler) {
  device.controller.scheduler = scheduler;
  controller_kind(scheduler).set_usual(device.controller);
  return device;
}

DramDevice with_mapping(DramDevice device, const std::string& mapping) {
  try {
    device.mapping = parse_mapping(mapping, device.geometry);
  } catch (const workloads::InputError& error) {
    throw workloads::InputError(fmt::format("mapping: found \"{}\"; allowed: {}",
                                            workloads::printable(mapping), error.what()));
  }
  device.mapping_name = mapping;
  return device;
}

}  // namespace spillway::models::dram
