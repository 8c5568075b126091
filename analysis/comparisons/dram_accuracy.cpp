#include "analysis/comparisons/dram_accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/reports/dram_run.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

namespace dram = models::dram;

namespace {

// ---- judging

bool is_paced(const ReferenceRun& run) { return run.pattern.ends_with("_30pct"); }
bool is_small_copy(const ReferenceRun& run) { return run.pattern.starts_with("e_"); }
bool is_ramulator(const ReferenceRun& run) { return run.simulator.starts_with("Ramulator"); }
bool counts_half_bursts(const ReferenceRun& run) {
  return run.scheduler.find("pseudo-channels") != std::string::npos;
}

/// Ramulator's refreshes of several ranks are due at once, unless it says otherwise.
bool refreshes_in_turn(const ReferenceRun& run) {
  return run.scheduler.find("refresh scattered") != std::string::npos;
}

/// The patterns that are judged alike.
std::string class_of(const ReferenceRun& run) {
  if (is_paced(run)) return "paced";
  switch (run.pattern.front()) {
    case 'a':
    case 'b': return "streams";
    case 'c': return "copies of 4 KiB";
    case 'd': return "copies of 64 KiB";
    case 'e': return "copies of 256 B";
    case 'f': return "strides";
    case 'g':
    case 'h': return "random";
    default: return "others";
  }
}

std::optional<double> time_bound(const ReferenceRun& run) {
  const std::string name = class_of(run);
  if (name == "paced" || name == "streams" || name == "copies of 64 KiB") return 2;
  if (name == "copies of 4 KiB" || name == "strides") return 5;
  if (name == "random") return 7;
  return std::nullopt;
}

bool judges_activates(const ReferenceRun& run) {
  return run.pattern.front() >= 'a' && run.pattern.front() <= 'd';
}

using Case = std::tuple<std::string, std::string, std::string, std::uint64_t, std::uint32_t, bool>;

Case case_of(const ReferenceRun& run) {
  return {run.device, run.mapping, run.pattern, run.mib, run.ranks, refreshes_in_turn(run)};
}

bool same_traffic(const ReferenceRun& a, const ReferenceRun& b) {
  return a.device == b.device && a.mapping == b.mapping && a.pattern == b.pattern &&
         a.ranks == b.ranks;
}

double percent(double ours, double reference) { return 100 * (ours / reference - 1); }

/// Whether the row is the one by which the time of its case is judged.
bool judges_time(const AccuracyRow& row, const std::vector<AccuracyRow>& all) {
  const ReferenceRun& run = row.reference;
  if (counts_half_bursts(run)) return false;
  const bool has_ramulator = std::any_of(all.begin(), all.end(), [&](const AccuracyRow& other) {
    return is_ramulator(other.reference) && other.reference.device == run.device;
  });
  if (has_ramulator) return is_ramulator(run) && run.scheduler.starts_with("FRFCFS-RowHit");
  return std::all_of(all.begin(), all.end(), [&](const AccuracyRow& other) {
    return case_of(other.reference) != case_of(run) ||
           std::abs(other.time.percent) >= std::abs(row.time.percent);
  });
}

/// Whether our bandwidth is among those of the simulators, to the digits that they print.
bool within_range(const AccuracyRow& row, const std::vector<AccuracyRow>& all) {
  double least = row.reference.bandwidth, most = least;
  for (const AccuracyRow& other : all) {
    if (!same_traffic(other.reference, row.reference) || counts_half_bursts(other.reference)) {
      continue;
    }
    least = std::min(least, other.reference.bandwidth);
    most = std::max(most, other.reference.bandwidth);
  }
  // Ramulator lets a write follow another rank's read sooner than one data bus allows, which makes
  // copies up to 0.05 % faster.
  const double digits = 1e-4 + (row.reference.ranks > 1 ? 5e-4 * row.reference.bandwidth : 0);
  const double ours = row.reference.bandwidth * row.reference.time_ns / row.time_ns;
  return ours >= least - digits && ours <= most + digits;
}

void judge(std::vector<AccuracyRow>& rows) {
  for (AccuracyRow& row : rows) {
    const ReferenceRun& run = row.reference;
    const bool judged = judges_time(row, rows);
    if (judged && is_small_copy(run)) row.in_range = within_range(row, rows);
    if (judged) row.time.bound = time_bound(run);
    const bool by_dramsim3 = std::none_of(rows.begin(), rows.end(), [&](const AccuracyRow& other) {
      return is_ramulator(other.reference) && other.reference.device == run.device;
    });
    const bool judges = by_dramsim3 || judged;
    if (row.activates && judges && judges_activates(run)) row.activates->bound = 10;
    if (row.energy && !is_small_copy(run)) row.energy->bound = 5;
  }
}

/// The scheduler that is modelled on the simulator's, if any is.
std::optional<dram::Scheduler> scheduler_of(const ReferenceRun& run) {
  if (is_ramulator(run)) return dram::Scheduler::row_hits_first;
  if (run.simulator.starts_with("DRAMsim3")) return dram::Scheduler::bank_queues;
  return std::nullopt;
}

/// The device of a run, with its own controller or one like the simulator's.
dram::DramDevice device_of(const ReferenceRun& run, bool alike) {
  dram::DramDevice device = dram::dram_device(
      run.device, {{fmt::format("geometry.ranks={}", run.ranks), "ranks of a reference run"},
                   {"mapping=" + run.mapping, "mapping of a reference run"}});
  if (alike) device = dram::with_controller(std::move(device), *scheduler_of(run));
  if (refreshes_in_turn(run)) device.controller.rank_refresh = dram::RankRefresh::in_turn;
  return device;
}

/// What the model makes of the runs, with the device's own controller or one like the simulator's.
std::vector<AccuracyRow> beside(const std::vector<ReferenceRun>& runs, bool alike,
                                const std::function<void(const std::string&)>& progress) {
  std::map<Case, DramRun> ours;
  std::vector<AccuracyRow> rows;
  for (const ReferenceRun& run : runs) {
    const auto [at, is_new] = ours.try_emplace(case_of(run));
    if (is_new) {
      if (progress) progress(run.device + " " + run.mapping + " " + run.pattern);
      at->second =
          run_dram_pattern(device_of(run, alike), run.pattern, workloads::Bytes(run.mib << 20));
    }
    const DramRun& our = at->second;
    AccuracyRow row{.reference = run,
                    .time_ns = our.time_ns(),
                    .time = {.percent = percent(our.time_ns(), run.time_ns), .bound = {}},
                    .activates = {},
                    .energy = {},
                    .in_range = {}};
    if (run.activates && !counts_half_bursts(run)) {
      row.activates =
          Deviation{percent(static_cast<double>(our.statistics.activates), *run.activates), {}};
    }
    const std::optional<double> energy = our.energy_uj();
    if (run.energy && energy) row.energy = Deviation{percent(*energy, *run.energy), {}};
    rows.push_back(row);
  }
  return rows;
}

// ---- telling

/// What of `names` no reference run has.
template <class Name>
std::vector<std::string> without_reference(const std::vector<AccuracyRow>& rows,
                                           const std::vector<std::string>& names, Name name_of) {
  std::vector<std::string> missing;
  for (const std::string& name : names) {
    const bool found = std::any_of(rows.begin(), rows.end(), [&](const AccuracyRow& row) {
      return name_of(row.reference) == name;
    });
    if (!found) missing.push_back(name);
  }
  return missing;
}

std::vector<std::string> patterns_without_reference(const std::vector<AccuracyRow>& rows) {
  return without_reference(rows, dram::pattern_names(),
                           [](const ReferenceRun& run) { return run.pattern; });
}

std::vector<std::string> devices_without_reference(const std::vector<AccuracyRow>& rows) {
  return without_reference(rows, dram::dram_device_names(),
                           [](const ReferenceRun& run) { return run.device; });
}

std::string without_reference_text(const std::vector<AccuracyRow>& rows) {
  const auto line = [](const char* what, const std::vector<std::string>& names) {
    return names.empty() ? std::string()
                         : fmt::format("No run of other simulators: {} {}.\n", what,
                                       workloads::joined(names));
  };
  return line("patterns", patterns_without_reference(rows)) +
         line("devices", devices_without_reference(rows));
}

std::string signed_percent(const Deviation& deviation) {
  return fmt::format("{:+.2f}{}", deviation.percent, deviation.kept() ? "" : " !");
}

struct Summary {
  std::uint64_t judged = 0, kept = 0;
  double sum = 0, largest = 0;

