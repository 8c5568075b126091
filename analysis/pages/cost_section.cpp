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
    {"  words, estimated", "/estimated/words"},
    {"DRAM words read", "/dram/read_words"},
    {"DRAM words written", "/dram/write_words"},
    {"host words read", "/host/read_words"},
    {"host words written", "/host/write_words"},
    {"bytes on the DRAM bus", "/simulated/bus_bytes"},
    {"  bytes, estimated", "/estimated/bus_bytes"},
    {"time, ms", "/simulated/time_ms"},
    {"  time, estimated, ms", "/estimated/time_ms"},
    {"energy of DRAM chips and interface, mJ", "/simulated/energy_mj"},
    {"  energy, estimated, mJ", "/estimated/energy_mj"},
    {"energy of the whole device, mJ", "/energy/total_pJ", 1e-9},
    {"area of the chip, mm²", "/area/total_mm2"},
    {"useful MACs", "/macs"},
    {"  done again", "/macs_again"},
    {"useful MACs of the readout, apart", "/macs_readout"},
    {"executed MACs, padding counted", "/macs_padded"},
    {"DRAM bandwidth, GB/s", "/dram/bandwidth_GBps"},
    {"  bandwidth, % of the peak", "/dram/pct_of_peak"},
    {"DRAM row hits, share of bursts", "/dram/row_hit_rate"},
    {"DRAM activates", "/dram/activates"},
    {"buffer, bytes", "/buffer/capacity_bytes"},
    {"  buffer, most used", "/buffer/high_water_bytes"},
    {"bound by", "/bound"},
};

/// Beside the first result: "+12.3 %", "= A".
std::string beside_first(const Runs& runs, const RunView& run, const std::string& pointer) {
  if (run.number() == 0) return "";
  const Json *first = runs[0].find(pointer), *here = run.find(pointer);
  if (first == nullptr || here == nullptr) return "";
  if (*first == *here) return "= " + runs[0].letter();
  const auto before = runs[0].number_at(pointer), after = run.number_at(pointer);
  if (!before || !after) return "≠ " + runs[0].letter();
  if (*before == 0) return "new";
  return change(*before, *after);
}

std::vector<std::string> with_letters(std::vector<std::string> headings, const Runs& runs,
                                      const std::string& mark) {
  for (const RunView& run : runs) {
    headings.push_back(mark + (runs.size() == 1 ? "value" : run.prefix() + run.name()));
  }
  return headings;
}

/// A setting in which any result differs from the first.
struct DifferingSetting {
  std::string what;
  std::vector<Json> values;  ///< of each result
  std::vector<bool> other;   ///< than the first one's
};

std::vector<DifferingSetting> differing_settings(const Runs& runs) {
  std::vector<DifferingSetting> settings;
  const auto note = [&](const std::string& what, std::size_t run, const Json& first,
                        const Json& value) {
    auto found = std::ranges::find(settings, what, &DifferingSetting::what);
    if (found == settings.end()) {
      settings.push_back(
          {what, std::vector<Json>(runs.size(), first), std::vector<bool>(runs.size(), false)});
      found = std::prev(settings.end());
    }
    found->values[run] = value;
    found->other[run] = true;
  };
  const auto layers = [&](std::size_t run) {
    return Json(fmt::format("{} layers", runs[run].size_of("/network_layers")));
  };
  for (std::size_t i = 1; i < runs.size(); ++i) {
    for (const ResultDifference& d : compare_results(runs[0].json(), runs[i].json()).differences) {
      if (d.section != ResultSection::settings) continue;
      // A network's layers have too many keys to list; they have tables of their own below.
      if (d.what.starts_with("network layers")) {
        note("layers of the network", i, layers(0), layers(i));
      } else {
        note(d.what, i, d.before, d.after);
      }
    }
  }
  return settings;
}

std::string settings_that_differ(const Runs& runs) {
  const std::vector<DifferingSetting> settings = differing_settings(runs);
  if (settings.empty()) return "<p>All results have the same settings.</p>\n";
  HtmlTable table("Settings that differ", with_letters({"setting"}, runs, ""));
  for (const DifferingSetting& setting : settings) {
    std::vector<std::string> cells;
    for (std::size_t i = 0; i < runs.size(); ++i) {
      cells.push_back(
          fmt::format("<td{}>{}{}</td>", setting.values[i].is_number() ? " class=\"v\"" : "",
                      escaped(shown(setting.values[i])),
                      setting.other[i] ? "<small>≠ " + runs[0].letter() + "</small>" : ""));
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
  bool outer = false;  // whether the row is there that an inner one belongs to
  for (const CostRow& row : cost_rows) {
    const auto here = [&](const RunView& run) { return run.has(row.pointer); };
    const bool any = std::ranges::any_of(runs, here);
    if (row.name[0] != ' ') outer = any;
    if (!any) continue;
    std::vector<std::string> cells;
    for (const RunView& run : runs) {
      cells.push_back(
          value_cell(run, row.pointer, row.scale, beside_first(runs, run, row.pointer)));
    }
    const std::string name = row.name;
    const bool inner = name.starts_with("  ");
    table.row(inner ? name.substr(2) : name, cells, inner && outer ? "inner" : "");
  }
  std::string text = table.text();
  if (runs.size() > 1) {
    text += "<p>= " + runs[0].letter() + ": the same as " + runs[0].letter() +
            "; ≠: another one; new: " + runs[0].letter() + " has 0; ×: so many times " +
            runs[0].letter() + ".</p>\n" + settings_that_differ(runs);
  }
  return text;
}

}  // namespace spillway::analysis::pages
