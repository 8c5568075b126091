// What each result cost, side by side, and the settings that differ.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/comparisons/result_diff.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

struct CostRow {
  const char *name, *pointer;
  double scale = 1;
};
constexpr CostRow cost_rows[]{
    {"words across the border", "/simulated/words"},
    {"  estimated", "/estimated/words"},
    {"DRAM words read", "/dram/read_words"},
    {"DRAM words written", "/dram/write_words"},
    {"host words read", "/host/read_words"},
    {"host words written", "/host/write_words"},
    {"bytes on the DRAM bus", "/simulated/bus_bytes"},
    {"  estimated", "/estimated/bus_bytes"},
    {"time, ms", "/simulated/time_ms"},
    {"  estimated", "/estimated/time_ms"},
    {"energy of DRAM chips and interface, mJ", "/simulated/energy_mj"},
    {"  estimated", "/estimated/energy_mj"},
    {"energy of the whole device, mJ", "/energy/total_pJ", 1e-9},
    {"area of the chip, mm²", "/area/total_mm2"},
    {"useful MACs", "/macs"},
    {"  of these, done again", "/macs_again"},
    {"useful MACs of the readout, apart", "/macs_readout"},
    {"executed MACs, padding counted", "/macs_padded"},
    {"DRAM bandwidth, GB/s", "/dram/bandwidth_GBps"},
    {"  % of its peak", "/dram/pct_of_peak"},
    {"DRAM row hits, share of bursts", "/dram/row_hit_rate"},
    {"DRAM activates", "/dram/activates"},
    {"buffer, bytes", "/buffer/capacity_bytes"},
    {"  most of it used", "/buffer/high_water_bytes"},
    {"bound by", "/bound"},
};

/// Beside the first result: "+12.3 %", "= A".
std::string change(const Runs& runs, const RunView& run, const std::string& pointer) {
  if (run.number() == 0) return "";
  const Json *first = runs[0].find(pointer), *here = run.find(pointer);
  if (first == nullptr || here == nullptr) return "";
  if (*first == *here) return "= " + runs[0].letter();
  const auto before = runs[0].number_at(pointer), after = run.number_at(pointer);
  if (!before || !after) return "≠ " + runs[0].letter();
  if (*before == 0) return "new";
  const double percent = 100 * (*after - *before) / std::abs(*before);
  return std::abs(percent) < 0.05 ? fmt::format("{:+.1g} %", percent)
                                  : fmt::format("{:+.1f} %", percent);
}

std::vector<std::string> with_letters(std::vector<std::string> headings, const Runs& runs,
                                      const std::string& mark) {
  for (const RunView& run : runs) {
    headings.push_back(mark + (runs.size() == 1 ? "value" : run.prefix() + run.name()));
  }
  return headings;
}

std::string differing_settings(const Runs& runs) {
  // The first result's value of each setting in which any other differs, and theirs.
  struct Setting {
    std::string what;
    Json first;
    std::vector<Json> values;
  };
  std::vector<Setting> settings;
  for (std::size_t i = 1; i < runs.size(); ++i) {
    for (const ResultDifference& d : compare_results(runs[0].json(), runs[i].json()).differences) {
      if (d.section != ResultSection::settings) continue;
      auto found = std::ranges::find(settings, d.what, &Setting::what);
      if (found == settings.end()) {
        settings.push_back({d.what, d.before, std::vector<Json>(runs.size(), d.before)});
        found = std::prev(settings.end());
      }
      found->values[i] = d.after;
    }
  }
  if (settings.empty()) return "<p>All results have the same settings.</p>\n";
  HtmlTable table("Settings that differ", with_letters({"setting"}, runs, ""));
  for (const Setting& setting : settings) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      const bool other = i > 0 && setting.values[i] != setting.first;
      cells.push_back(fmt::format("<td>{}{}</td>", escaped(shown(setting.values[i])),
                                  other ? "<small>≠ " + runs[0].letter() + "</small>" : ""));
    }
    table.row(setting.what, cells);
  }
  return table.text();
}

}  // namespace

std::string cost_section(const Runs& runs) {
  std::string caption = "Costs of the step";
  if (runs.size() > 1) caption += "; below each, the difference to " + runs[0].letter();
  HtmlTable table(caption, with_letters({"cost"}, runs, "#"));
  for (const CostRow& row : cost_rows) {
    const auto here = [&](const RunView& run) { return run.has(row.pointer); };
    if (std::ranges::none_of(runs, here)) continue;
    std::vector<std::string> cells;
    for (const RunView& run : runs) {
      cells.push_back(value_cell(run, row.pointer, row.scale, change(runs, run, row.pointer)));
    }
    const std::string name = row.name;
    const bool inner = name.starts_with("  ");
    table.row(inner ? name.substr(2) : name, cells, inner ? "inner" : "");
  }
  std::string text = table.text();
  if (runs.size() > 1) {
    text += "<p>= " + runs[0].letter() + ": the same as " + runs[0].letter() +
            "; ≠: another one; new: " + runs[0].letter() + " has 0.</p>\n" +
            differing_settings(runs);
  }
  return text;
}

}  // namespace spillway::analysis::pages
