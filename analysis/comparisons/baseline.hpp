// What a run of an experiment counts and costs, as a committed file keeps it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "workloads/support/config.hpp"

namespace spillway::analysis {

struct Baseline {
  struct Count {
    std::string what;  ///< "fc1 forward weights read"
    std::uint64_t value;
    bool is_tolerant = false;  ///< a time or an energy: compared with a tolerance
  };
  std::vector<Count> counts;  ///< words and MACs
  /// Bytes on the DRAM's bus, activates, time and energy; none in a baseline of an earlier version.
  std::vector<Count> costs;
  double tolerance_pct = 0;  ///< of times and energies
};

/// A count that is not what the baseline says; a row that one side lacks counts as 0 there.
struct Difference {
  std::string what;
  std::uint64_t baseline, now;
  std::uint64_t size() const { return baseline > now ? baseline - now : now - baseline; }
};

/// Throws InputError when the text is not a baseline.
Baseline read_baseline(const std::string& text, const std::string& name);

/// Run an experiment, with overrides laid over, and give its baseline as JSON; the tolerance is
/// 0.1 % unless said.
std::string make_baseline(const std::filesystem::path& experiment,
                          const std::vector<workloads::Assignment>& overrides = {},
                          std::optional<double> tolerance_pct = std::nullopt);

/// Every row of two baselines, the largest difference first. Costs that the first one does not have
/// are not compared.
std::vector<Difference> compare_baselines(const Baseline& before, const Baseline& after);

}  // namespace spillway::analysis
