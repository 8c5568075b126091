// Requests by bank, row and column, and the commands that a channel gives for them.
#pragma once

#include <vector>

#include "models/dram/channel.hpp"

namespace spillway::tests {

/// Without refresh and with columns lowest, so that an address is easy to say.
inline models::dram::DramDevice plain_dram_device(const char* name) {
  models::dram::DramDevice device =
      models::dram::with_mapping(models::dram::dram_device(name), "RoBaBgCo");
  device.controller.refresh = models::dram::RefreshMode::none;
  return device;
}

struct At {
  std::uint64_t group = 0, bank = 0, row = 0, column = 0;
};

/// Of a device whose columns are lowest.
inline models::dram::Request request(const models::dram::DramDevice& device, At at,
                                     bool is_write = false, std::uint64_t cycle = 0) {
  const models::dram::Geometry& g = device.geometry;
  const std::uint64_t number =
      ((at.row * g.banks_per_group + at.bank) * g.bank_groups + at.group) * g.bursts_per_row +
      at.column;
  return {number * g.burst_bytes, is_write, cycle};
}

inline std::vector<models::dram::IssuedCommand> commands_of(
    const models::dram::DramDevice& device, const std::vector<models::dram::Request>& requests) {
  std::vector<models::dram::IssuedCommand> commands;
  models::dram::Channel channel(device);
  channel.observe([&](const models::dram::IssuedCommand& command) { commands.push_back(command); });
  for (const models::dram::Request& each : requests) channel.submit(each);
  channel.drain();
  return commands;
}

}  // namespace spillway::tests
