// How many bursts of DRAM are simulated in a second of processor time: the channel model alone,
// under the patterns, and within a whole run through the device.
#pragma once

#include <functional>
#include <string>
#include <vector>

namespace spillway::analysis {

/// Bursts per CPU second, the fastest of some repeats.
struct DramBench {
  struct Row {
    std::string device;
    std::vector<double> speeds;  ///< by pattern
  };

  std::string machine;  ///< the processor's name
  int repeats = 1;
  std::vector<std::string> patterns;
  std::vector<Row> rows;
  std::string experiment;  ///< run without values, from its planning to its end
  std::string run_device;  ///< the DRAM of that run
  double run_speed = 0;
};

/// Every shipped DRAM device under every pattern that is not paced, and one run.
DramBench run_dram_bench(int repeats, const std::function<void(const std::string&)>& progress);
std::string dram_bench_text(const DramBench& bench);
std::string dram_bench_json(const DramBench& bench);

}  // namespace spillway::analysis