  void add(const Deviation& deviation) {
    ++judged;
    kept += deviation.kept() ? 1 : 0;
    sum += std::abs(deviation.percent);
    largest = std::max(largest, std::abs(deviation.percent));
  }
  std::vector<std::string> cells(const std::string& what, const std::string& bound) const {
    return {what, bound, std::to_string(judged), std::to_string(kept), mean(), maximum()};
  }
  std::string mean() const {
    return fmt::format("{:.2f}", judged == 0 ? 0 : sum / static_cast<double>(judged));
  }
  std::string maximum() const { return fmt::format("{:.2f}", largest); }
};

std::vector<std::string> classes_of(const std::vector<AccuracyRow>& rows) {
  std::vector<std::string> classes;
  for (const AccuracyRow& row : rows) {
    const std::string name = class_of(row.reference);
    if (std::find(classes.begin(), classes.end(), name) == classes.end()) classes.push_back(name);
  }
  return classes;
}

std::string summary_text(const std::vector<AccuracyRow>& rows) {
  Table table({"judged", "bound, %", "rows", "kept", "mean, %", "maximum, %"});
  for (const std::string& name : classes_of(rows)) {
    Summary summary;
    std::string bound;
    for (const AccuracyRow& row : rows) {
      if (class_of(row.reference) != name) continue;
      if (row.in_range) {
        bound = "range";
        summary.add(row.time);
        if (!*row.in_range) --summary.kept;
      } else if (row.time.bound) {
        bound = fmt::format("{:.0f}", *row.time.bound);
        summary.add(row.time);
      }
    }
    table.add(summary.cells("time, " + name, bound));
  }
  Summary activates, energy;
  for (const AccuracyRow& row : rows) {
    if (row.activates && row.activates->bound) activates.add(*row.activates);
    if (row.energy && row.energy->bound) energy.add(*row.energy);
  }
  table.add(activates.cells("activates, streams and copies", "10"));
  table.add(energy.cells("energy", "5"));
  return table.text();
}

/// The simulator with its scheduler, in short.
std::string simulator_text(const ReferenceRun& run) {
  return run.simulator + " " + run.scheduler.substr(0, run.scheduler.find(' ')) +
         (refreshes_in_turn(run) ? ", refresh in turn" : "");
}

/// Whether the row decides on the time, and beyond its range.
std::string mark_of(const AccuracyRow& row) {
  const bool judged = row.time.bound || row.in_range;
  return !judged ? "" : row.in_range.value_or(true) ? "*" : "* !";
}

Json deviation_json(const std::optional<Deviation>& value) {
  if (!value) return nullptr;
  return {{"percent", value->percent},
          {"bound", value->bound ? Json(*value->bound) : Json(nullptr)},
          {"kept", value->kept()}};
}

Columns<AccuracyRow> accuracy_columns() {
  using Row = AccuracyRow;
  const auto microseconds = [](double ns) { return fmt::format("{:.1f}", ns / 1000); };
  const auto percent_text = [](const std::optional<Deviation>& value) {
    return value ? signed_percent(*value) : "";
  };
  return {{{"device", "", "device"}, [](const Row& row) { return row.reference.device; }},
          {{"mapping", "", "mapping"}, [](const Row& row) { return row.reference.mapping; }},
          {{"pattern", "", "pattern"}, [](const Row& row) { return row.reference.pattern; }},
          {{"MiB", "", "mib"},
           [](const Row& row) { return row.reference.mib; },
           [](const Row& row) { return std::to_string(row.reference.mib); }},
          {{"", "", "ranks"}, [](const Row& row) { return row.reference.ranks; }},
          {{"", "", "class"}, [](const Row& row) { return class_of(row.reference); }},
          {{"simulator", "", "simulator"},
           [](const Row& row) { return row.reference.simulator; },
           [](const Row& row) { return simulator_text(row.reference); }},
          {{"", "", "scheduler"}, [](const Row& row) { return row.reference.scheduler; }},
          {{"us", "", "reference_ns"},
           [](const Row& row) { return row.reference.time_ns; },
           [=](const Row& row) { return microseconds(row.reference.time_ns); }},
          {{"ours, us", "", "time_ns"},
           [](const Row& row) { return row.time_ns; },
           [=](const Row& row) { return microseconds(row.time_ns); }},
          {{"time, %", "", "time"},
           [](const Row& row) { return deviation_json(row.time); },
           [=](const Row& row) { return percent_text(row.time); }},
          {.names = {}, .value = [](const Row& row) { return mark_of(row); }, .unnamed = true},
          {.names = {"activates, %", "", "activates"},
           .value = [](const Row& row) { return deviation_json(row.activates); },
           .in_text = [=](const Row& row) { return percent_text(row.activates); },
           .json_null = true},
          {.names = {"energy, %", "", "energy"},
           .value = [](const Row& row) { return deviation_json(row.energy); },
           .in_text = [=](const Row& row) { return percent_text(row.energy); },
           .json_null = true},
          {{"", "", "in_range"},
           [](const Row& row) { return row.in_range ? Json(*row.in_range) : Json(nullptr); }}};
}

/// By class of pattern, of rows that are not judged.
std::string alike_summary_text(const std::vector<AccuracyRow>& rows) {
  Table table({"compared", "rows", "mean, %", "maximum, %"});
  const auto add = [&](const std::string& what, const Summary& summary) {
    table.add({what, std::to_string(summary.judged), summary.mean(), summary.maximum()});
  };
  for (const std::string& name : classes_of(rows)) {
    Summary time;
    for (const AccuracyRow& row : rows) {
      if (class_of(row.reference) == name) time.add(row.time);
    }
    add("time, " + name, time);
  }
  Summary activates, energy;
  for (const AccuracyRow& row : rows) {
    if (row.activates) activates.add(*row.activates);
    if (row.energy) energy.add(*row.energy);
  }
  add("activates", activates);
  add("energy", energy);
  return table.text();
}

}  // namespace

