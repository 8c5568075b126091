// Address mappings and controllers by their names.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "models/dram/controllers/registry.hpp"
#include "models/dram/device.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::models::dram {

Mapping parse_mapping(const std::string& text, const Geometry& geometry) {
  constexpr std::pair<const char*, Digit> digits[] = {{"Bg", Digit::bank_group},
                                                      {"Ba", Digit::bank},
                                                      {"Co", Digit::column},
                                                      {"Ro", Digit::row},
                                                      {"Ra", Digit::rank}};
  Mapping mapping{};
  std::size_t place = mapping.size();  // filled from the highest digit down
  std::array<bool, mapping.size()> seen{};
  bool good = text.size() % 2 == 0 && text.size() <= 2 * mapping.size();
  for (std::size_t at = 0; good && at < text.size(); at += 2) {
    const auto digit = std::find_if(std::begin(digits), std::end(digits), [&](const auto& d) {
      return text.compare(at, 2, d.first) == 0;
    });
    good = digit != std::end(digits) && !std::exchange(seen[digit - std::begin(digits)], true);
    if (good) mapping[--place] = digit->second;
  }
  // A digit without bits may be left out; where it stands does not matter.
  for (const auto& [digit, size] : {std::pair(Digit::bank_group, geometry.bank_groups),
                                    std::pair(Digit::rank, geometry.ranks)}) {
    const bool missing = std::none_of(std::begin(digits), std::end(digits), [&](const auto& d) {
      return d.second == digit && seen[static_cast<std::size_t>(&d - digits)];
    });
    if (good && place > 0 && size == 1 && missing) mapping[--place] = digit;
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
