// When each engine worked, for which layer and phase, and what bound it.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

constexpr double us = 1e-3;  // of a ns

/// What a figure of the step's time counts in.
struct TimeUnit {
  double of_ns;
  const char* name;
};
TimeUnit unit_of(double step_ns) {
  return step_ns >= 1e7 ? TimeUnit{1e-6, "ms"} : TimeUnit{us, "µs"};
}

constexpr std::pair<const char*, const char*> phase_colours[]{
    {"forward", "c1"}, {"loss", "c3"}, {"backward", "c5"}, {"update", "c2"}};

std::string phase_colour(const std::string& phase) {
  for (const auto& [name, colour] : phase_colours) {
    if (phase == name) return colour;
  }
  return "c8";
}

std::string engine_chart(const RunView& run, bool stalls) {
  const double step = run.number_at("/time_ns").value_or(0);
  const TimeUnit unit = unit_of(step);
  const std::vector<std::pair<const char*, const char*>> parts =
      stalls ? std::vector<std::pair<const char*, const char*>>{{"busy", "c1"},
                                                                {"stalled", "c3"},
                                                                {"idle", "quiet"}}
             : std::vector<std::pair<const char*, const char*>>{{"busy", "c1"}};
  std::vector<Bar> bars;
  for (const std::string& engine : run.keys_of("/engines")) {
    Bar bar{engine, "", {}};
    for (const auto& [name, colour] : parts) {
      const std::string at = "/engines" + part(engine) + "/" + name + "_ns";
      const auto time = run.number_at(at);
      if (!time) continue;
      bar.segments.push_back({*time * unit.of_ns, colour,
                              fmt::format("{} {}: {} µs", engine, name, shown(*time * us)),
                              place(run, at)});
      if (step > 0 && bar.note.empty()) bar.note = percent(*time / step) + " busy";
    }
    if (stalls) bar.note.clear();
    bars.push_back(std::move(bar));
  }
  LegendEntries entries;
  for (const auto& [name, colour] : parts) entries.emplace_back(colour, name);
  const std::string caption =
      run.prefix() + (stalls ? "Engines: busy, stalled (with work to do) and idle"
                             : "Engines: busy; they overlap");
  return figure(caption, bar_chart(caption, bars, step * unit.of_ns,
                                   unit.name + std::string(" of the step"))) +
         legend(entries);
}

std::string engine_table(const RunView& run, bool stalls) {
  std::vector<std::string> reasons;
  for (const std::string& engine : run.keys_of("/engines")) {
    for (const std::string& on : run.keys_of("/engines" + part(engine) + "/stalled_on_ns")) {
      if (std::ranges::find(reasons, on) == reasons.end()) reasons.push_back(on);
    }
  }
  std::vector<std::string> headings{"engine", "#busy, µs", "#busy, %"};
  if (stalls) headings.insert(headings.end(), {"#stalled, µs", "#idle, µs"});
  for (const std::string& on : reasons) headings.push_back("#on " + on + ", µs");
  const char* named = reasons.empty() ? "" : "; on: what they were stalled on";
  HtmlTable table(run.prefix() + "Engines over the whole step" + named, headings);
  for (const std::string& engine : run.keys_of("/engines")) {
    const std::string at = "/engines" + part(engine);
    std::vector<std::string> cells{value_cell(run, at + "/busy_ns", us),
                                   value_cell(run, at + "/busy_pct")};
    if (stalls) {
      cells.push_back(value_cell(run, at + "/stalled_ns", us));
      cells.push_back(value_cell(run, at + "/idle_ns", us));
    }
    for (const std::string& on : reasons) {
      cells.push_back(value_cell(run, at + "/stalled_on_ns" + part(on), us));
    }
    table.row(engine, cells);
  }
  return table.text();
}

/// Why instructions were not handed to their engines.
std::string not_issued(const RunView& run) {
  if (run.keys_of("/not_issued").empty()) return "";
  return fmt::format(
      "<p>The next instruction waited {} µs for the places of its tiles in the buffer, and {} µs "
      "for "
      "a place in its engine's queue.</p>\n",
      value(run, "/not_issued/buffer_space_ns", us), value(run, "/not_issued/full_queue_ns", us));
}

std::string line_name(const RunView& run, const std::string& at) {
  return run.text_at(at + "/layer") + " " + run.text_at(at + "/phase");
}

