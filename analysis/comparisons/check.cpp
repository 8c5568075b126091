#include "analysis/comparisons/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using svg::escaped;
using workloads::InputError;

namespace {

std::string read_file(const fs::path& path) {
  std::optional<std::string> text = workloads::file_content(path);
  if (!text) {
    throw InputError(
        fmt::format("{}: no baseline; allowed: spillway check --update makes one", path.string()));
  }
  return *std::move(text);
}

/// Of the baseline's count; nothing where that was 0.
std::optional<double> percent_of(const Difference& difference) {
  if (difference.baseline == 0) return std::nullopt;
  const auto before = static_cast<double>(difference.baseline);
  return 100 * (static_cast<double>(difference.now) - before) / before;
}

/// ", +1.25 %"
std::string percent_text(const Difference& difference) {
  const std::optional<double> percent = percent_of(difference);
  if (!percent) return "";
  constexpr double least = 0.01;  // what two decimals can say
  if (std::abs(*percent) < least) {
    return fmt::format(", under {}{:g} %", *percent > 0 ? "+" : "-", least);
  }
  return fmt::format(", {:+.2f} %", *percent);
}

std::string difference_line(const Difference& difference) {
  return fmt::format("{}: {} in the baseline, {} now ({:+}){}", difference.what,
                     grouped(difference.baseline), grouped(difference.now),
                     static_cast<std::int64_t>(difference.now - difference.baseline),
                     percent_text(difference));
}

}  // namespace

namespace {

/// Files of other kinds, broken ones too, may lie beside experiments.
bool is_experiment(const fs::path& path) {
  try {
    return workloads::kind_of(workloads::Config::from_file(path)) ==
           workloads::FileKind::experiment;
  } catch (const InputError&) {
    return false;
  }
}

}  // namespace

fs::path baseline_path(const fs::path& experiment) {
  return experiment.parent_path() / "baselines" / (experiment.stem().string() + ".json");
}

std::vector<fs::path> shipped_experiments() {
  const fs::path folder = workloads::shared_folder() / "workloads" / "experiments";
  std::vector<fs::path> paths;
  for (const std::string& name : workloads::shared_names("workloads/experiments")) {
    paths.push_back(folder / (name + ".yaml"));
  }
  return paths;
}

std::vector<fs::path> experiments_in(const fs::path& folder) {
  std::vector<fs::path> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder.empty() ? "." : folder, error)) {
    const fs::path path = folder / entry.path().filename();
    if (path.extension() != ".yaml" || !entry.is_regular_file(error)) continue;
    if (fs::exists(baseline_path(path), error) || is_experiment(path)) paths.push_back(path);
  }
  std::ranges::sort(paths);
  return paths;
}

CheckResult check_experiment(const fs::path& experiment, bool update,
                             const std::vector<workloads::Assignment>& overrides) {
  CheckResult result;
  result.experiment = experiment.string();
  try {
    if (!fs::is_regular_file(experiment)) {
      throw InputError(experiment.string() + ": no such file; allowed: an experiment's YAML file");
    }
    const fs::path path = baseline_path(experiment);
    const bool exists = fs::exists(path);
    const std::string baseline = exists || !update ? read_file(path) : "";
    // Refused before anything runs; with no baseline yet every count is new.
    std::optional<Baseline> before;
    if (exists) before = read_baseline(baseline, path.string());
    const std::string now = make_baseline(
        experiment, overrides, before ? std::optional(before->tolerance_pct) : std::nullopt);
    const Baseline after = read_baseline(now, "this run");
    result.without_costs = before && before->costs.empty();
    result.rows = after.counts.size() + (result.without_costs ? 0 : after.costs.size());
    result.differences = compare_baselines(before.value_or(Baseline{}), after);
    if (update && baseline != now) {
      std::error_code error;
      fs::create_directories(path.parent_path(), error);
      require_writable(path);
      write_file(path, now);
      result.rewritten = true;
      result.first = !exists;
    }
  } catch (const std::exception& error) {
    result.error = error.what();
  }
  return result;
}

std::string check_text(const CheckResult& result) {
  if (!result.error.empty()) return fmt::format("{}: {}\n", result.experiment, result.error);
  if (result.differences.empty()) {
    const std::string costs = !result.without_costs ? ""
                              : result.rewritten
                                  ? "; bytes, time and energy are added"
                                  : ", which lacks bytes, time and energy: --update adds them";
    return fmt::format("{}: {} counts as in the baseline{}\n", result.experiment, result.rows,
                       costs);
  }
  // With nothing to compare every count is new, and says so at once.
  if (result.first) {
    return fmt::format("{}: {} counts written as its first baseline\n", result.experiment,
                       result.rows);
  }
  std::string text =
      fmt::format("{}: {} of {} counts {}\n", result.experiment, result.differences.size(),
                  result.rows, result.rewritten ? "changed; the baseline is rewritten" : "DRIFTED");
  for (const Difference& difference : result.differences) {
    text += "  " + difference_line(difference) + "\n";
  }
  return text;
}

std::string check_json(const std::vector<CheckResult>& results) {
  Json experiments = Json::array();
  bool agree = true;
  for (const CheckResult& result : results) {
    Json differences = Json::array();
    for (const Difference& difference : result.differences) {
      const std::optional<double> percent = percent_of(difference);
      differences.push_back({{"what", difference.what},
                             {"baseline", difference.baseline},
                             {"now", difference.now},
                             {"percent", percent ? Json(*percent) : Json(nullptr)}});
    }
    agree = agree && !result.drifted() && result.error.empty();
    experiments.push_back({{"experiment", result.experiment},
                           {"rows", result.rows},
                           {"differences", differences},
                           {"error", result.error}});
  }
  return dump({{"agree", agree}, {"experiments", experiments}});
}

std::string check_junit(const std::vector<CheckResult>& results) {
  std::size_t failures = 0, errors = 0;
  std::string cases;
  for (const CheckResult& result : results) {
    cases += fmt::format("  <testcase classname=\"spillway.check\" name=\"{}\"",
                         escaped(result.experiment));
    if (!result.error.empty()) {
      ++errors;
      cases +=
          fmt::format(">\n    <error message=\"{}\"/>\n  </testcase>\n", escaped(result.error));
    } else if (result.drifted()) {
      ++failures;
      cases +=
          fmt::format(">\n    <failure message=\"{} counts drifted\">", result.differences.size());
      for (const Difference& difference : result.differences) {
        cases += escaped(difference_line(difference)) + "\n";
      }
      cases += "</failure>\n  </testcase>\n";
    } else {
      cases += "/>\n";
    }
  }
  return fmt::format(
      "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"spillway check\" "
      "tests=\"{}\" failures=\"{}\" errors=\"{}\">\n{}</testsuite>\n",
      results.size(), failures, errors, cases);
}

}  // namespace spillway::analysis
