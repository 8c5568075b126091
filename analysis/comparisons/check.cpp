#include "analysis/comparisons/check.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <optional>
#include <set>
#include <sstream>

#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "analysis/reports/report.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/file_kinds.hpp"
#include "workloads/support/shared_files.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;
using svg::escaped;
using workloads::InputError;

namespace {

/// Counts by name, in the order of the file.
using Counts = std::vector<std::pair<std::string, std::uint64_t>>;

/// A count as a baseline may hold it: no fraction, nothing negative.
std::uint64_t whole_number(const Json& value, const std::string& place) {
  if (!value.is_number_unsigned()) {
    throw InputError(fmt::format("{}: found {}; allowed: a whole number of at least 0",
                                 workloads::printable(place, 120),
                                 workloads::printable(value.dump())));
  }
  return value.get<std::uint64_t>();
}

void add_ledger(Counts& counts, const Json& rows, const std::string& suffix) {
  for (const Json& row : rows) {
    counts.emplace_back(
        fmt::format("{} {} {} {}{}", row.at("layer").get<std::string>(),
                    row.at("phase").get<std::string>(), row.at("tensor").get<std::string>(),
                    row.at("direction").get<std::string>(), suffix),
        whole_number(row.at("words"), row.dump()));
  }
}

Counts read_counts(const std::string& text, const std::string& name) {
  try {
    const Json json = parse_json(text);
    Counts counts;
    for (const char* port : {"dram", "host"}) {
      for (const char* key : {"read_words", "write_words"}) {
        counts.emplace_back(fmt::format("total {} {}", port, key),
                            whole_number(json.at(port).at(key), key));
      }
    }
    for (const char* key : {"batch", "macs", "macs_padded"}) {
      counts.emplace_back(key, whole_number(json.at(key), key));
    }
    for (const char* key : {"ledger", "host_ledger"}) {
      if (!json.at(key).is_array()) {
        throw InputError(fmt::format("{}: {}: found {}; allowed: a list", name, key,
                                     workloads::printable(json.at(key).dump())));
      }
    }
    // A count of one each, so that another network or rule shows as a row of another name.
    for (const char* key : {"network", "rule"}) {
      counts.emplace_back(fmt::format("{} {}", key, json.at(key).get<std::string>()), 1);
    }
    add_ledger(counts, json.at("ledger"), "");
    add_ledger(counts, json.at("host_ledger"), " (host)");
    std::set<std::string> names;
    for (const auto& [what, words] : counts) {
      if (!names.insert(what).second) {
        throw InputError(fmt::format("{}: found the row \"{}\" twice; allowed: each row once", name,
                                     workloads::printable(what, 120)));
      }
    }
    return counts;
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("{}: not a baseline: {}; allowed: what spillway check --update "
                    "writes",
                    name, workloads::printable(error.what(), 200)));
  }
}

std::string read_file(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::stringstream text;
  text << stream.rdbuf();
  if (!stream) {
    throw InputError(
        fmt::format("{}: no baseline; allowed: spillway check --update makes one", path.string()));
  }
  return text.str();
}

std::vector<Difference> compare_counts(const Counts& before, const Counts& after) {
  std::vector<Difference> differences;
  std::map<std::string, std::uint64_t> rest(after.begin(), after.end());
  for (const auto& [what, words] : before) {
    const auto found = rest.find(what);
    const std::uint64_t current = found == rest.end() ? 0 : found->second;
    // A row that came or went is a change even where it held no words.
    if (found == rest.end() || current != words) differences.push_back({what, words, current});
    if (found != rest.end()) rest.erase(found);
  }
  for (const auto& [what, words] : after) {
    if (rest.contains(what)) differences.push_back({what, 0, words});
  }
  std::stable_sort(differences.begin(), differences.end(),
                   [](const Difference& a, const Difference& b) { return a.size() > b.size(); });
  return differences;
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

std::string make_baseline(const fs::path& path,
                          const std::vector<workloads::Assignment>& overrides) {
  const sim::Experiment experiment = sim::read_experiment(path, overrides);
  sim::Simulation simulation(experiment);
  const sim::Result result = simulation.run_step(sim::first_batch(experiment));
  if (!counts_agree(simulation.plan(), result)) {
    throw workloads::ConsistencyError(path.string() + ": planned and simulated counts differ");
  }
  const models::Execution& execution = result.execution;
  Json json = {
      {"network", experiment.network.name}, {"rule", experiment.rule}, {"batch", experiment.batch}};
  json["dram"] = {{"read_words", execution.dram.read_words.count()},
                  {"write_words", execution.dram.write_words.count()}};
  json["host"] = {{"read_words", execution.host.read_words.count()},
                  {"write_words", execution.host.write_words.count()}};
  json["macs"] = execution.macs.count();
  json["macs_padded"] = execution.macs_padded.count();
  json["ledger"] = ledger_json(result.ledger, models::Port::dram);
  json["host_ledger"] = ledger_json(result.ledger, models::Port::host);
  return dump(json);
}

std::vector<Difference> compare_baselines(const std::string& baseline, const std::string& now,
                                          const std::string& baseline_name) {
  return compare_counts(read_counts(baseline, baseline_name), read_counts(now, "this run"));
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
    const Counts before = exists ? read_counts(baseline, path.string()) : Counts{};
    const std::string now = make_baseline(experiment, overrides);
    const Counts after = read_counts(now, "this run");
    result.rows = after.size();
    result.differences = compare_counts(before, after);
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
    return fmt::format("{}: {} counts as in the baseline\n", result.experiment, result.rows);
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
