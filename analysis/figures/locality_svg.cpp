// The figure of the locality dial: panels one below the other over the number of blocks, from the
// most local setting to backpropagation. Words have a curve for each size of the buffer.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/figures/explore_buffer.hpp"
#include "analysis/figures/locality.hpp"
#include "analysis/formats/svg.hpp"

namespace spillway::analysis {

namespace {

constexpr double left = 80, right = 30, plot_width = 640, inset = 24, legend_top = 82;
constexpr double words_height = 280, small_height = 130, between = 34, bottom = 62;
constexpr const char* colours[] = {"#b4552d", "#2d6a9f", "#3c8d4f", "#7a4b9d", "#a23b72"};
constexpr const char* own_colour = "#444444";

using Value = std::function<std::optional<double>(const LocalityRow&)>;

double in_millions(std::uint64_t count) { return static_cast<double>(count) / 1e6; }

svg::Style size_style(const Locality& locality, std::size_t size) {
  const std::size_t row = size * locality.settings.size();
  return {size_name(locality.rows[row].buffer) + " on chip", colours[size % std::size(colours)],
          " stroke-width=\"2.5\"", 4};
}

std::size_t size_count(const Locality& locality) {
  return locality.rows.size() / locality.settings.size();
}

double x_of(const Locality& locality, std::size_t setting) {
  const double steps = std::max<double>(static_cast<double>(locality.settings.size()) - 1, 1);
  return left + inset + (plot_width - 2 * inset) * static_cast<double>(setting) / steps;
}

/// Values of the rows of one size that have one.
template <class Axis>
std::string curve_of(const Locality& locality, std::size_t size, const Axis& axis,
                     const svg::Style& style, const Value& value) {
  std::vector<std::pair<double, double>> points;
  for (std::size_t s = 0; s < locality.settings.size(); ++s) {
    const auto found = value(locality.rows[size * locality.settings.size() + s]);
    if (found) points.emplace_back(x_of(locality, s), axis.y(*found));
  }
  return svg::curve(points, style);
}

std::vector<double> values_of(const Locality& locality, const Value& value) {
  std::vector<double> values;
  for (const LocalityRow& row : locality.rows) {
    if (const auto found = value(row)) values.push_back(*found);
  }
  return values;
}

/// Marks between the settings with local errors and backpropagation, and at each setting.
std::string ticks(const Locality& locality, double top, double below, bool labelled) {
  const std::size_t settings = locality.settings.size();
  const double before_bp = (x_of(locality, settings - 2) + x_of(locality, settings - 1)) / 2;
  std::string text = svg::line(before_bp, top, before_bp, below, "#999999",
                               " stroke-width=\"1\" stroke-dasharray=\"3 4\"");
  for (std::size_t s = 0; s < settings; ++s) {
    const double x = x_of(locality, s);
    text += svg::line(x, below, x, below + 5, "#333333");
    if (!labelled) continue;
    const auto& blocks = locality.settings[s].blocks;
    text += svg::text(x, below + 20, blocks ? std::to_string(*blocks) : "BP", "middle", 12);
  }
  return text;
}

/// From zero.
svg::Axis axis_to(double most, double top, double height) {
  constexpr int lines = 4;
  const double step = svg::round_up(std::max(most, 1e-9) / lines);
  const int needed = std::max(1, static_cast<int>(std::ceil(most / step - 1e-9)));
  return {0, step, needed, top, top + height, left, left + plot_width};
}

std::string words_panel(const Locality& locality, double top) {
  const Value words = [](const LocalityRow& row) -> std::optional<double> {
    if (!row.point.planned()) return std::nullopt;
    return in_millions(row.words().count());
  };
  std::vector<double> values = values_of(locality, words);
  if (values.empty()) values = {1};
  const auto [least, most] = std::ranges::minmax(values);
  const auto drawn = [&](const auto& axis) {
    std::string text = axis.grid("millions of 32-bit words");
    for (std::size_t size = 0; size < size_count(locality); ++size) {
      text += curve_of(locality, size, axis, size_style(locality, size), words);
    }
    return text + ticks(locality, axis.top, axis.bottom, false);
  };
  constexpr double wide = 6;  // above it the lower curves would lie on the axis
  if (most < wide * least) return drawn(axis_to(most, top, words_height));
  return drawn(svg::LogAxis{std::max(least, 1e-6) / 1.15, std::max(most, 1e-6) * 1.15, top,
                            top + words_height, left, left + plot_width});
}

std::string small_panel(const Locality& locality, double top, const std::string& label,
                        const Value& value, bool last) {
  const std::vector<double> values = values_of(locality, value);
  const svg::Axis axis = axis_to(values.empty() ? 1 : std::ranges::max(values), top, small_height);
  // What does not depend on the buffer is the same in all rows.
  const svg::Style style{"", own_colour, " stroke-width=\"2\"", 3.5};
  return axis.grid(label) + curve_of(locality, size_count(locality) - 1, axis, style, value) +
         ticks(locality, axis.top, axis.bottom, last);
}

}  // namespace

std::string locality_svg(const Locality& locality) {
  std::vector<svg::Style> styles;
  for (std::size_t size = 0; size < size_count(locality); ++size) {
    styles.push_back(size_style(locality, size));
  }
  const svg::Legend legend = svg::legend(styles, left, legend_top, plot_width);
  struct Panel {
    std::string label;
    Value value;
  };
  std::vector<Panel> panels{
      {"billion MACs",
       [](const LocalityRow& row) -> std::optional<double> {
         if (!row.point.planned()) return std::nullopt;
         return in_millions((row.point.macs + row.point.readout).count()) / 1e3;
       }},
      {"MiB alive at once", [](const LocalityRow& row) {
         return std::optional(static_cast<double>(row.need.count()) / (1 << 20));
       }}};
  if (locality.epochs > 0) {
    panels.push_back({"test %", [](const LocalityRow& row) {
                        return row.accuracy ? std::optional(100 * *row.accuracy) : std::nullopt;
                      }});
  }
  const double words_top = legend.bottom + 26;
  const auto panel_top = [&](std::size_t panel) {
    return words_top + words_height + between +
           static_cast<double>(panel) * (small_height + between);
  };
  const double last_bottom = panel_top(panels.size() - 1) + small_height;
  std::string text = svg::begin(left + plot_width + right, last_bottom + bottom,
                                fmt::format("{}: the locality dial", locality.network));
  text += svg::text(left, 54,
                    fmt::format("one mini-batch of {}, policy {}, by the number of blocks with "
                                "errors of their own",
                                locality.batch, sim::to_string(locality.policy)),
                    "start", 13);
  if (!locality.searched_alike) {
    text += svg::text(left + plot_width - 4, words_top + words_height - 10,
                      "chains, at the ends, are searched more widely", "end", 12);
  }
  text += legend.text + words_panel(locality, words_top);
  for (std::size_t p = 0; p < panels.size(); ++p) {
    text += small_panel(locality, panel_top(p), panels[p].label, panels[p].value,
                        p + 1 == panels.size());
  }
  text += svg::text(left + plot_width / 2, last_bottom + 44,
                    fmt::format("blocks of {}, and backpropagation", rule_title(locality.rule)),
                    "middle", 14);
  return text + svg::end();
}

}  // namespace spillway::analysis
