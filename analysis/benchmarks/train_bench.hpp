// How long one training step takes on the machine that simulates: without the device, through it,
// and in PyTorch.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace spillway::analysis {

struct BenchRow {
  std::string network, rule;
  std::vector<double> direct_ms, device_ms;  ///< one a repeat, measured in turns
  std::optional<double> pytorch_ms;          ///< median
};

struct BenchResult {
  std::string machine;  ///< the processor's name and the number of threads
  std::int64_t batch;
  std::vector<BenchRow> rows;
};

struct BenchOptions {
  std::int64_t batch = 100;
  int repeats = 7;
  std::vector<std::string> networks, rules;
  std::string python;  ///< an interpreter with PyTorch; none when empty
};

/// Time the paper's experiments. Throws InputError when PyTorch does not answer.
BenchResult run_bench(const BenchOptions& options,
                      const std::function<void(const std::string&)>& progress);
std::string bench_text(const BenchResult& result);
std::string bench_json(const BenchResult& result);

std::string processor_name();

}  // namespace spillway::analysis
