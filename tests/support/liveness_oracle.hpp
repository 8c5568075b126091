// A fourth count of the words that cross the border under policy `paper`: an interpreter that walks
// a step's operations stage by stage with nothing but sets of what is on chip and what was changed.
#pragma once

#include "sim/idealisations.hpp"
#include "workloads/step.hpp"

namespace spillway::test {

struct OracleCounts {
  std::uint64_t dram_read = 0, dram_write = 0, host_read = 0, host_write = 0;
};

OracleCounts liveness_oracle(const workloads::Step& step, const sim::Idealisations& idealised);

}  // namespace spillway::test
