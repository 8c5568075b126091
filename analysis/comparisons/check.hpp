// The regression of counts and costs that a CI job runs: experiments against committed baselines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "analysis/comparisons/baseline.hpp"
#include "workloads/support/config.hpp"

namespace spillway::analysis {

struct CheckResult {
  std::string experiment;
  std::vector<Difference> differences;  ///< largest first
  std::string error;                    ///< why it could not run, or ""
  std::size_t rows = 0;                 ///< compared
  bool rewritten = false;               ///< the baseline is new, and the differences are accepted
  bool first = false;                   ///< there was none before
  bool without_costs = false;           ///< the baseline lacks what the traffic costs
  bool drifted() const { return !differences.empty() && !rewritten; }
};

/// Beside an experiment NAME.yaml its baseline is baselines/NAME.json.
std::filesystem::path baseline_path(const std::filesystem::path& experiment);

/// The shipped experiments, those that have a baseline.
std::vector<std::filesystem::path> shipped_experiments();

/// The experiments among a folder's YAML files (of the working folder for ""), by name: those that
/// have the keys of one, or a baseline.
std::vector<std::filesystem::path> experiments_in(const std::filesystem::path& folder);

/// Check one experiment; with `update`, write its baseline anew where it changed.
CheckResult check_experiment(const std::filesystem::path& experiment, bool update,
                             const std::vector<workloads::Assignment>& overrides = {});

std::string check_text(const CheckResult& result);
std::string check_json(const std::vector<CheckResult>& results);
std::string check_junit(const std::vector<CheckResult>& results);

}  // namespace spillway::analysis
