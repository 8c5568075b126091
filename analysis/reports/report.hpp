// What `spillway run` and `spillway plan` say, as text and as JSON.
#pragma once

#include <string>

#include "sim/plan/plan.hpp"
#include "sim/run/overview.hpp"
#include "sim/run/simulation.hpp"

namespace spillway::analysis {

struct TextOptions {
  bool values = true;   ///< they were computed
  bool ledger = false;  ///< words by layer, phase, tensor and direction
};

std::string run_text(const sim::Experiment& experiment, const sim::Plan& plan,
                     const sim::Result& result, const TextOptions& options = {});
struct RunDetails {
  bool values = true;                       ///< they were computed
  const sim::Overview* overview = nullptr;  ///< finished
};
std::string run_json(const sim::Experiment& experiment, const sim::Plan& plan,
                     const sim::Result& result, const RunDetails& details = {});
std::string plan_text(const sim::Experiment& experiment, const sim::Plan& plan,
                      const TextOptions& options = {});
std::string plan_json(const sim::Experiment& experiment, const sim::Plan& plan);

/// Every line of the ledger as planned is as simulated, and the MACs.
bool counts_agree(const sim::Plan& plan, const sim::Result& result);

/// Shapes and counts of a network, layer by layer, and all its parameters (network_report.cpp).
std::string network_text(const workloads::Network& network);
std::string network_json(const workloads::Network& network);

}  // namespace spillway::analysis
