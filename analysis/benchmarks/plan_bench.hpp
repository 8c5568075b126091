// How long it takes to plan a step: the paper's networks, for buffers of many sizes.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "workloads/support/units.hpp"

namespace spillway::analysis {

struct PlanBenchOptions {
  std::int64_t batch = 100;
  int repeats = 1;
  std::vector<std::string> networks, rules;
};

/// Processor time of plans by policy `best`, the fastest of some repeats.
struct PlanBench {
  struct Row {
    std::string network, rule;
    std::vector<std::optional<double>> seconds;  ///< by size; none where the buffer is too small
  };

  std::string machine;  ///< the processor's name
  std::int64_t batch = 100;
  int repeats = 1;
  std::vector<workloads::Bytes> sizes;  ///< powers of two from 16 KiB to 64 MiB
  std::vector<Row> rows;
};

PlanBench run_plan_bench(const PlanBenchOptions& options,
                         const std::function<void(const std::string&)>& progress);
std::string plan_bench_text(const PlanBench& bench);
std::string plan_bench_json(const PlanBench& bench);

}  // namespace spillway::analysis
