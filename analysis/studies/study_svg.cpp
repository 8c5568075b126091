// A study's figure: a line of its own for each row and layer, so that a row is named where it
// stands, with its test and training accuracy and the paper's as marks, and the figures beside
// them.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "analysis/studies/study.hpp"

namespace spillway::analysis {

namespace {

constexpr double line_height = 16, row_gap = 8, lines_head = 104, lines_foot = 58;
constexpr double lines_width = 520, number_width = 62;
constexpr const char* test_colour = "#1f5f99";
constexpr const char* paper_colour = "#d9731a";
constexpr const char* train_colour = "#777777";
constexpr const char* lines_quiet = " style=\"fill:#666666\"";

std::string lines_ring(double x, double y, double radius, const char* colour) {
  return fmt::format(
      "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"#ffffff\" stroke=\"{}\" "
      "stroke-width=\"1.8\"/>\n",
      x, y, radius, colour);
}

std::string lines_tick(double x, double y) {
  return svg::line(x, y - 5, x, y + 5, train_colour, " stroke-width=\"2\"");
}

/// An accuracy axis from left to right.
struct LinesScale {
  double low, step;
  int steps;
  double left, right;
  double x(double value) const {
    return left + (right - left) * (std::max(value, low) - low) / (step * steps);
  }
};

/// From the test accuracies and the paper's: dropout may hold training accuracies far below.
LinesScale lines_scale(const StudyResult& result, double left) {
  double least = 100, most = 0;
  const auto take = [&](double value) {
    least = std::min(least, value);
    most = std::max(most, value);
  };
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyOutcome& outcome = result.outcomes[r];
    for (const auto& seeds : outcome.test) take(mean(seeds));
    for (const double paper : result.study.rows[r].paper) take(paper);
    for (const auto& seeds : outcome.train) most = std::max(most, mean(seeds));
  }
  const double step = svg::round_up(std::max(most - least, 0.5) / 6);
  const double low = std::max(0.0, step * std::floor((least - step / 4) / step));
  const double high = std::min(100.0, step * std::ceil((most + step / 4) / step));
  return {low, step, static_cast<int>(std::lround(std::ceil((high - low) / step))), left,
          left + lines_width};
}

std::string lines_grid(const LinesScale& scale, double top, double bottom) {
  std::string text;
  for (int i = 0; i <= scale.steps; ++i) {
    const double value = scale.low + i * scale.step;
    text += svg::line(scale.x(value), top, scale.x(value), bottom, "#dddddd");
    text += svg::text(scale.x(value), bottom + 18, fmt::format("{:g}", value), "middle", 13);
  }
  return text + svg::text((scale.left + scale.right) / 2, bottom + 42,
                          scale.low == 0
                              ? "accuracy, %"
                              : fmt::format("accuracy, % (the axis begins at {:g})", scale.low),
                          "middle", 14);
}

std::string lines_legend(const StudyResult& result, double x, double y, bool paper) {
  std::string text = svg::circle(x + 5, y - 4, 4.5, test_colour);
  text += svg::text(x + 16, y, "test images", "start", 13);
  x += 112;
  text += lines_tick(x + 5, y - 4);
  text += svg::text(x + 16, y, "training images (\u2039 further left)", "start", 13);
  x += 230;
  if (paper) {
    text += lines_ring(x + 5, y - 4, 4.5, paper_colour);
    text += svg::text(
        x + 16, y,
        result.study.paper_epochs > 0
            ? fmt::format("the paper, test images, after {} epochs", result.study.paper_epochs)
            : "the paper, test images",
        "start", 13);
  }
  return text;
}

/// A layer of a row at height `y`.
std::string line_marks(const StudyResult& result, std::size_t row, std::size_t layer,
                       const LinesScale& scale, double y) {
  const StudyOutcome& outcome = result.outcomes[row];
  const std::vector<double>& paper = result.study.rows[row].paper;
  const double test = mean(outcome.test[layer]), error = spread(outcome.test[layer]);
  const double train = mean(outcome.train[layer]);
  std::string text = train < scale.low
                         ? svg::text(scale.left + 3, y + 4, fmt::format("\u2039 {:.1f}", train),
                                     "start", 11, lines_quiet)
                         : lines_tick(scale.x(train), y);
  if (layer < paper.size()) text += lines_ring(scale.x(paper[layer]), y, 4.5, paper_colour);
  if (error > 0) {
    text += svg::line(scale.x(test - error), y, scale.x(test + error), y, test_colour,
                      " stroke-width=\"1.5\"");
  }
  text += svg::circle(scale.x(test), y, 4.5, test_colour);
  double x = scale.right + number_width;
  text += svg::text(x, y + 4, fmt::format("{:.2f}", test), "end", 12);
  if (layer < paper.size()) {
    x += number_width;
    text += svg::text(x, y + 4, fmt::format("{:.1f}", paper[layer]), "end", 12, lines_quiet);
  }
  return text;
}

std::string lines_setting(const StudyResult& result) {
  return fmt::format("{}, {} training images, {}{}",
                     counted(static_cast<std::uint64_t>(result.setting.epochs), "epoch"),
                     grouped(result.train_images),
                     counted(static_cast<std::uint64_t>(result.setting.seeds), "seed"),
                     result.setting.seeds == 1 ? "" : " (lines through the dots: their spread)");
}

}  // namespace

std::string study_svg(const StudyResult& result) {
  std::size_t longest = 8, longest_layer = 4, lines = 0;
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    longest = std::max(longest, result.study.rows[r].label.size());
    lines += result.outcomes[r].layers.size();
    for (const std::string& layer : result.outcomes[r].layers) {
      longest_layer = std::max(longest_layer, layer.size());
    }
  }
  const bool paper = std::ranges::any_of(result.study.rows,
                                         [](const StudyRow& row) { return !row.paper.empty(); });
  const double labels = 24, layers = labels + 7.8 * static_cast<double>(longest) + 14;
  const LinesScale scale =
      lines_scale(result, layers + 7.2 * static_cast<double>(longest_layer) + 16);
  const double bottom = lines_head + line_height * static_cast<double>(lines) +
                        row_gap * static_cast<double>(result.outcomes.size());
  const double width = std::max(scale.right + number_width * (paper ? 2 : 1) + 24,
                                80 + 11.5 * static_cast<double>(result.study.title.size()));
  std::string text = svg::begin(width, bottom + lines_foot, result.study.title);
  text += svg::text(80, 52, lines_setting(result), "start", 13);
  text += lines_legend(result, 80, 78, paper);
  text += svg::text(scale.right + number_width, 78, "test %", "end", 12);
  if (paper)
    text += svg::text(scale.right + 2 * number_width, 78, "paper %", "end", 12, lines_quiet);
  text += lines_grid(scale, lines_head - 10, bottom);
  double y = lines_head;
  for (std::size_t r = 0; r < result.outcomes.size(); ++r) {
    const StudyOutcome& outcome = result.outcomes[r];
    text += svg::text(labels, y + line_height / 2 + 4, result.study.rows[r].label, "start", 13,
                      " font-weight=\"bold\"");
    for (std::size_t i = 0; i < outcome.layers.size(); ++i) {
      const double middle = y + line_height / 2;
      text += svg::text(layers, middle + 4, outcome.layers[i], "start", 12, lines_quiet);
      text += line_marks(result, r, i, scale, middle);
      y += line_height;
    }
    y += row_gap;
    if (r + 1 < result.outcomes.size()) {
      text += svg::line(labels, y - row_gap / 2, width - 24, y - row_gap / 2, "#eeeeee");
    }
  }
  return text + svg::end();
}

}  // namespace spillway::analysis
