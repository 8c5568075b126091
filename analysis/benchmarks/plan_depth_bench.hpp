// How planning grows with depth: networks of ever more fully connected layers of 256, mini-batches
// of 128, in a buffer of 1 MiB.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "workloads/support/units.hpp"

namespace spillway::analysis {

struct PlanDepthBenchOptions {
  std::vector<int> depths;  ///< layers, ascending
  std::vector<std::string> rules;
  bool recompute = false;  ///< policy `best-recompute`, not `best`
};

struct PlanDepthBench {
  struct Row {
    std::string rule;
    int depth = 0;
    double seconds = 0;      ///< of processor time
    workloads::Bytes peak;   ///< memory of a process that plans and does nothing else
    workloads::Words words;  ///< through the DRAM port, as planned
  };
  std::string machine, policy;
  std::vector<Row> rows;  ///< by rule, then by depth
};

/// Plans each network in a process of its own. Throws ConsistencyError where one fails.
PlanDepthBench run_plan_depth_bench(const PlanDepthBenchOptions& options,
                                    const std::function<void(const std::string&)>& progress);
std::string plan_depth_bench_text(const PlanDepthBench& bench);
std::string plan_depth_bench_json(const PlanDepthBench& bench);

}  // namespace spillway::analysis
