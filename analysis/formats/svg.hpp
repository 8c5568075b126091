// The pieces of a figure. The same input gives the same bytes.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spillway::analysis::svg {

/// Text fit for XML.
std::string escaped(const std::string& text);

/// The opening of a figure of white ground and its title.
std::string begin(double width, double height, const std::string& title);
std::string end();

std::string text(double x, double y, const std::string& text, const std::string& anchor, int size,
                 const std::string& extra = "");
std::string rectangle(double x, double y, double width, double height, const std::string& colour);
std::string line(double x1, double y1, double x2, double y2, const std::string& colour,
                 const std::string& extra = "");

/// A line through points (x, y).
std::string polyline(const std::vector<std::pair<double, double>>& points,
                     const std::string& colour, const std::string& extra = "");
std::string circle(double x, double y, double radius, const std::string& colour);

/// How a curve is drawn, and what the legend says of it.
struct Style {
  std::string name, colour, extra;
  double mark = 0;  ///< radius of the points; 0: none
};
/// A line through points (x, y) with its marks; "" without points.
std::string curve(const std::vector<std::pair<double, double>>& points, const Style& style);

/// Entries in lines that fit `room`.
struct Legend {
  std::string text;
  double bottom;  ///< of the last line
};
Legend legend(const std::vector<Style>& styles, double left, double top, double room);

/// A round number of at least `value`: 1, 2, 2.5 or 5 times a power of ten.
double round_up(double value);

/// A value axis of `lines` equal steps from `low`, with a grid over [left, right].
struct Axis {
  double low, step;
  int lines;
  double top, bottom;  ///< of the plot
  double left, right;
  double y(double value) const { return bottom - (bottom - top) * (value - low) / (step * lines); }
  /// Without a label only the values are written.
  std::string grid(const std::string& label) const;
};

/// A logarithmic value axis from `low` to `high`, with a grid at 1, 2 and 5 times powers of ten.
struct LogAxis {
  double low, high;
  double top, bottom;  ///< of the plot
  double left, right;
  double y(double value) const;
  std::string grid(const std::string& label) const;
};

}  // namespace spillway::analysis::svg