bool Deviation::kept() const { return !bound || std::abs(percent) <= *bound; }

bool AccuracyRow::kept() const {
  return time.kept() && in_range.value_or(true) && (!activates || activates->kept()) &&
         (!energy || energy->kept());
}

std::vector<AccuracyRow> compare_with_reference(
    const std::vector<ReferenceRun>& runs,
    const std::function<void(const std::string&)>& progress) {
  std::vector<AccuracyRow> rows = beside(runs, false, progress);
  judge(rows);
  return rows;
}

std::vector<AccuracyRow> compare_alike(const std::vector<ReferenceRun>& runs,
                                       const std::function<void(const std::string&)>& progress) {
  std::map<std::string, dram::Scheduler> own;
  std::vector<ReferenceRun> others;
  for (const ReferenceRun& run : runs) {
    const std::optional<dram::Scheduler> scheduler = scheduler_of(run);
    if (!scheduler || counts_half_bursts(run)) continue;
    const auto [at, is_new] = own.try_emplace(run.device);
    if (is_new) at->second = dram::dram_device(run.device).controller.scheduler;
    if (at->second != *scheduler) others.push_back(run);
  }
  return beside(others, true, progress);
}

bool all_kept(const std::vector<AccuracyRow>& rows) {
  return std::all_of(rows.begin(), rows.end(), [](const AccuracyRow& row) { return row.kept(); });
}

