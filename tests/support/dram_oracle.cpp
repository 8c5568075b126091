#include "tests/support/dram_oracle.hpp"

#include "tests/support/dram_oracle_channel.hpp"

namespace spillway::tests {

using namespace models::dram;

OracleResult dram_oracle(const DramDevice& device, std::span<const Request> requests) {
  const bool by_bank = device.controller.scheduler == Scheduler::bank_queues;
  return (by_bank ? bank_queues_oracle(device) : row_hits_first_oracle(device))->run(requests);
}

}  // namespace spillway::tests
