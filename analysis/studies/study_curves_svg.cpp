// The curves of a study: test accuracy by epoch, for each row a plot of its own with a curve for
// each layer, and the rows with a readout alone together in a last one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "analysis/studies/study.hpp"

namespace spillway::analysis {

namespace {

constexpr double curves_width = 230, curves_height = 190, labels_right = 46;
constexpr double plot_column = curves_width + labels_right + 58, plot_line = curves_height + 84;
constexpr double curves_left = 66, curves_head = 122;
constexpr std::size_t plots_across = 4;
constexpr const char* reference_colour = "#999999";
constexpr const char* curves_dashes = " stroke-width=\"1.5\" stroke-dasharray=\"5 3\"";
constexpr const char* readout_colours[] = {"#1f5f99", "#d9731a", "#3c8d4f",
                                           "#8b5fa8", "#a23b40", "#6b6b6b"};

struct StudyCurve {
  std::string label;
  std::string colour;
  std::vector<double> values;  ///< by epoch
};

struct StudyPlot {
  std::string title;
  std::vector<StudyCurve> curves;
};

/// From light, the first layer, to dark, the last.
std::string depth_colour(std::size_t layer, std::size_t layers) {
  constexpr int light[] = {0x62, 0xa8, 0xd6}, dark[] = {0x08, 0x2a, 0x5c};
  const double depth =
      layers < 2 ? 1 : static_cast<double>(layer) / static_cast<double>(layers - 1);
  const auto channel = [&](int i) {
    return static_cast<int>(std::lround(light[i] + depth * (dark[i] - light[i])));
  };
  return fmt::format("#{:02x}{:02x}{:02x}", channel(0), channel(1), channel(2));
}

/// Mean over the seeds, of the epochs that all of them have.
std::vector<double> mean_curve(const std::vector<std::vector<double>>& seeds) {
  std::vector<double> values;
  for (std::size_t epoch = 0;; ++epoch) {
    std::vector<double> at;
    for (const std::vector<double>& seed : seeds) {
      if (epoch < seed.size()) at.push_back(seed[epoch]);
    }
    if (seeds.empty() || at.size() < seeds.size()) return values;
    values.push_back(mean(at));
  }
}

std::vector<StudyPlot> plots_of(const StudyResult& result) {
  std::vector<StudyPlot> plots;
  StudyPlot readouts{"readout alone", {}};
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyOutcome& outcome = result.outcomes[r];
    const std::string& label = result.study.rows[r].label;
    const std::size_t layers = outcome.by_epoch.size();
    if (layers == 1) {
      const std::size_t colour = readouts.curves.size() % std::size(readout_colours);
      readouts.curves.push_back(
          {label, readout_colours[colour], mean_curve(outcome.by_epoch.front())});
      continue;
    }
    StudyPlot plot{label, {}};
    for (std::size_t i = 0; i < layers; ++i) {
      plot.curves.push_back(
          {outcome.layers[i], depth_colour(i, layers), mean_curve(outcome.by_epoch[i])});
    }
    plots.push_back(std::move(plot));
  }
  if (!readouts.curves.empty()) plots.push_back(std::move(readouts));
  return plots;
}

/// The best of the rows with a readout alone, which the other plots show for comparison.
std::optional<StudyCurve> reference_of(const std::vector<StudyPlot>& plots) {
  if (plots.size() < 2 || plots.back().title != "readout alone") return std::nullopt;
  StudyCurve best = *std::ranges::max_element(plots.back().curves, {}, [](const StudyCurve& curve) {
    return curve.values.empty() ? 0.0 : curve.values.back();
  });
  best.colour = reference_colour;
  return best;
}

/// Half of the curves end above it.
double median_end(const std::vector<StudyPlot>& plots) {
  std::vector<double> ends;
  for (const StudyPlot& plot : plots) {
    for (const StudyCurve& curve : plot.curves) {
      if (!curve.values.empty()) ends.push_back(curve.values.back());
    }
  }
  if (ends.empty()) return 0;
  const auto middle = ends.begin() + static_cast<std::ptrdiff_t>(ends.size() / 2);
  std::nth_element(ends.begin(), middle, ends.end());
  return *middle;
}

/// From below where the curves end, so that neither the first epochs nor rows that do not learn
/// press the rest together.
svg::Axis curves_axis(const std::vector<StudyPlot>& plots) {
  const double learns = median_end(plots) / 4;
  double least = 100, most = 0, first = 100;
  for (const StudyPlot& plot : plots) {
    for (const StudyCurve& curve : plot.curves) {
      if (curve.values.empty() || curve.values.back() < learns) continue;
      least = std::min(least, curve.values.back());
      first = std::min(first, *std::ranges::min_element(curve.values));
      most = std::max(most, *std::ranges::max_element(curve.values));
    }
  }
  const double span = std::max(most - least, 0.5);
  const double from = std::max({0.0, first, least - span});
  const double step = svg::round_up((most - from) / 5);
  const double low = std::max(0.0, step * std::floor(from / step));
  const int lines = std::max(1, static_cast<int>(std::ceil((most - low) / step - 1e-9)));
  return {low, step, lines, 0, curves_height, 0, curves_width};
}

struct PlotPlace {
  svg::Axis axis;
  std::size_t epochs;
  double x(std::size_t epoch) const {  // from 1
    if (epochs < 2) return (axis.left + axis.right) / 2;
    return axis.left + (axis.right - axis.left) * static_cast<double>(epoch - 1) /
                           static_cast<double>(epochs - 1);
  }
};

/// The part of a curve that is above the axis; it enters where it crosses it.
std::string study_curve_svg(const StudyCurve& curve, const PlotPlace& place,
                            const std::string& extra) {
  const double low = place.axis.low;
  std::string text;
  std::vector<std::pair<double, double>> points;
  const auto flush = [&] {
    if (points.size() == 1) {
      text += svg::circle(points[0].first, points[0].second, 2.5, curve.colour);
    } else if (points.size() > 1) {
      text += svg::polyline(points, curve.colour, extra);
    }
    points.clear();
  };
  const auto crossing = [&](std::size_t before) {
    const double a = curve.values[before], b = curve.values[before + 1];
    const double share = (low - a) / (b - a);
    const double from = place.x(before + 1), to = place.x(before + 2);
    return std::pair(from + share * (to - from), place.axis.y(low));
  };
  for (std::size_t i = 0; i < curve.values.size(); ++i) {
    const bool above = curve.values[i] >= low;
    const bool was_above = i > 0 && curve.values[i - 1] >= low;
    if (i > 0 && above != was_above) points.push_back(crossing(i - 1));
    if (above) points.emplace_back(place.x(i + 1), place.axis.y(curve.values[i]));
    if (!above) flush();
  }
  flush();
  return text;
}

std::string end_text(const StudyCurve& curve, const PlotPlace& place) {
  const double end = curve.values.back();
  return fmt::format("{} {:.1f}{}", curve.label, end, end < place.axis.low ? " (below)" : "");
}

/// Names and last values at the right end, moved apart where they would run into each other.
std::string end_labels(const std::vector<StudyCurve>& curves, const PlotPlace& place) {
  struct EndLabel {
    double y;
    const StudyCurve* curve;
  };
  constexpr double apart = 12;
  std::vector<EndLabel> labels;
  for (const StudyCurve& curve : curves) {
    if (curve.values.empty()) continue;
    labels.push_back({place.axis.y(std::max(curve.values.back(), place.axis.low)), &curve});
  }
  std::ranges::stable_sort(labels, {}, &EndLabel::y);
  double free_from = place.axis.top - 6;
  for (EndLabel& label : labels) {
    label.y = std::max(label.y, free_from);
    free_from = label.y + apart;
  }
  double free_to = place.axis.bottom + 4;
  for (auto label = labels.rbegin(); label != labels.rend(); ++label) {
    label->y = std::min(label->y, free_to);
    free_to = label->y - apart;
  }
  std::string text;
  for (const EndLabel& label : labels) {
    text += svg::text(place.axis.right + 6, label.y + 4, end_text(*label.curve, place), "start", 11,
                      fmt::format(" style=\"fill:{}\"", label.curve->colour));
  }
  return text;
}

std::string epoch_axis(const PlotPlace& place) {
  std::string text;
  const auto step =
      static_cast<std::size_t>(std::max(1.0, svg::round_up(static_cast<double>(place.epochs) / 5)));
  const auto mark = [&](std::size_t epoch) {
    text += svg::text(place.x(epoch), place.axis.bottom + 17, std::to_string(epoch), "middle", 12);
  };
  if (step > 1) mark(1);
  for (std::size_t epoch = step; epoch <= place.epochs; epoch += step) mark(epoch);
  return text;
}

std::string study_plot_svg(const StudyPlot& plot, const std::optional<StudyCurve>& reference,
                           const PlotPlace& place) {
  std::string text = svg::text(place.axis.left, place.axis.top - 14, plot.title, "start", 14,
                               " font-weight=\"bold\"");
  text += place.axis.grid("") + epoch_axis(place);
  if (reference) text += study_curve_svg(*reference, place, curves_dashes);
  for (const StudyCurve& curve : plot.curves) {
    text += study_curve_svg(curve, place, " stroke-width=\"2\" stroke-linejoin=\"round\"");
  }
  return text + end_labels(plot.curves, place);
}

}  // namespace

