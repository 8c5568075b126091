// Energy of a whole step and area of the device, by part: what `spillway run` says of them.
#pragma once

#include <string>

#include "analysis/formats/json.hpp"
#include "models/device_config.hpp"
#include "sim/run/trainee.hpp"

namespace spillway::analysis {

/// Tables of the energy by part, by layer and phase and by user of the buffer, and of the area; of
/// a device without a technology a line that says so.
std::string energy_text(const models::DeviceConfig& device, const sim::Result& result);

/// The key `energy`, null without a technology, with the reason beside it (docs/energy.md).
Json energy_json(const models::DeviceConfig& device, const sim::Result& result);
/// The same of the key `area`.
Json area_json(const models::DeviceConfig& device);

}  // namespace spillway::analysis
