// Figures of a page: SVG within HTML, coloured by the classes of its style.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace spillway::analysis::pages {

/// Part of a bar, from the left.
struct Segment {
  double value;
  std::string colour;      ///< a class of the style: "c1" … "c8", "quiet"
  std::string title;       ///< what a pointer over it shows
  std::string attributes;  ///< of its element
};
struct Bar {
  std::string label, note;  ///< before it; after it
  std::vector<Segment> segments;
};
/// Bars below each other on a scale from 0 to `most`.
std::string bar_chart(const std::string& title, const std::vector<Bar>& bars, double most,
                      const std::string& unit);

double longest(const std::vector<Bar>& bars);
/// Of the bars of one of several results, whose longest is `most`: that, so that results compare,
/// but for bars too short to be seen then.
double common_scale(const std::vector<Bar>& bars, double most);

/// A time from begin to end.
struct Span {
  std::string label, note, colour, title;
  double begin, end;
};
/// Lines below each other on a scale of time from 0 to `end`.
std::string span_chart(const std::string& title, const std::vector<Span>& spans, double end,
                       const std::string& unit);

/// Colour's class and what it stands for.
using LegendEntries = std::vector<std::pair<std::string, std::string>>;
std::string legend(const LegendEntries& entries);

/// Values of equal windows as an area below each other, on one scale of time.
struct Strip {
  std::string label, colour;
  std::vector<double> values;
  double most;            ///< of its scale
  std::string most_text;  ///< its end of the scale, written
};
std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, double window,
                        const std::string& unit);

/// A point of a roofline, and the roofs that it is below.
struct RooflinePoint {
  std::string letter, colour, title;
  double macs_per_byte, macs_per_second;
};
struct Roofs {
  double macs_per_second, bytes_per_second;
  std::string name;  ///< of the results that have them
  auto operator<=>(const Roofs&) const = default;
};
/// Both scales are logarithmic.
std::string roofline_chart(const std::string& title, const std::vector<Roofs>& roofs,
                           const std::vector<RooflinePoint>& points);

}  // namespace spillway::analysis::pages