std::string lines_chart(const RunView& run) {
  std::vector<Span> spans;
  LegendEntries entries;
  double end = run.number_at("/time_ns").value_or(0);
  const TimeUnit unit = unit_of(end);
  for (std::size_t i = 0; i < run.size_of("/time_by_layer"); ++i) {
    const std::string at = "/time_by_layer" + part(i);
    const auto begins = run.number_at(at + "/begin_ns"), ends = run.number_at(at + "/end_ns");
    if (!begins || !ends) continue;
    const std::string phase = run.text_at(at + "/phase"), bound = run.text_at(at + "/bound");
    end = std::max(end, *ends);
    spans.push_back({line_name(run, at), bound, phase_colour(phase),
                     fmt::format("{}: from {} to {} µs{}", line_name(run, at), shown(*begins * us),
                                 shown(*ends * us), bound.empty() ? "" : ", bound by " + bound),
                     *begins * unit.of_ns, *ends * unit.of_ns});
    const std::pair<std::string, std::string> entry{phase_colour(phase), phase};
    if (std::ranges::find(entries, entry) == entries.end()) entries.push_back(entry);
  }
  std::ranges::stable_sort(entries, {}, [](const auto& entry) {
    return std::ranges::find(phase_colours, entry.second,
                             [](const auto& known) { return std::string(known.first); }) -
           std::begin(phase_colours);
  });
  if (spans.empty()) return missing("Nothing was done for any layer.");
  const std::string caption =
      run.prefix() + "From the first to the last work for each layer and phase; right: bound by";
  return figure(caption, span_chart(caption, spans, end * unit.of_ns,
                                    unit.name + std::string(" from the begin of the step"))) +
         legend(entries);
}

std::string lines_table(const RunView& run) {
  const std::vector<std::string> engines = run.keys_of("/engines");
  std::vector<std::string> headings{"layer",      "phase",    "#first cycle", "#last cycle",
                                    "#begin, µs", "#end, µs", "bound by",     "#array, %"};
  const bool stalls = run.has("/time_by_layer/0" + part(engines[0]) + "/stalled_ns");
  for (const std::string& engine : engines) headings.push_back("#" + engine + ", µs");
  for (const std::string& engine : engines) {
    if (stalls) headings.push_back("#" + engine + " stalled, µs");
  }
  HtmlTable table(run.prefix() + "Time by layer and phase; of each engine the time it was busy",
                  headings);
  for (std::size_t i = 0; i < run.size_of("/time_by_layer"); ++i) {
    const std::string at = "/time_by_layer" + part(i);
    std::vector<std::string> cells{
        text_cell(run.text_at(at + "/phase")), value_cell(run, at + "/first_cycle"),
        value_cell(run, at + "/last_cycle"),   value_cell(run, at + "/begin_ns", us),
        value_cell(run, at + "/end_ns", us),   value_cell(run, at + "/bound"),
        value_cell(run, at + "/array_pct")};
    for (const std::string& engine : engines) {
      cells.push_back(value_cell(run, at + part(engine) + "/busy_ns", us));
    }
    for (const std::string& engine : engines) {
      if (stalls) cells.push_back(value_cell(run, at + part(engine) + "/stalled_ns", us));
    }
    table.row(run.text_at(at + "/layer"), cells);
  }
  return table.text();
}

std::string bus_table(const RunView& run) {
  const std::vector<std::string> uses = run.keys_of("/dram/bus_ns");
  double all = 0;
  for (const std::string& use : uses) {
    all += run.number_at("/dram/bus_ns" + part(use)).value_or(0);
  }
  HtmlTable table(run.prefix() + "DRAM data bus, all channels", {"use", "#time, µs", "#share"});
  for (const std::string& use : uses) {
    const std::string at = "/dram/bus_ns" + part(use);
    std::string name = use;
    std::ranges::replace(name, '_', ' ');
    table.row(name, {value_cell(run, at, us),
                     number_cell(all > 0 ? percent(run.number_at(at).value_or(0) / all) : "-")});
  }
  return table.empty() ? "" : table.text();
}

}  // namespace

std::string time_section(const Runs& runs) {
  std::string text;
  for (const RunView& run : runs) {
    if (runs.size() > 1) text += subheading(run.prefix() + run.name());
    if (run.keys_of("/engines").empty()) {
      text += missing(run.is_plan() ? "A plan has no engines: nothing was simulated."
                                    : "This result says nothing of engines.");
      continue;
    }
    bool stalls = false;
    for (const std::string& engine : run.keys_of("/engines")) {
      stalls = stalls || run.has("/engines" + part(engine) + "/stalled_ns");
    }
    text += engine_chart(run, stalls) + engine_table(run, stalls) + not_issued(run);
    if (!stalls) text += missing("Made without stalls: only what was busy is known.");
    text += bus_table(run);
    if (run.size_of("/time_by_layer") == 0) {
      text += missing("This result has no times by layer.");
      continue;
    }
    text += lines_chart(run);
    text += fold("Table of layers and phases", lines_table(run),
                 runs.size() == 1 && run.size_of("/time_by_layer") <= 40);
  }
  return text;
}

}  // namespace spillway::analysis::pages
