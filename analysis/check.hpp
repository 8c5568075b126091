// The regression of traffic counts that a CI job runs: experiments against committed baselines.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

namespace spillway::analysis {

/// A count that is not what the baseline says; a row that one side lacks counts as 0 there.
struct Difference {
  std::string what;  ///< "fc1 forward weights read"
  std::uint64_t baseline, now;
  std::uint64_t size() const { return baseline > now ? baseline - now : now - baseline; }
};

struct CheckResult {
  std::string experiment;
  std::vector<Difference> differences;  ///< largest first
  std::string error;                    ///< why it could not run, or ""
  std::size_t rows = 0;                 ///< compared
  bool rewritten = false;               ///< the baseline is new, and the differences are accepted
  bool drifted() const { return !differences.empty() && !rewritten; }
};

/// Beside an experiment NAME.yaml its baseline is baselines/NAME.json.
std::filesystem::path baseline_path(const std::filesystem::path& experiment);

/// The shipped experiments, those that have a baseline.
std::vector<std::filesystem::path> shipped_experiments();

/// Run an experiment and give its baseline as JSON.
std::string make_baseline(const std::filesystem::path& experiment);

/// Every row of two baselines, and the totals. Throws InputError when one is not a baseline.
std::vector<Difference> compare_baselines(const std::string& baseline, const std::string& now,
                                          const std::string& baseline_name);

/// Check one experiment; with `update`, write its baseline anew where it changed.
CheckResult check_experiment(const std::filesystem::path& experiment, bool update);

std::string check_text(const CheckResult& result);
std::string check_json(const std::vector<CheckResult>& results);
std::string check_junit(const std::vector<CheckResult>& results);

}  // namespace spillway::analysis
