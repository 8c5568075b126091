// Two results of `run` or `plan` side by side: settings that differ, counts, bytes, time, energy.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"

namespace spillway::analysis {

/// What `spillway run --json` or `plan --json` wrote, of this schema. Throws InputError.
Json read_result(const std::filesystem::path& path);

enum class ResultSection { settings, counts, bytes, time, energy, other };

struct ResultDifference {
  ResultSection section;
  std::string what;
  Json before, after;   ///< scalars; null where one of the results has no such thing
  bool detail = false;  ///< of one layer, where a total says the same for all
  /// The same in another unit, or a place in time: left out of tables.
  bool repeated = false;

  bool is_number() const { return before.is_number() && after.is_number(); }
  double change() const { return after.get<double>() - before.get<double>(); }
};

struct ResultComparison {
  std::vector<ResultDifference> differences;  ///< in the order of the files
  bool plan_and_run = false;                  ///< one of each: what only one has is left out
  bool same() const { return differences.empty(); }
};

/// The version that made a result is not compared.
ResultComparison compare_results(const Json& before, const Json& after);

/// Differences of single layers, the largest ones first, are cut short unless `all` are wanted.
std::string comparison_text(const ResultComparison& comparison, bool all);
std::string comparison_json(const ResultComparison& comparison);

}  // namespace spillway::analysis
