#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/pages/chart_parts.hpp"
#include "analysis/pages/charts.hpp"
#include "analysis/pages/html.hpp"

namespace spillway::analysis::pages {

namespace {

/// To 1, 2 or 5 times a power of ten.
double round_down(double value) {
  const double power = std::pow(10, std::floor(std::log10(value)));
  return power * (value >= 5 * power ? 5 : value >= 2 * power ? 2 : 1);
}

/// From 1, 2 or 5 times a power of ten below all values to one above them.
struct LogScale {
  double low, high;
  double from, to;  ///< on the page
  LogScale(const std::vector<double>& values, double at_low, double at_high)
      : from(at_low), to(at_high) {
    const auto [least, most] = std::ranges::minmax(values);
    low = round_down(least / 1.3);
    high = 1 / round_down(1 / (most * 1.3));
  }
  double at(double value) const {
    return from + (to - from) * std::log(value / low) / std::log(high / low);
  }
  std::vector<double> marks() const {
    const double first = std::floor(std::log10(low)), last = std::ceil(std::log10(high));
    const double step = std::max(1.0, std::ceil((last - first) / 8));
    std::vector<double> all;
    for (double power = first; power <= last; power += step) {
      for (const double factor : {1.0, 2.0, 5.0}) {
        if (factor > 1 && last - first > 3) continue;
        const double mark = factor * std::pow(10, power);
        if (mark >= low * 0.999 && mark <= high * 1.001) all.push_back(mark);
      }
    }
    return all;
  }
};

}  // namespace

std::string roofline_chart(const std::string& title, const std::vector<Roofs>& roofs,
                           const std::vector<RooflinePoint>& points) {
  const double width = 860, height = 420, left = 90, right = 740, top = 20, bottom = 360;
  std::vector<double> across, up;
  for (const Roofs& roof : roofs) {
    across.push_back(roof.macs_per_second / roof.bytes_per_second);
    up.push_back(roof.macs_per_second);
  }
  for (const RooflinePoint& point : points) {
    across.push_back(point.macs_per_byte);
    up.push_back(point.macs_per_second);
  }
  const LogScale x(across, left, right), y(up, bottom, top);
  std::string text = chart_begin(width, height, title);
  for (const double mark : x.marks()) {
    text += chart_line(x.at(mark), top, x.at(mark), bottom, "grid");
    text += chart_text(x.at(mark), bottom + 16, fmt::format("{:g}", mark), "tick middle");
  }
  for (const double mark : y.marks()) {
    text += chart_line(left, y.at(mark), right, y.at(mark), "grid");
    text += chart_text(left - 8, y.at(mark) + 4, short_number(mark), "tick end");
  }
  text += chart_line(left, bottom, right, bottom, "axis");
  text += chart_line(left, top, left, bottom, "axis");
  text += chart_text((left + right) / 2, bottom + 38, "useful MACs per byte on the DRAM bus",
                     "tick middle");
  text += chart_text(left, top - 7, "useful MACs per second", "tick");
  for (const Roofs& roof : roofs) {
    const double ridge = roof.macs_per_second / roof.bytes_per_second;
    // The slope begins at the left edge or, where it is lower there, at the bottom.
    const double from = std::max(x.low, y.low / roof.bytes_per_second);
    text += fmt::format(
        "<path d=\"M{:.1f} {:.1f}L{:.1f} {:.1f}H{:.1f}\" class=\"roof\"><title>{}</title></path>\n",
        x.at(from), y.at(from * roof.bytes_per_second), x.at(ridge), y.at(roof.macs_per_second),
        right, escaped(roof.name));
    text += chart_text(right + 6, y.at(roof.macs_per_second) + 4, roof.name, "tick");
  }
  std::vector<std::pair<double, double>> placed;
  for (const RooflinePoint& point : points) {
    const double at_x = x.at(point.macs_per_byte), at_y = y.at(point.macs_per_second);
    text += fmt::format(
        "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"6\" class=\"{}\"><title>{}</title></circle>\n",
        at_x, at_y, point.colour, escaped(point.title));
    // The letters of points in one place stand side by side.
    const auto before = std::ranges::count_if(placed, [&](const auto& other) {
      return std::abs(other.first - at_x) < 14 && std::abs(other.second - at_y) < 14;
    });
    placed.emplace_back(at_x, at_y);
    text +=
        chart_text(at_x + 10 + 14 * static_cast<double>(before), at_y + 14, point.letter, "strong");
  }
  return text + "</svg>\n";
}

}  // namespace spillway::analysis::pages
