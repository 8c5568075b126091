// Bars, spans and strips.
#include "analysis/pages/charts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "analysis/formats/svg.hpp"
#include "analysis/pages/chart_parts.hpp"
#include "analysis/pages/html.hpp"

namespace spillway::analysis::pages {

std::string chart_begin(double width, double height, const std::string& title) {
  return fmt::format(
      "<svg class=\"chart\" viewBox=\"0 0 {0:.0f} {1:.0f}\" width=\"{0:.0f}\" height=\"{1:.0f}\" "
      "role=\"img\" aria-label=\"{2}\">\n",
      width, height, escaped(title));
}

std::string chart_text(double x, double y, const std::string& text, const std::string& kind) {
  return fmt::format("<text x=\"{:.1f}\" y=\"{:.1f}\" class=\"{}\">{}</text>\n", x, y, kind,
                     escaped(text));
}

std::string chart_line(double x1, double y1, double x2, double y2, const std::string& kind) {
  return fmt::format(
      "<line x1=\"{:.1f}\" y1=\"{:.1f}\" x2=\"{:.1f}\" y2=\"{:.1f}\" class=\"{}\"/>\n", x1, y1, x2,
      y2, kind);
}

std::string cut(const std::string& text, std::size_t most) {
  std::size_t characters = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if ((static_cast<unsigned char>(text[i]) & 0xC0) == 0x80) continue;  // goes on
    if (++characters > most) return text.substr(0, i) + "…";
  }
  return text;
}

std::vector<double> ticks(double most) {
  const double step = most > 0 ? svg::round_up(most / 6) : 1;
  std::vector<double> marks;
  for (int i = 0; i <= 10 && i * step <= most * 1.0001; ++i) marks.push_back(i * step);
  return marks;
}

namespace {

constexpr double chart_width = 860, note_room = 110;
constexpr std::size_t longest_label = 30;

double label_room(std::size_t longest) {
  return std::clamp(6.7 * static_cast<double>(std::min(longest, longest_label + 1)) + 14, 60.0,
                    225.0);
}

std::string scale_below(double left, double right, double top, double bottom, double most,
                        const std::string& unit) {
  std::string text;
  for (const double mark : ticks(most)) {
    const double x = left + (most > 0 ? (right - left) * mark / most : 0);
    text += chart_line(x, top, x, bottom, mark == 0 ? "axis" : "grid");
    text += chart_text(x, bottom + 15, short_number(mark), "tick middle");
  }
  return text + chart_text((left + right) / 2, bottom + 33, unit, "tick middle");
}

}  // namespace

std::string bar_chart(const std::string& title, const std::vector<Bar>& bars, double most,
                      const std::string& unit) {
  std::size_t longest = 0;
  for (const Bar& bar : bars) longest = std::max(longest, bar.label.size());
  const double left = label_room(longest), right = chart_width - note_room, pitch = 19;
  const double bottom = 8 + pitch * static_cast<double>(bars.size());
  std::string text = chart_begin(chart_width, bottom + 42, title);
  text += scale_below(left, right, 4, bottom, most, unit);
  double y = 8;
  for (const Bar& bar : bars) {
    text += chart_text(left - 8, y + 11, cut(bar.label, longest_label), "end");
    double x = left;
    for (const Segment& segment : bar.segments) {
      const double width =
          most > 0 ? std::max(0.0, (right - left) * std::min(segment.value / most, 1.0)) : 0;
      text += fmt::format(
          "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"14\" class=\"{}\"{}><title>{}"
          "</title></rect>\n",
          x, y, width, segment.colour, segment.attributes, escaped(segment.title));
      x += width;
    }
    if (!bar.note.empty()) text += chart_text(x + 6, y + 11, bar.note, "tick");
    y += pitch;
  }
  return text + "</svg>\n";
}

double longest(const std::vector<Bar>& bars) {
  double most = 0;
  for (const Bar& bar : bars) {
    double sum = 0;
    for (const Segment& segment : bar.segments) sum += segment.value;
    most = std::max(most, sum);
  }
  return most;
}

double common_scale(const std::vector<Bar>& bars, double most) {
  const double own = longest(bars);
  return own < most / 20 ? own : most;
}

std::string span_chart(const std::string& title, const std::vector<Span>& spans, double end,
                       const std::string& unit) {
  std::size_t longest = 0;
  for (const Span& span : spans) longest = std::max(longest, span.label.size());
  const double left = label_room(longest), right = chart_width - note_room, pitch = 17;
  const double bottom = 8 + pitch * static_cast<double>(spans.size());
  std::string text = chart_begin(chart_width, bottom + 42, title);
  text += scale_below(left, right, 4, bottom, end, unit);
  double y = 8;
  for (const Span& span : spans) {
    const double from =
        left + (right - left) * (end > 0 ? std::clamp(span.begin / end, 0., 1.) : 0);
    const double to = left + (right - left) * (end > 0 ? std::clamp(span.end / end, 0., 1.) : 0);
    text += chart_text(left - 8, y + 10, cut(span.label, longest_label), "end");
    text += fmt::format(
        "<rect x=\"{:.2f}\" y=\"{:.1f}\" width=\"{:.2f}\" height=\"12\" class=\"{}\"><title>{}"
        "</title></rect>\n",
        from, y, std::max(to - from, 1.5), span.colour, escaped(span.title));
    text += chart_text(right + 10, y + 10, span.note, "tick");
    y += pitch;
  }
  return text + "</svg>\n";
}

std::string legend(const LegendEntries& entries) {
  std::string text = "<ul class=\"legend\">";
  for (const auto& [colour, name] : entries) {
    text += fmt::format(
        "<li><svg width=\"12\" height=\"12\" aria-hidden=\"true\"><rect width=\"12\" height=\"12\" "
        "class=\"{}\"/></svg> {}</li>",
        colour, escaped(name));
  }
  return text + "</ul>\n";
}

std::string strip_chart(const std::string& title, const std::vector<Strip>& strips, double window,
                        const std::string& unit) {
  std::size_t longest = 0, windows = 0;
  for (const Strip& strip : strips) {
    longest = std::max(longest, strip.label.size());
    windows = std::max(windows, strip.values.size());
  }
  const double left = label_room(longest), right = chart_width - note_room;
  const double height = 46, pitch = 58;
  const double bottom = 8 + pitch * static_cast<double>(strips.size());
  const double end = window * static_cast<double>(windows);
  std::string text = chart_begin(chart_width, bottom + 42, title);
  text += scale_below(left, right, 4, bottom, end, unit);
  double base = 8 + height;
  for (const Strip& strip : strips) {
    std::string path = fmt::format("M{:.1f} {:.1f}", left, base);
    const double step = windows == 0 ? 0 : (right - left) / static_cast<double>(windows);
    double x = left;
    for (const double value : strip.values) {
      const double share = strip.most > 0 ? std::clamp(value / strip.most, 0., 1.) : 0;
      path += fmt::format("V{:.1f}H{:.1f}", base - height * share, x += step);
    }
    text += fmt::format("<path d=\"{}V{:.1f}Z\" class=\"{}\"><title>{}</title></path>\n", path,
                        base, strip.colour, escaped(strip.label));
    text += chart_line(left, base, right, base, "axis");
    text += chart_text(left - 8, base - height / 2 + 4, strip.label, "end");
    text += chart_text(right + 6, base - height + 9, strip.most_text, "tick");
    text += chart_text(right + 6, base, "0", "tick");
    base += pitch;
  }
  return text + "</svg>\n";
}

}  // namespace spillway::analysis::pages
