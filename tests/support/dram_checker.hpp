// A judge of command sequences that knows the standards' rules and nothing of the model: every two
// commands are held against the time that must lie between them.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "models/dram/channel.hpp"

namespace spillway::tests {

/// What is wrong with the commands, one line for each fault; the name of the parameter that is
/// broken begins it. The commands are in the order of their cycles.
std::vector<std::string> dram_faults(const models::dram::DramDevice& device,
                                     std::span<const models::dram::IssuedCommand> commands);

}  // namespace spillway::tests
