// The bars of Figure 6. Simulated words.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/figures/figure6.hpp"
#include "analysis/formats/svg.hpp"

namespace spillway::analysis {

namespace {

constexpr double width = 900, height = 500;
constexpr double left = 80, right = 20, top = 84, bottom = 84;
constexpr double plot_width = width - left - right, plot_height = height - top - bottom;
constexpr const char* bp_colour = "#b4552d";
constexpr const char* lel_colour = "#2d6a9f";

svg::Axis make_axis(const Figure6& figure) {
  double most = 0;  // millions of words
  for (const Figure6Row& row : figure.rows) {
    if (row.direction != "macs") most = std::max(most, static_cast<double>(row.simulated) / 1e6);
  }
  const double step = svg::round_up(std::max(most, 1e-6) * 1.08 / 7);
  const int lines = std::max(1, static_cast<int>(std::ceil(most * 1.08 / step)));
  return {0, step, lines, top, height - bottom, left, width - right};
}

std::string legend() {
  std::string text;
  double x = left;
  for (const auto& [colour, name] :
       {std::pair{bp_colour, "backpropagation (BP)"}, {lel_colour, "local errors (LEL)"}}) {
    text += svg::rectangle(x, 50, 14, 14, colour) + svg::text(x + 20, 62, name, "start", 14);
    x += 190;
  }
  return text;
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

std::string group(const Figure6& figure, const svg::Axis& axis, const std::string& network,
                  double x, double group_width) {
  std::string text;
  const double bar = group_width * 0.17;
  for (const int d : {0, 1}) {
    const std::string direction = d == 0 ? "read" : "write";
    const double middle = x + group_width * (d == 0 ? 0.29 : 0.71);
    for (const int r : {0, 1}) {
      const double value =
          static_cast<double>(words(figure, network, r == 0 ? "bp" : "lel", direction)) / 1e6;
      const double bar_x = middle + (r == 0 ? -bar - 1 : 1);
      text += svg::rectangle(bar_x, axis.y(value), bar, axis.y(0) - axis.y(value),
                             r == 0 ? bp_colour : lel_colour);
      text +=
          svg::text(bar_x + bar / 2, axis.y(value) - 5, fmt::format("{:.1f}", value), "middle", 12);
    }
    text += svg::text(middle, top + plot_height + 20, direction, "middle", 13);
  }
  const auto total = [&](const std::string& rule) {
    return static_cast<double>(words(figure, network, rule, "read") +
                               words(figure, network, rule, "write"));
  };
  text += svg::text(x + group_width / 2, top + plot_height + 44, network, "middle", 15,
                    " font-weight=\"bold\"");
  if (total("lel") > 0) {
    text +=
        svg::text(x + group_width / 2, top + plot_height + 64,
                  fmt::format("BP moves {:.2f} times as many words", total("bp") / total("lel")),
                  "middle", 13);
  }
  return text;
}

}  // namespace

std::string figure6_svg(const Figure6& figure) {
  const svg::Axis axis = make_axis(figure);
  std::string text = svg::begin(
      width, height,
      fmt::format("Words between chip and memory, one training mini-batch of {}", figure.batch));
  text += legend() + axis.grid("millions of 32-bit words");
  std::vector<std::string> networks;
  for (const Figure6Row& row : figure.rows) {
    if (std::find(networks.begin(), networks.end(), row.network) == networks.end()) {
      networks.push_back(row.network);
    }
  }
  const double group_width =
      plot_width / static_cast<double>(std::max<std::size_t>(networks.size(), 1));
  for (std::size_t i = 0; i < networks.size(); ++i) {
    text +=
        group(figure, axis, networks[i], left + static_cast<double>(i) * group_width, group_width);
  }
  return text + svg::end();
}

}  // namespace spillway::analysis
