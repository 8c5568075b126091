// The bars of Figure 6. Simulated words; the same input gives the same bytes.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figure6.hpp"

namespace spillway::analysis {

namespace {

constexpr double width = 900, height = 500;
constexpr double left = 80, right = 20, top = 84, bottom = 84;
constexpr double plot_width = width - left - right, plot_height = height - top - bottom;
constexpr const char* bp_colour = "#b4552d";
constexpr const char* lel_colour = "#2d6a9f";

/// A round number of at least `value`: 1, 2, 2.5 or 5 times a power of ten.
double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (factor * power >= value) return factor * power;
  }
  return 10 * power;
}

std::string label(double x, double y, const std::string& text, const std::string& anchor, int size,
                  const std::string& extra = "") {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\"{}>{}"
      "</text>\n",
      x, y, anchor, size, extra, text);
}

struct Axis {
  double step, top_value;  // millions of words
  double y(double millions) const { return top + plot_height * (1 - millions / top_value); }
};

Axis make_axis(const Figure6& figure) {
  double most = 0;
  for (const Figure6Row& row : figure.rows) {
    if (row.direction != "macs") most = std::max(most, static_cast<double>(row.simulated) / 1e6);
  }
  const double step = round_up(std::max(most, 1e-6) * 1.08 / 7);
  return {step, step * std::ceil(most * 1.08 / step)};
}

std::string grid(const Axis& axis) {
  std::string svg;
  const int lines = static_cast<int>(std::lround(axis.top_value / axis.step));
  for (int i = 0; i <= lines; ++i) {
    const double value = i * axis.step;
    const double y = axis.y(value);
    svg += fmt::format(
        "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" "
        "stroke=\"{}\"/>\n",
        left, y, width - right, y, i == 0 ? "#333333" : "#dddddd");
    svg += label(left - 8, y + 4, fmt::format("{:g}", value), "end", 13);
  }
  svg += label(22, top + plot_height / 2, "millions of 32-bit words", "middle", 14,
               fmt::format(" transform=\"rotate(-90 22 {:.1f})\"", top + plot_height / 2));
  return svg;
}

std::string legend() {
  std::string svg;
  double x = left;
  for (const auto& [colour, name] :
       {std::pair{bp_colour, "backpropagation (BP)"}, {lel_colour, "local errors (LEL)"}}) {
    svg += fmt::format("<rect x=\"{:.1f}\" y=\"50\" width=\"14\" height=\"14\" fill=\"{}\"/>\n", x,
                       colour);
    svg += label(x + 20, 62, name, "start", 14);
    x += 190;
  }
  return svg;
}

std::uint64_t words(const Figure6& figure, const std::string& network, const std::string& rule,
                    const std::string& direction) {
  for (const Figure6Row& row : figure.rows) {
    if (row.network == network && row.rule == rule && row.direction == direction) {
      return row.simulated;
    }
  }
  return 0;
}

std::string group(const Figure6& figure, const Axis& axis, const std::string& network, double x,
                  double group_width) {
  std::string svg;
  const double bar = group_width * 0.17;
  for (const int d : {0, 1}) {
    const std::string direction = d == 0 ? "read" : "write";
    const double middle = x + group_width * (d == 0 ? 0.29 : 0.71);
    for (const int r : {0, 1}) {
      const double value =
          static_cast<double>(words(figure, network, r == 0 ? "bp" : "lel", direction)) / 1e6;
      const double bar_x = middle + (r == 0 ? -bar - 1 : 1);
      svg += fmt::format(
          "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" "
          "fill=\"{}\"/>\n",
          bar_x, axis.y(value), bar, axis.y(0) - axis.y(value), r == 0 ? bp_colour : lel_colour);
      svg += label(bar_x + bar / 2, axis.y(value) - 5, fmt::format("{:.1f}", value), "middle", 12);
    }
    svg += label(middle, top + plot_height + 20, direction, "middle", 13);
  }
  const auto total = [&](const std::string& rule) {
    return static_cast<double>(words(figure, network, rule, "read") +
                               words(figure, network, rule, "write"));
  };
  svg += label(x + group_width / 2, top + plot_height + 44, network, "middle", 15,
               " font-weight=\"bold\"");
  if (total("lel") > 0) {
    svg += label(x + group_width / 2, top + plot_height + 64,
                 fmt::format("BP moves {:.2f} times as many words", total("bp") / total("lel")),
                 "middle", 13);
  }
  return svg;
}

}  // namespace

std::string figure6_svg(const Figure6& figure) {
  const Axis axis = make_axis(figure);
  std::string svg = fmt::format(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" "
      "fill=\"#222222\">\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n",
      width, height);
  svg += label(
      left, 30,
      fmt::format("Words between chip and memory, one training mini-batch of {}", figure.batch),
      "start", 18, " font-weight=\"bold\"");
  svg += legend() + grid(axis);
  std::vector<std::string> networks;
  for (const Figure6Row& row : figure.rows) {
    if (std::find(networks.begin(), networks.end(), row.network) == networks.end()) {
      networks.push_back(row.network);
    }
  }
  const double group_width =
      plot_width / static_cast<double>(std::max<std::size_t>(networks.size(), 1));
  for (std::size_t i = 0; i < networks.size(); ++i) {
    svg +=
        group(figure, axis, networks[i], left + static_cast<double>(i) * group_width, group_width);
  }
  return svg + "</svg>\n";
}

}  // namespace spillway::analysis
