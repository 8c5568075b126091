// Where a plan and its simulation do not agree: they never should.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "sim/plan/plan.hpp"
#include "sim/run/simulation.hpp"

namespace spillway::analysis {

/// A line of the ledger, of DRAM or of the host port, or a number of MACs.
struct CountDifference {
  std::string port, layer, phase, tensor, direction;  ///< MACs: the tensor's place has their name
  std::uint64_t planned, simulated;
};

/// All of them, the ledger's in its order; empty when the plan is right.
std::vector<CountDifference> count_differences(const sim::Plan& plan, const sim::Result& result);

/// Each of them, or that there are none.
std::string count_differences_text(const std::vector<CountDifference>& differences);
Json count_differences_json(const std::vector<CountDifference>& differences);

}  // namespace spillway::analysis
