#include "analysis/sweeps/sweep_figures.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <map>

#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "analysis/sweeps/figure_scale.hpp"
#include "workloads/support/error.hpp"
#include "workloads/support/nearest.hpp"

namespace spillway::analysis {

using workloads::InputError;

namespace {

constexpr double width = 960, height = 560, left = 96, top = 56, bottom = 470;
constexpr double plot_right = 700;  // the legend stands beside it
constexpr std::size_t most_series = 14, most_names = 14;

const std::array<std::string, 7> colours{"#1b6ca8", "#c8553d", "#3a7d44", "#8e5aa8",
                                         "#b8860b", "#4a4a4a", "#d6599a"};

std::string colour_of(std::size_t series) { return colours[series % colours.size()]; }

/// A dashed line tells the second round of colours from the first.
std::string dash_of(std::size_t series) {
  return series < colours.size() ? "" : " stroke-dasharray=\"6 3\"";
}

std::size_t axis_place(const SweepTable& table, const std::string& name) {
  const std::vector<const Axis*> axes = table.sweep.axes();
  const auto found = std::ranges::find(axes, name, &Axis::name);
  return static_cast<std::size_t>(found - axes.begin());
}

std::vector<std::string> axis_names(const SweepTable& table) {
  std::vector<std::string> names;
  for (const Axis* axis : table.sweep.axes()) names.push_back(axis->name);
  return names;
}

std::vector<std::string> metric_names(const SweepTable& table) {
  std::vector<std::string> names;
  for (const Metric& metric : table.sweep.metrics) names.push_back(metric.name);
  return names;
}

void require_name(const char* option, const std::string& name,
                  const std::vector<std::string>& allowed) {
  if (std::ranges::find(allowed, name) != allowed.end()) return;
  throw InputError(fmt::format("--{}: found \"{}\"; allowed: {}{}", option,
                               workloads::printable(name), workloads::joined(allowed),
                               workloads::did_you_mean(name, allowed)));
}

std::string label_of(const SweepTable& table, const std::string& metric) {
  const std::string& unit = table.sweep.metrics[table.metric(metric)].unit;
  return unit.empty() || unit == metric ? metric : metric + ", " + unit;
}

bool is_maximised(const SweepTable& table, const std::string& metric) {
  const auto found = std::ranges::find(table.objectives, metric, &Objective::metric);
  return found != table.objectives.end() && found->maximise;
}

/// The rows that have a metric.
std::vector<const SweepRow*> rows_with(const SweepTable& table,
                                       const std::vector<std::string>& metrics) {
  std::vector<const SweepRow*> rows;
  for (const SweepRow& row : table.rows) {
    const bool has_all = std::ranges::all_of(metrics, [&](const std::string& metric) {
      return row.metrics[table.metric(metric)].has_value();
    });
    if (row.status == PointStatus::done && has_all) rows.push_back(&row);
  }
  if (rows.empty()) {
    throw InputError("found no point with " + workloads::joined(metrics) +
                     "; allowed: metrics that some points have");
  }
  return rows;
}

/// An axis of a figure: numbers where all values are, or names in their order.
class AxisScale {
 public:
  AxisScale(const Axis& axis, double begin, double end, bool as_names)
      : axis_(axis), names_(as_names || !numeric(axis)), scale_(made(axis, begin, end, names_)) {}

  double place(const AxisValue& value) const {
    if (!names_) return scale_.place(*value.shown.number);
    return scale_.place(static_cast<double>(&value - axis_.values.data()));
  }
  std::vector<std::pair<double, std::string>> marks() const {
    if (names_ || axis_.values.size() > 12) return scale_.marks();
    std::vector<std::pair<double, std::string>> marks;  // each value has its own
    for (const AxisValue& value : axis_.values) marks.emplace_back(place(value), value.shown.text);
    return marks;
  }
  bool is_names() const { return names_; }

 private:
  static bool numeric(const Axis& axis) {
    return std::ranges::all_of(
        axis.values, [](const AxisValue& value) { return value.shown.number.has_value(); });
  }
  static FigureScale made(const Axis& axis, double begin, double end, bool names) {
    std::vector<std::string> texts;
    std::vector<double> numbers;
    for (const AxisValue& value : axis.values) {
      texts.push_back(value.shown.text);
      numbers.push_back(value.shown.number.value_or(0));
    }
    return names ? FigureScale(texts, begin, end) : FigureScale(numbers, begin, end);
  }

