// How fast the step was beside what array and DRAM allow.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"
#include "analysis/pages/sections.hpp"

namespace spillway::analysis::pages {

namespace {

struct Measured {
  Roofs roofs;
  RooflinePoint point;
};

/// Nothing where the result lacks a number, or one is 0, which has no place on such a scale.
std::optional<Measured> measured(const RunView& run) {
  const auto at = [&](const char* pointer) { return run.number_at(pointer).value_or(0); };
  const double period_ps = at("/device/clock_period_ps"), time_ns = at("/time_ns");
  const double share = at("/dram/pct_of_peak") / 100;
  const double bytes = at("/dram/read_bytes") + at("/dram/write_bytes");
  const double macs = at("/macs") + at("/macs_readout");
  if (period_ps <= 0 || time_ns <= 0 || share <= 0 || bytes <= 0 || macs <= 0) {
    return std::nullopt;
  }
  Measured result{{at("/device/array/rows") * at("/device/array/columns") * 1e12 / period_ps,
                   at("/dram/bandwidth_GBps") * 1e9 / share, ""},
                  {run.prefix().empty() ? "" : run.letter(), colour_class(run.number()), "",
                   macs / bytes, macs * 1e9 / time_ns}};
  if (!(result.roofs.macs_per_second > 0) || !(result.roofs.bytes_per_second > 0)) {
    return std::nullopt;
  }
  result.point.title =
      fmt::format("{}: {} MACs per byte, {} MACs per second", run.name(),
                  shown(result.point.macs_per_byte), short_number(result.point.macs_per_second));
  return result;
}

/// The same to what a figure and a double can tell.
bool alike(const Roofs& a, const Roofs& b) {
  const auto near = [](double x, double y) { return std::abs(x - y) <= 1e-9 * std::max(x, y); };
  return near(a.macs_per_second, b.macs_per_second) && near(a.bytes_per_second, b.bytes_per_second);
}

}  // namespace

std::string roofline_section(const Runs& runs) {
  std::vector<Roofs> roofs;
  std::vector<RooflinePoint> points;
  LegendEntries entries;
  std::string lacking;
  HtmlTable table("Roofs and points",
                  {"result", "#array, MACs/s", "#DRAM, bytes/s", "#ridge, MACs/byte",
                   "#reached, MACs/byte", "#reached, MACs/s", "#of the roof there"});
  for (const RunView& run : runs) {
    const std::optional<Measured> found = measured(run);
    if (!found) {
      lacking += missing(fmt::format("{}{}: {}", run.prefix(), run.name(),
                                     run.is_plan()
                                         ? "a plan has no time, and no point"
                                         : "without MACs, bytes on the bus, time, or the device's "
                                           "array and clock there is no point"));
      continue;
    }
    const Roofs& roof = found->roofs;
    const RooflinePoint& point = found->point;
    const auto same =
        std::ranges::find_if(roofs, [&](const Roofs& other) { return alike(other, roof); });
    if (same == roofs.end()) {
      roofs.push_back(roof);
      roofs.back().name = runs.size() == 1 ? "roof" : "roof of " + run.letter();
    } else {
      same->name += ", " + run.letter();
    }
    points.push_back(point);
    entries.emplace_back(point.colour, run.prefix() + run.name());
    const double allowed =
        std::min(roof.macs_per_second, point.macs_per_byte * roof.bytes_per_second);
    table.row(
        run.prefix() + run.name(),
        {number_cell(short_number(roof.macs_per_second)),
         number_cell(short_number(roof.bytes_per_second)),
         number_cell(shown(roof.macs_per_second / roof.bytes_per_second)),
         number_cell(shown(point.macs_per_byte)), number_cell(short_number(point.macs_per_second)),
         number_cell(percent(point.macs_per_second / allowed))});
  }
  if (points.empty()) return lacking;
  const std::string caption = "Roofline: what array and DRAM allow, and what each result reached";
  return figure(caption, roofline_chart(caption, roofs, points)) + legend(entries) + table.text() +
         "<p>The flat roof is rows × columns × clock of the array; the slope is the DRAM's peak, "
         "which the result states as bandwidth and percent of it. MACs are useful ones, those of "
         "the readout among them. A result has neither MACs nor bytes on the bus by layer, so that "
         "only whole steps are points.</p>\n" +
         lacking;
}

}  // namespace spillway::analysis::pages