std::string study_curves_svg(const StudyResult& result) {
  const std::vector<StudyPlot> plots = plots_of(result);
  const std::optional<StudyCurve> reference = reference_of(plots);
  const svg::Axis axis = curves_axis(plots);
  std::size_t epochs = 1, longest = 0;
  for (const StudyPlot& plot : plots) {
    for (const StudyCurve& curve : plot.curves) {
      epochs = std::max(epochs, curve.values.size());
      longest = std::max(longest, curve.label.size());
    }
  }
  const double wide = plot_column + std::max(0.0, 6.2 * static_cast<double>(longest) - 24);
  const std::size_t across = std::min(plots_across, plots.size());
  const std::size_t down = (plots.size() + across - 1) / across;
  const double width = std::max(curves_left + wide * static_cast<double>(across), 760.0);
  std::string text = svg::begin(width, curves_head + plot_line * static_cast<double>(down) - 14,
                                result.study.title);
  text += svg::text(80, 52,
                    fmt::format("accuracy on test images, %, by epoch; {} training images, {}{}",
                                grouped(result.train_images),
                                counted(static_cast<std::uint64_t>(result.setting.seeds), "seed"),
                                result.setting.seeds == 1 ? "" : ", mean"),
                    "start", 13);
  double legend = 80;
  text += svg::text(legend, 76, "layers from light, the first, to dark, the last", "start", 13);
  if (reference) {
    legend += 320;
    text += svg::line(legend, 72, legend + 26, 72, reference_colour, curves_dashes);
    text += svg::text(legend + 34, 76, reference->label + ", for comparison", "start", 13);
  }
  for (std::size_t i = 0; i < plots.size(); ++i) {
    const double left = curves_left + wide * static_cast<double>(i % across);
    const std::size_t line = i / across;
    const double top = curves_head + plot_line * static_cast<double>(line);
    svg::Axis here = axis;
    here.left = left;
    here.right = left + curves_width;
    here.top = top;
    here.bottom = top + curves_height;
    const bool compared = plots[i].title != "readout alone";
    text += study_plot_svg(plots[i], compared ? reference : std::nullopt, {here, epochs});
  }
  return text + svg::end();
}

}  // namespace spillway::analysis
