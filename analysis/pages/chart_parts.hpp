// What the figures of a page are drawn with.
#pragma once

#include <string>
#include <vector>

namespace spillway::analysis::pages {

/// The opening of a figure; "</svg>" ends it.
std::string chart_begin(double width, double height, const std::string& title);
/// `kind`: classes of the style, as "tick middle".
std::string chart_text(double x, double y, const std::string& text, const std::string& kind);
std::string chart_line(double x1, double y1, double x2, double y2, const std::string& kind);

/// At most so many characters, then "…".
std::string cut(const std::string& text, std::size_t most);

/// Round numbers from 0 to at most `most`.
std::vector<double> ticks(double most);

}  // namespace spillway::analysis::pages
