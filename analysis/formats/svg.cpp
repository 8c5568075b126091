#include "analysis/formats/svg.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace spillway::analysis::svg {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string begin(double width, double height, const std::string& title) {
  return fmt::format(
             "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
             "viewBox=\"0 0 {0:.0f} {1:.0f}\" font-family=\"Helvetica, Arial, sans-serif\" "
             "fill=\"#222222\">\n<rect width=\"{0:.0f}\" height=\"{1:.0f}\" fill=\"#ffffff\"/>\n",
             width, height) +
         text(80, 30, title, "start", 18, " font-weight=\"bold\"");
}

std::string end() { return "</svg>\n"; }

std::string text(double x, double y, const std::string& content, const std::string& anchor,
                 int size, const std::string& extra) {
  return fmt::format(
      "<text x=\"{:.1f}\" y=\"{:.1f}\" text-anchor=\"{}\" font-size=\"{}\"{}>{}</text>\n", x, y,
      anchor, size, extra, escaped(content));
}

std::string rectangle(double x, double y, double width, double height, const std::string& colour) {
  return fmt::format(
      "<rect x=\"{:.1f}\" y=\"{:.1f}\" width=\"{:.1f}\" height=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
      width, height, colour);
}

std::string line(double x1, double y1, double x2, double y2, const std::string& colour,
                 const std::string& extra) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" stroke=\"{}\"{}/>\n", x1, y1,
      x2, y2, colour, extra);
}

std::string polyline(const std::vector<std::pair<double, double>>& points,
                     const std::string& colour, const std::string& extra) {
  std::string list;
  for (const auto& [x, y] : points)
    list += fmt::format("{}{:.1f},{:.1f}", list.empty() ? "" : " ", x, y);
  return fmt::format("<polyline points=\"{}\" fill=\"none\" stroke=\"{}\"{}/>\n", list, colour,
                     extra);
}

std::string circle(double x, double y, double radius, const std::string& colour) {
  return fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"{:.1f}\" fill=\"{}\"/>\n", x, y,
                     radius, colour);
}

std::string curve(const std::vector<std::pair<double, double>>& points, const Style& style) {
  if (points.empty()) return "";
  std::string text = polyline(points, style.colour, style.extra);
  if (style.mark > 0) {
    for (const auto& [x, y] : points) text += circle(x, y, style.mark, style.colour);
  }
  return text;
}

namespace {

constexpr double legend_line = 22, legend_gap = 18;

std::string sample(const Style& style, double x, double y) {
  std::string result = line(x, y, x + 34, y, style.colour, style.extra);
  if (style.mark > 0) result += circle(x + 17, y, style.mark, style.colour);
  return result + text(x + 41, y + 4.5, style.name, "start", 13);
}

double sample_width(const Style& style) {
  return 41 + 6.9 * static_cast<double>(style.name.size()) + legend_gap;
}

}  // namespace

Legend legend(const std::vector<Style>& styles, double left, double top, double room) {
  Legend result{"", top};
  double x = 0;
  for (const Style& style : styles) {
    if (x > 0 && x + sample_width(style) - legend_gap > room) {
      x = 0;
      result.bottom += legend_line;
    }
    result.text += sample(style, left + x, result.bottom);
    x += sample_width(style);
  }
  return result;
}

double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (factor * power >= value) return factor * power;
  }
  return 10 * power;
}

namespace {

std::string axis_value(double left, double y, double value) {
  return text(left - 8, y + 4, fmt::format("{:g}", value), "end", 13);
}

std::string axis_label(double middle, const std::string& label) {
  if (label.empty()) return "";
  return text(22, middle, label, "middle", 14,
              fmt::format(" transform=\"rotate(-90 22 {:.1f})\"", middle));
}

}  // namespace

std::string Axis::grid(const std::string& label) const {
  std::string out;
  for (int i = 0; i <= lines; ++i) {
    const double value = low + i * step;
    out += line(left, y(value), right, y(value), i == 0 ? "#333333" : "#dddddd");
    out += axis_value(left, y(value), value);
  }
  return out + axis_label((top + bottom) / 2, label);
}

double LogAxis::y(double value) const {
  return bottom - (bottom - top) * std::log(value / low) / std::log(high / low);
}

std::string LogAxis::grid(const std::string& label) const {
  std::string out = line(left, bottom, right, bottom, "#333333");
  for (int power = static_cast<int>(std::floor(std::log10(low))); power <= 18; ++power) {
    for (const double factor : {1.0, 2.0, 5.0}) {
      const double value = factor * std::pow(10.0, power);
      if (value < low * 0.999 || value > high * 1.001) continue;
      if (y(value) < bottom - 0.5) out += line(left, y(value), right, y(value), "#dddddd");
      out += axis_value(left, y(value), value);
    }
  }
  return out + axis_label((top + bottom) / 2, label);
}

}  // namespace spillway::analysis::svg
