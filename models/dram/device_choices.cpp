// Address mappings and controllers by their names.
#include <fmt/format.h>

#include <algorithm>
#include <utility>

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
  for (const Scheduler scheduler : {Scheduler::row_hits_first, Scheduler::bank_queues}) {
    names.push_back(scheduler_name(scheduler));
  }
  return names;
}

std::string scheduler_name(Scheduler scheduler) {
  return scheduler == Scheduler::bank_queues ? "bank-queues" : "row-hits-first";
}

Scheduler parse_scheduler(const std::string& name) {
  const std::vector<std::string> names = scheduler_names();
  const auto at = std::find(names.begin(), names.end(), name);
  if (at != names.end()) return static_cast<Scheduler>(at - names.begin());
  throw workloads::InputError(fmt::format("controller: found \"{}\"; allowed: {}{}",
                                          workloads::printable(name), workloads::joined(names),
                                          workloads::did_you_mean(name, names)));
}

DramDevice with_controller(DramDevice device, Scheduler scheduler) {
  Controller& controller = device.controller;
  controller.scheduler = scheduler;
  controller.read_queue = controller.write_queue = 32;
  if (scheduler == Scheduler::bank_queues) {
    // DRAMsim3: writing begins with a full queue, or with more than 8 while all banks are idle.
    controller.write_high = 31;
    controller.write_low = 8;
    controller.bank_queue = 8;
    controller.row_hits = 4;
  } else {
    // Ramulator 2: watermarks of 0.8 and 0.2.
    controller.write_high = 25;
    controller.write_low = 7;
    controller.window = 32;
  }
  // Ramulator 2's refresh manager, and DRAMsim3's of its device files.
  controller.rank_refresh =
      scheduler == Scheduler::bank_queues ? RankRefresh::in_turn : RankRefresh::together;
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
