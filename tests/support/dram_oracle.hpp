// The DRAM channel once more, as slowly and plainly as possible: every cycle is looked at, every
// entry of a queue is tried, every pair of commands is checked. What the model must equal.
#pragma once

#include <span>
#include <vector>

#include "models/dram/channel.hpp"

namespace spillway::tests {

struct OracleResult {
  std::vector<models::dram::IssuedCommand> commands;
  std::uint64_t finish = 0;
  std::uint64_t read_latency_sum = 0;
};

/// Serve the requests from cycle 0 on.
OracleResult dram_oracle(const models::dram::DramDevice& device,
                         std::span<const models::dram::Request> requests);

}  // namespace spillway::tests