std::string accuracy_text(const std::vector<AccuracyRow>& rows,
                          const std::vector<AccuracyRow>& alike) {
  std::string text =
      "The DRAM model beside other simulators: difference in % of theirs\n"
      "(* decides on the time; ! beyond its bound)\n\n";
  text += text_table(accuracy_columns(), rows).text() + "\n" + summary_text(rows);
  if (!alike.empty()) {
    text +=
        "\nWhere the device has another controller than the simulator: the same with a controller "
        "like the simulator's\n\n" +
        text_table(accuracy_columns(), alike).text() + "\n" + alike_summary_text(alike);
  }
  const auto missed =
      std::count_if(rows.begin(), rows.end(), [](const AccuracyRow& row) { return !row.kept(); });
  text += "\n" + without_reference_text(rows);
  return text + (missed == 0 ? "All rows keep their bounds.\n"
                             : fmt::format("{} of {} rows miss a bound.\n", missed, rows.size()));
}

std::string accuracy_json(const std::vector<AccuracyRow>& rows,
                          const std::vector<AccuracyRow>& alike) {
  Json json = {{"kept", all_kept(rows)},
               {"rows", json_rows(accuracy_columns(), rows)},
               {"alike", json_rows(accuracy_columns(), alike)},
               {"without_reference",
                {{"devices", devices_without_reference(rows)},
                 {"patterns", patterns_without_reference(rows)}}}};
  return dump(json);
}

}  // namespace spillway::analysis
