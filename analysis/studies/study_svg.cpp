// A study's figure, after the paper's Figures 3 to 5: test accuracy as bars by layer and rule,
// training accuracy as a mark above, rules with a readout alone as lines across.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "analysis/studies/study.hpp"

namespace spillway::analysis {

namespace {

constexpr double left = 80, bottom = 60, plot_height = 330;
constexpr const char* colours[] = {"#2d6a9f", "#e08e2b", "#4f9d69", "#8b5fa8", "#c2554d",
                                   "#5ab4c5", "#9a8c3c", "#d77fb0", "#6b6b6b", "#3c4f9a"};

constexpr const char* line_colours[] = {"#111111", "#8c1c13", "#1b5e3a", "#4a2c82", "#7a5c00"};

const char* colour(std::size_t i) { return colours[i % std::size(colours)]; }

struct Series {
  std::string label;
  const StudyOutcome* outcome;
  const char* colour;
};

/// Rules with a decision in every layer are bars; those with a readout alone are lines.
void split(const StudyResult& result, std::vector<Series>& bars, std::vector<Series>& lines) {
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyOutcome& outcome = result.outcomes[r];
    const bool bar = outcome.layers.size() > 1;
    auto& group = bar ? bars : lines;
    group.push_back(
        {result.study.rows[r].label, &outcome,
         bar ? colour(bars.size()) : line_colours[lines.size() % std::size(line_colours)]});
  }
}

svg::Axis make_axis(const StudyResult& result, double top, double right_edge) {
  double least = 100;
  for (const StudyOutcome& outcome : result.outcomes) {
    for (const auto& seeds : outcome.test) least = std::min(least, mean(seeds));
    for (const auto& seeds : outcome.train) least = std::min(least, mean(seeds));
  }
  const double span = svg::round_up((100 - least) * 1.15 / 6) * 6;
  const double step = svg::round_up(span / 6 * 0.999);
  const double low = std::max(0.0, 100 - step * std::ceil((100 - least) * 1.1 / step));
  const int lines = static_cast<int>(std::lround((100 - low) / step));
  return {low, step, std::max(lines, 1), top, top + plot_height, left, right_edge};
}

std::string bars_of(const Series& series, const svg::Axis& axis, std::size_t place,
                    std::size_t count, double group_width) {
  std::string text;
  const double bar = group_width * 0.84 / static_cast<double>(count);
  for (std::size_t i = 0; i < series.outcome->layers.size(); ++i) {
    const double x = axis.left + group_width * (static_cast<double>(i) + 0.08) +
                     bar * static_cast<double>(place);
    const auto clamped = [&](double value) { return axis.y(std::max(value, axis.low)); };
    const double test = mean(series.outcome->test[i]), train = mean(series.outcome->train[i]);
    text += svg::rectangle(x + 0.5, clamped(test), bar - 1, axis.y(axis.low) - clamped(test),
                           series.colour);
    text += svg::line(x + 1, clamped(train), x + bar - 1, clamped(train), "#222222",
                      " stroke-width=\"2\"");
    const double error = spread(series.outcome->test[i]);
    if (error > 0) {
      const double middle = x + bar / 2;
      text += svg::line(middle, clamped(test - error), middle, clamped(test + error), "#222222");
    }
    if (bar > 30) {
      text += svg::text(x + bar / 2, axis.bottom - 6, fmt::format("{:.1f}", test), "middle", 11,
                        " style=\"fill:#ffffff\"");
    }
  }
  return text;
}

std::string legend(const std::vector<Series>& bars, const std::vector<Series>& lines, double x,
                   double y) {
  std::string text;
  for (const Series& series : bars) {
    text += svg::rectangle(x, y - 11, 14, 14, series.colour);
    text += svg::text(x + 20, y, series.label, "start", 12);
    y += 21;
  }
  for (const Series& series : lines) {
    text += svg::line(x, y - 4, x + 14, y - 4, series.colour,
                      " stroke-width=\"2\" stroke-dasharray=\"5 3\"");
    text +=
        svg::text(x + 20, y, fmt::format("{} {:.1f}", series.label, mean(series.outcome->test[0])),
                  "start", 12);
    y += 21;
  }
  if (!bars.empty()) {
    text += svg::line(x, y - 4, x + 14, y - 4, "#222222", " stroke-width=\"2\"");
    text += svg::text(x + 20, y, "training accuracy", "start", 12);
  }
  return text;
}

}  // namespace

std::string study_svg(const StudyResult& result) {
  std::vector<Series> bars, lines;
  split(result, bars, lines);
  if (bars.empty()) bars.swap(lines);  // readouts alone: a bar each
  std::vector<std::string> layers{"readout"};
  if (!bars.empty()) layers = bars.front().outcome->layers;
  const double bar_width =
      std::clamp(1000.0 / static_cast<double>(layers.size() * bars.size() + 1), 8.0, 60.0);
  const double group_width =
      std::max(60.0, bar_width * static_cast<double>(std::max<std::size_t>(bars.size(), 1)) / 0.84);
  std::size_t longest = 18;
  for (const StudyRow& row : result.study.rows) longest = std::max(longest, row.label.size() + 5);
  const double right = 50 + 7.2 * static_cast<double>(longest);
  const double width =
      std::max(660.0, left + right + group_width * static_cast<double>(layers.size()));
  const double top = 70;
  const double height =
      std::max(top + plot_height + bottom,
               top + 21.0 * static_cast<double>(bars.size() + lines.size() + 1) + 20);
  const svg::Axis axis = make_axis(result, top, width - right);
  const double stretched = (axis.right - axis.left) / static_cast<double>(layers.size());
  std::string text = svg::begin(width, height, result.study.title);
  text += svg::text(left, 52,
                    fmt::format("{}, {} training images, {}{}",
                                counted(static_cast<std::uint64_t>(result.setting.epochs), "epoch"),
                                grouped(result.train_images),
                                counted(static_cast<std::uint64_t>(result.setting.seeds), "seed"),
                                result.setting.seeds == 1 ? "" : " (whiskers: their spread)"),
                    "start", 13);
  text +=
      axis.grid(axis.low == 0 ? "accuracy on test images, %"
                              : fmt::format("accuracy on test images, % (from {:g} on)", axis.low));
  for (std::size_t i = 0; i < bars.size(); ++i) {
    text += bars_of(bars[i], axis, i, bars.size(), stretched);
  }
  for (std::size_t i = 0; i < layers.size() && !bars.empty(); ++i) {
    text += svg::text(axis.left + stretched * (static_cast<double>(i) + 0.5), axis.bottom + 22,
                      layers[i], "middle", 13);
  }
  for (const Series& series : lines) {
    const double y = axis.y(std::max(mean(series.outcome->test[0]), axis.low));
    text += svg::line(axis.left, y, axis.right, y, series.colour,
                      " stroke-width=\"2\" stroke-dasharray=\"5 3\"");
  }
  text += legend(bars, lines, width - right + 16, top + 10);
  return text + svg::end();
}

}  // namespace spillway::analysis
