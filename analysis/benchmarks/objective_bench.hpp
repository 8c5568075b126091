// What plans by an objective cost on a device beside those of policy `layer` and of the fewest
// words, as estimated and as simulated.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "analysis/reports/cost_report.hpp"

namespace spillway::analysis {

struct ObjectiveBenchOptions {
  sim::Objective objective = sim::Objective::time;
  std::int64_t batch = 100;
  std::vector<std::string> networks, rules;
  std::vector<std::string> devices;     ///< names or files
  std::vector<workloads::Bytes> sizes;  ///< of the buffer
};

struct ObjectiveBench {
  /// One point: nothing is idealised. A plan by the objective, and its rivals.
  struct Row {
    std::string network, rule, device;
    workloads::Bytes buffer;
    double cpu_s = 0;     ///< to plan by the objective
    double bound_ms = 0;  ///< no schedule is faster
    StepCost estimated, simulated;
    StepCost layer, words;  ///< simulated
  };

  sim::Objective objective = sim::Objective::time;
  std::int64_t batch = 100;
  std::vector<Row> rows;
};

/// Points whose buffer is too small are left out.
ObjectiveBench run_objective_bench(const ObjectiveBenchOptions& options,
                                   const std::function<void(const std::string&)>& progress);
std::string objective_bench_text(const ObjectiveBench& bench);
std::string objective_bench_csv(const ObjectiveBench& bench);
std::string objective_bench_json(const ObjectiveBench& bench);

}  // namespace spillway::analysis
