// The controllers that there are. A new one is a class beside the others, a value of Scheduler and
// an entry of the table in registry.cpp.
#pragma once

#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "models/dram/controllers/channel_controller.hpp"
#include "models/dram/device.hpp"

namespace spillway::models::dram {

struct ControllerKind {
  Scheduler scheduler;
  std::string_view name;  ///< as device files call it
  /// Keys of a device file's `controller` that not every kind needs, and this one does.
  std::vector<std::string_view> own_keys;
  /// The numbers of the simulator that it is modelled on, in place of those that it looks at.
  void (*set_usual)(Controller&);
  std::unique_ptr<ChannelController> (*make)(const DramDevice&);
};

/// Every value of Scheduler once, in the order in which they are listed to users.
std::span<const ControllerKind> controller_kinds();
const ControllerKind& controller_kind(Scheduler scheduler);

}  // namespace spillway::models::dram
