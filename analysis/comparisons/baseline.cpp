#include "analysis/comparisons/baseline.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <map>
#include <set>

#include "analysis/formats/json.hpp"
#include "analysis/reports/dram_figures.hpp"
#include "analysis/reports/ledger_report.hpp"
#include "analysis/reports/report.hpp"
#include "sim/run/simulation.hpp"
#include "workloads/support/error.hpp"

namespace spillway::analysis {

using workloads::InputError;

namespace {

constexpr double default_tolerance_pct = 0.1;

/// A count as a baseline may hold it: no fraction, nothing negative.
std::uint64_t whole_number(const Json& value, const std::string& place) {
  if (!value.is_number_unsigned()) {
    throw InputError(fmt::format("{}: found {}; allowed: a whole number of at least 0",
                                 workloads::printable(place, 120),
                                 workloads::printable(value.dump())));
  }
  return value.get<std::uint64_t>();
}

using Counts = std::vector<Baseline::Count>;

void add_ledger(Counts& counts, const Json& rows, const std::string& suffix) {
  for (const Json& row : rows) {
    counts.push_back(
        {fmt::format("{} {} {} {}{}", row.at("layer").get<std::string>(),
                     row.at("phase").get<std::string>(), row.at("tensor").get<std::string>(),
                     row.at("direction").get<std::string>(), suffix),
         whole_number(row.at("words"), row.dump())});
  }
}

void add_costs(Baseline& baseline, const Json& costs) {
  for (const char* key : {"dram_bus_bytes_read", "dram_bus_bytes_written", "dram_activates"}) {
    baseline.costs.push_back({key, whole_number(costs.at(key), key)});
  }
  for (const char* key : {"time_ps", "dram_energy_pJ", "dram_io_energy_pJ"}) {
    if (costs.at(key).is_null()) continue;  // a device without currents
    baseline.costs.push_back({key, whole_number(costs.at(key), key), true});
  }
  const Json& tolerance = costs.at("tolerance_pct");
  if (!tolerance.is_number() || !(tolerance.get<double>() >= 0)) {
    throw InputError(fmt::format("tolerance_pct: found {}; allowed: a number of at least 0",
                                 workloads::printable(tolerance.dump())));
  }
  baseline.tolerance_pct = tolerance.get<double>();
}

Counts read_counts(const Json& json, const std::string& name) {
  Counts counts;
  for (const char* port : {"dram", "host"}) {
    for (const char* key : {"read_words", "write_words"}) {
      counts.push_back(
          {fmt::format("total {} {}", port, key), whole_number(json.at(port).at(key), key)});
    }
  }
  for (const char* key : {"batch", "macs", "macs_padded"}) {
    counts.push_back({key, whole_number(json.at(key), key)});
  }
  for (const char* key : {"ledger", "host_ledger"}) {
    if (!json.at(key).is_array()) {
      throw InputError(fmt::format("{}: {}: found {}; allowed: a list", name, key,
                                   workloads::printable(json.at(key).dump())));
    }
  }
  // A count of one each, so that another network or rule shows as a row of another name.
  for (const char* key : {"network", "rule"}) {
    counts.push_back({fmt::format("{} {}", key, json.at(key).get<std::string>()), 1});
  }
  add_ledger(counts, json.at("ledger"), "");
  add_ledger(counts, json.at("host_ledger"), " (host)");
  std::set<std::string> names;
  for (const Baseline::Count& count : counts) {
    if (!names.insert(count.what).second) {
      throw InputError(fmt::format("{}: found the row \"{}\" twice; allowed: each row once", name,
                                   workloads::printable(count.what, 120)));
    }
  }
  return counts;
}

void add_differences(std::vector<Difference>& differences, const Counts& before,
                     const Counts& after, double tolerance_pct) {
  const auto is_same = [&](const Baseline::Count& count, std::uint64_t now) {
    if (!count.is_tolerant) return now == count.value;
    const auto value = static_cast<double>(count.value);
    return std::abs(static_cast<double>(now) - value) <= tolerance_pct / 100 * value;
  };
  std::map<std::string, std::uint64_t> rest;
  for (const Baseline::Count& count : after) rest.emplace(count.what, count.value);
  for (const Baseline::Count& count : before) {
    const auto found = rest.find(count.what);
    const bool is_there = found != rest.end();
    // A row that came or went is a change even where it held no words.
    if (!is_there || !is_same(count, found->second)) {
      differences.push_back({count.what, count.value, is_there ? found->second : 0});
    }
    if (is_there) rest.erase(found);
  }
  for (const Baseline::Count& count : after) {
    if (rest.contains(count.what)) differences.push_back({count.what, 0, count.value});
  }
}

Json costs_json(const sim::Experiment& experiment, const models::Execution& execution,
                double tolerance_pct) {
  const models::DramCounters& dram = execution.dram;
  const DramFigures figures(experiment.device.dram, dram.channel);
  const auto whole = [](double pj) { return static_cast<std::uint64_t>(std::llround(pj)); };
  return {{"dram_bus_bytes_read", dram.read_bytes.count()},
          {"dram_bus_bytes_written", dram.write_bytes.count()},
          {"dram_activates", dram.activates},
          {"time_ps", execution.time.count()},
          {"dram_energy_pJ", figures.energy ? Json(whole(figures.energy->total())) : Json(nullptr)},
          {"dram_io_energy_pJ", whole(figures.io_pj)},
          {"tolerance_pct", tolerance_pct}};
}

}  // namespace

Baseline read_baseline(const std::string& text, const std::string& name) {
  try {
    const Json json = parse_json(text);
    Baseline baseline{read_counts(json, name), {}, default_tolerance_pct};
    if (json.contains("costs")) add_costs(baseline, json.at("costs"));
    return baseline;
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("{}: not a baseline: {}; allowed: what spillway check --update writes", name,
                    workloads::printable(error.what(), 200)));
  }
}

std::string make_baseline(const std::filesystem::path& path,
                          const std::vector<workloads::Assignment>& overrides,
                          std::optional<double> tolerance_pct) {
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
  json["costs"] = costs_json(experiment, execution, tolerance_pct.value_or(default_tolerance_pct));
  json["ledger"] = ledger_json(result.ledger, models::Port::dram);
  json["host_ledger"] = ledger_json(result.ledger, models::Port::host);
  return dump(json);
}

std::vector<Difference> compare_baselines(const Baseline& before, const Baseline& after) {
  std::vector<Difference> differences;
  add_differences(differences, before.counts, after.counts, 0);
  if (!before.costs.empty()) {
    add_differences(differences, before.costs, after.costs, before.tolerance_pct);
  }
  std::ranges::stable_sort(differences, std::greater<>(), &Difference::size);
  return differences;
}

}  // namespace spillway::analysis