  const Axis& axis_;
  bool names_;
  FigureScale scale_;
};

using Marks = std::vector<std::pair<double, std::string>>;

std::string x_axis(const Marks& marks, const std::string& label, bool grid) {
  std::string out = svg::line(left, bottom, plot_right, bottom, "#333333");
  const bool slanted = marks.size() > 8;
  for (const auto& [x, text] : marks) {
    if (grid) out += svg::line(x, top, x, bottom, "#eeeeee");
    out += svg::line(x, bottom, x, bottom + 5, "#333333");
    out += slanted
               ? svg::text(x, bottom + 18, text, "end", 11,
                           fmt::format(" transform=\"rotate(-35 {:.1f} {:.1f})\"", x, bottom + 18))
               : svg::text(x, bottom + 20, text, "middle", 12);
  }
  return out + svg::text((left + plot_right) / 2, height - 22, label, "middle", 14);
}

std::string y_axis(const Marks& marks, const std::string& label, bool grid) {
  std::string out = svg::line(left, top, left, bottom, "#333333");
  for (const auto& [y, text] : marks) {
    if (grid) out += svg::line(left, y, plot_right, y, "#eeeeee");
    out += svg::text(left - 8, y + 4, text, "end", 12);
  }
  const double middle = (top + bottom) / 2;
  return out + svg::text(22, middle, label, "middle", 14,
                         fmt::format(" transform=\"rotate(-90 22 {:.1f})\"", middle));
}

/// What a point is, for who points at it.
std::string title_of(const SweepTable& table, const SweepRow& row) {
  std::string text = fmt::format("point {}", row.number);
  const std::vector<const Axis*> axes = table.sweep.axes();
  const std::vector<const AxisValue*> values = table.values(row);
  for (std::size_t i = 0; i < axes.size(); ++i) {
    if (values[i] != nullptr) text += fmt::format("; {} {}", axes[i]->name, values[i]->shown.text);
  }
  for (std::size_t i = 0; i < row.metrics.size(); ++i) {
    text += fmt::format("; {} {}", table.sweep.metrics[i].name, metric_text(row.metrics[i]));
  }
  return text;
}

std::string with_title(const std::string& shape, const std::string& title) {
  return "<g>" + shape + "<title>" + svg::escaped(title) + "</title></g>\n";
}

std::string legend(const std::vector<std::string>& names, const std::string& heading) {
  std::string out = svg::text(plot_right + 24, top + 4, heading, "start", 12);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const double y = top + 26 + 20 * static_cast<double>(i);
    out += svg::line(plot_right + 24, y - 4, plot_right + 48, y - 4, colour_of(i),
                     " stroke-width=\"3\"" + dash_of(i));
    out += svg::text(plot_right + 56, y, names[i], "start", 12);
  }
  return out;
}

/// The better of two values of a metric.
bool is_better(double a, double b, bool maximise) { return maximise ? a > b : a < b; }

std::string choice_note(const SweepTable& table, const std::string& metric, bool chosen) {
  if (!chosen) return table.title;
  return fmt::format("{}: {} {} over the other axes", table.title,
                     is_maximised(table, metric) ? "most" : "least", metric);
}

struct Line {
  std::string name;
  std::map<double, const SweepRow*> best;  // by place on x
};

std::string lines_svg(const SweepTable& table, const FigureRequest& request) {
  const std::vector<const SweepRow*> rows = rows_with(table, {request.value});
  const std::size_t metric = table.metric(request.value), x = axis_place(table, request.x);
  const bool maximise = is_maximised(table, request.value);
  const AxisScale across(*table.sweep.axes()[x], left + 16, plot_right - 16, false);
  const std::size_t series = request.series.empty() ? x : axis_place(table, request.series);
  std::vector<Line> lines;
  std::vector<double> shown;
  bool chosen = false;
  for (const SweepRow* row : rows) {
    const std::vector<const AxisValue*> values = table.values(*row);
    if (values[x] == nullptr) continue;
    const std::string name = series == x                 ? request.value
                             : values[series] == nullptr ? "-"
                                                         : values[series]->shown.text;
    auto line = std::ranges::find(lines, name, &Line::name);
    if (line == lines.end()) line = lines.insert(lines.end(), Line{name, {}});
    const auto [place, fresh] = line->best.try_emplace(across.place(*values[x]), row);
    chosen = chosen || !fresh;
    if (is_better(*row->metrics[metric], *place->second->metrics[metric], maximise)) {
      place->second = row;
    }
  }
  if (lines.size() > most_series) {
    throw InputError(fmt::format("--series: found {} values of {}; allowed: an axis of at most {}",
                                 lines.size(), request.series, most_series));
  }
  for (const Line& line : lines) {
    for (const auto& [place, row] : line.best) shown.push_back(*row->metrics[metric]);
  }
  const FigureScale up(shown, bottom, top);
  std::string out = svg::begin(width, height, choice_note(table, request.value, chosen)) +
                    y_axis(up.marks(), label_of(table, request.value), true) +
                    x_axis(across.marks(), request.x, true);
  std::vector<std::string> names;
  for (std::size_t i = 0; i < lines.size(); ++i) {
    std::vector<std::pair<double, double>> points;
    std::string circles;
    for (const auto& [place, row] : lines[i].best) {
      points.emplace_back(place, up.place(*row->metrics[metric]));
      circles += with_title(svg::circle(place, points.back().second, 4, colour_of(i)),
                            title_of(table, *row));
    }
    out += svg::polyline(points, colour_of(i), " stroke-width=\"2\"" + dash_of(i)) + circles;
    names.push_back(lines[i].name);
  }
  if (series != x) out += legend(names, request.series);
  return out + svg::end();
}

/// From light to dark as `share` goes from 0 to 1.
std::string shade(double share) {
  const auto mix = [&](int light, int dark) {
    return static_cast<int>(std::lround(light + (dark - light) * share));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", mix(0xed, 0x12), mix(0xf4, 0x4e), mix(0xfb, 0x78));
}

std::string heat_map_svg(const SweepTable& table, const FigureRequest& request) {
  const std::vector<const SweepRow*> rows = rows_with(table, {request.value});
  const std::size_t metric = table.metric(request.value);
  const std::size_t x = axis_place(table, request.x), y = axis_place(table, request.y);
  const Axis &x_of = *table.sweep.axes()[x], &y_of = *table.sweep.axes()[y];
  const AxisScale across(x_of, left, plot_right, true), up(y_of, bottom, top, true);
  const bool maximise = is_maximised(table, request.value);
  std::map<std::pair<const AxisValue*, const AxisValue*>, const SweepRow*> cells;
  bool chosen = false;
  for (const SweepRow* row : rows) {
    const std::vector<const AxisValue*> values = table.values(*row);
    if (values[x] == nullptr || values[y] == nullptr) continue;
    const auto [cell, fresh] = cells.try_emplace({values[x], values[y]}, row);
    chosen = chosen || !fresh;
    if (is_better(*row->metrics[metric], *cell->second->metrics[metric], maximise)) {
      cell->second = row;
    }
  }
  std::vector<double> shown;
  for (const auto& [place, row] : cells) shown.push_back(*row->metrics[metric]);
  const FigureScale dark(shown, 0, 1);
  const double cell_width = (plot_right - left) / static_cast<double>(x_of.values.size());
  const double cell_height = (bottom - top) / static_cast<double>(y_of.values.size());
  std::string out = svg::begin(width, height, choice_note(table, request.value, chosen));
  for (const auto& [place, row] : cells) {
    const double value = *row->metrics[metric];
    const double share = std::clamp(dark.place(value), 0.0, 1.0);
    const double cx = across.place(*place.first), cy = up.place(*place.second);
    std::string cell = svg::rectangle(cx - cell_width / 2 + 1, cy - cell_height / 2 + 1,
                                      cell_width - 2, cell_height - 2, shade(share));
    if (cell_width >= 44 && cell_height >= 16) {
      cell += svg::text(cx, cy + 4, short_number(value), "middle", 12,
                        share > 0.55 ? " fill=\"#ffffff\"" : "");
    }
    out += with_title(cell, title_of(table, *row));
  }
  out += y_axis(up.marks(), request.y, false) + x_axis(across.marks(), request.x, false);
  out += svg::text(plot_right + 24, top + 4, label_of(table, request.value), "start", 12);
  for (const auto& [place, text] : dark.marks()) {
    const double where = top + 24 + 200 * (1 - place);
    out += svg::rectangle(plot_right + 24, where - 10, 24, 14, shade(std::clamp(place, 0.0, 1.0)));
    out += svg::text(plot_right + 56, where + 2, text, "start", 12);
  }
  return out + svg::end();
}

/// Whether rows differ in an axis.
bool varies(const SweepTable& table, const std::vector<const SweepRow*>& rows, std::size_t axis) {
  return std::ranges::any_of(rows, [&](const SweepRow* row) {
    return table.values(*row)[axis] != table.values(*rows[0])[axis];
  });
}

std::string scatter_svg(const SweepTable& table, const FigureRequest& request) {
  const std::vector<const SweepRow*> rows = rows_with(table, {request.x, request.y});
  const std::size_t x = table.metric(request.x), y = table.metric(request.y);
  std::vector<double> xs, ys;
  for (const SweepRow* row : rows) {
    xs.push_back(*row->metrics[x]);
    ys.push_back(*row->metrics[y]);
  }
  const FigureScale across(xs, left + 10, plot_right - 10), up(ys, bottom - 10, top + 10);
  std::string out = svg::begin(width, height, table.title) +
                    y_axis(up.marks(), label_of(table, request.y), true) +
                    x_axis(across.marks(), label_of(table, request.x), true);
  std::vector<std::string> names;
  std::string points, front_points, front_names;
  std::vector<std::pair<double, double>> front;
  std::vector<const SweepRow*> named;
  for (const SweepRow* row : rows) {
    const double px = across.place(*row->metrics[x]), py = up.place(*row->metrics[y]);
    std::size_t series = 0;
    if (!request.series.empty()) {
      const AxisValue* value = table.values(*row)[axis_place(table, request.series)];
      const std::string name = value == nullptr ? "-" : value->shown.text;
      const auto found = std::ranges::find(names, name);
      series = static_cast<std::size_t>(found - names.begin());
      if (found == names.end()) names.push_back(name);
    }
    const std::string colour = row->feasible ? colour_of(series) : "#cccccc";
    std::string shape = svg::circle(px, py, row->front ? 6 : 3.5, colour);
    if (row->front) {
      shape = svg::circle(px, py, 8, "#222222") + shape;
      front.emplace_back(px, py);
      named.push_back(row);
    }
    (row->front ? front_points : points) += with_title(shape, title_of(table, *row));
  }
  std::ranges::sort(front);
  if (front.size() > 1) out += svg::polyline(front, "#222222", " stroke-dasharray=\"3 3\"");
  out += points + front_points;
  double y_of_list = top + 4;
  if (!names.empty()) {
    out += legend(names, request.series);
    y_of_list += 46 + 20 * static_cast<double>(names.size());
  }
  if (!named.empty()) out += svg::text(plot_right + 24, y_of_list, "Pareto front", "start", 12);
  for (std::size_t i = 0; i < named.size(); ++i) {
    const double px = across.place(*named[i]->metrics[x]), py = up.place(*named[i]->metrics[y]);
    const double line = y_of_list + 18 * static_cast<double>(i + 1);
    if (line > height - 30 || i == most_names) {
      out += svg::text(plot_right + 24, line, fmt::format("and {} more", named.size() - i), "start",
                       11);
      break;
    }
    out += svg::text(px + 10, py - 8, std::to_string(named[i]->number), "start", 11);
    std::string settings;
    const std::vector<const AxisValue*> values = table.values(*named[i]);
    for (std::size_t axis = 0; axis < values.size(); ++axis) {
      if (values[axis] == nullptr || !varies(table, rows, axis)) continue;
      settings += (settings.empty() ? "" : ", ") + values[axis]->shown.text;
    }
    out += svg::text(plot_right + 24, line, fmt::format("{}: {}", named[i]->number, settings),
                     "start", 11);
  }
  return out + svg::end();
}

}  // namespace

FigureRequest complete(const SweepTable& table, std::optional<FigureKind> kind,
                       FigureRequest request) {
  const std::vector<std::string> axes = axis_names(table), metrics = metric_names(table);
  request.kind =
      kind.value_or(table.objectives.size() > 1 ? FigureKind::scatter : FigureKind::lines);
  const bool scatter = request.kind == FigureKind::scatter;
  const auto fill = [](std::string& name, const std::vector<std::string>& from, std::size_t place) {
    if (name.empty()) name = from[std::min(place, from.size() - 1)];
  };
  std::vector<std::string> wanted;
  for (const Objective& objective : table.objectives) wanted.push_back(objective.metric);
  if (wanted.empty()) wanted = metrics;
  fill(request.value, wanted, 0);
  fill(request.x, scatter ? wanted : axes, 0);
  require_name("x", request.x, scatter ? metrics : axes);
  require_name("value", request.value, metrics);
  if (request.kind != FigureKind::lines) {
    fill(request.y, scatter ? wanted : axes, 1);
    require_name("y", request.y, scatter ? metrics : axes);
    if (request.x == request.y) {
      throw InputError(fmt::format("--y: found \"{}\", as of --x; allowed: another of {}",
                                   request.y, workloads::joined(scatter ? metrics : axes)));
    }
  }
  if (request.kind == FigureKind::lines && request.series.empty() && axes.size() > 1) {
    request.series = axes[request.x == axes[0] ? 1 : 0];
  }
  if (!request.series.empty()) require_name("series", request.series, axes);
  return request;
}

std::string figure_svg(const SweepTable& table, const FigureRequest& request) {
  switch (request.kind) {
    case FigureKind::lines: return lines_svg(table, request);
    case FigureKind::heat_map: return heat_map_svg(table, request);
    case FigureKind::scatter: return scatter_svg(table, request);
  }
  return "";
}

}  // namespace spillway::analysis
