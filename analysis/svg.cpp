#include "analysis/svg.hpp"

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

double round_up(double value) {
  const double power = std::pow(10, std::floor(std::log10(std::max(value, 1e-9))));
  for (const double factor : {1.0, 2.0, 2.5, 5.0, 10.0}) {
    if (factor * power >= value) return factor * power;
  }
  return 10 * power;
}

std::string Axis::grid(const std::string& label) const {
  std::string out;
  for (int i = 0; i <= lines; ++i) {
    const double value = low + i * step;
    out += line(left, y(value), right, y(value), i == 0 ? "#333333" : "#dddddd");
    out += text(left - 8, y(value) + 4, fmt::format("{:g}", value), "end", 13);
  }
  const double middle = (top + bottom) / 2;
  out += text(22, middle, label, "middle", 14,
              fmt::format(" transform=\"rotate(-90 22 {:.1f})\"", middle));
  return out;
}

}  // namespace spillway::analysis::svg
