// The figure of an exploration: words over buffer size, both on logarithmic axes, and below it the
// ratios of the curves' words to the reference's, such as BP's to LEL's; without batch-norm to the
// left, with it to the right.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>

#include "analysis/closed_forms/closed_form.hpp"
#include "analysis/figures/explore_buffer.hpp"
#include "analysis/formats/svg.hpp"

namespace spillway::analysis {

namespace {

constexpr double left = 80, right = 30, gap = 56;
constexpr double legend_top = 82;
constexpr double words_height = 300, ratio_height = 170, between = 72, bottom = 64;
constexpr double least_label_gap = 58;  // between the middles of two sizes

/// Of a rule's curves, without and with recomputation; taken in turns.
struct Colours {
  const char *best, *recompute;
};
constexpr Colours rule_colours[] = {{"#b4552d", "#e0a03a"},
                                    {"#2d6a9f", "#74a9cf"},
                                    {"#3c8d4f", "#93c47d"},
                                    {"#7a4b9d", "#b795cf"},
                                    {"#a23b72", "#d68fb3"}};
constexpr const char* once_colour = "#444444";
constexpr const char* forward_colour = "#8a8a8a";

using svg::Style;

const Colours& colours_of(const BufferExploration& exploration, const std::string& rule) {
  const auto found =
      std::ranges::find(exploration.rules, rule, [](const auto& of) { return of.first; });
  return rule_colours[static_cast<std::size_t>(found - exploration.rules.begin()) %
                      std::size(rule_colours)];
}

Style style_of(const BufferExploration& exploration, const Curve& curve) {
  const Colours& colours = colours_of(exploration, curve.rule);
  if (curve.recompute) {
    return {rule_title(curve.rule) + ", recomputing activations", colours.recompute,
            " stroke-width=\"2.5\" stroke-dasharray=\"7 4\"", 3};
  }
  // The first rule's marks stay visible below those of the others.
  const bool first = curve.rule == exploration.rules.front().first;
  return {rule_title(curve.rule), colours.best, " stroke-width=\"2.5\"", first ? 5.0 : 4.0};
}

double in_millions(Words words) { return static_cast<double>(words.count()) / 1e6; }

std::string three_digits(double value) {
  const int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
  return fmt::format("{:.{}f}", value, decimals);
}

/// Lines that hold for every size.
struct Level {
  Style style;
  double value;
};

std::vector<Level> levels_of(const BufferExploration& exploration) {
  const auto level = [](const std::string& name, Words words, const char* colour,
                        const char* dashes) {
    const double value = in_millions(words);
    return Level{{fmt::format("{}: {} million", name, three_digits(value)), colour,
                  fmt::format(" stroke-width=\"1.3\" stroke-dasharray=\"{}\"", dashes)},
                 value};
  };
  std::vector<Level> levels;
  for (const auto& [rule, words] : exploration.rules) {
    if (!words) continue;
    levels.push_back(
        level((is_table1_rule(rule) ? "Table 1, " : "closed form, ") + rule_title(rule), *words,
              colours_of(exploration, rule).best, "2 3"));
  }
  levels.push_back(level("every word once", exploration.compulsory, once_colour, "9 3"));
  return levels;
}

const Style forward_style{"bound on the forward pass alone, each layer by itself", forward_colour,
                          " stroke-width=\"1.3\" stroke-dasharray=\"1 3\""};

/// What the panels share.
struct Frame {
  double panel_width, words_top, ratio_top, width, height;
  double first_log, last_log;  ///< of the sizes
  svg::LogAxis words;          ///< of the panel to the left
  svg::Axis ratio;

  double panel_left(std::size_t block) const {
    return left + static_cast<double>(block) * (panel_width + gap);
  }
  double x(std::size_t block, Bytes size) const {
    const double inset = 14, room = panel_width - 2 * inset;
    const double span = last_log - first_log;
    const double at = std::log2(static_cast<double>(size.count())) - first_log;
    return panel_left(block) + inset + (span > 0 ? room * at / span : room / 2);
  }
};

/// Millions of words of everything that is drawn.
std::vector<double> all_values(const BufferExploration& exploration) {
  std::vector<double> values;
  for (const Level& level : levels_of(exploration)) values.push_back(level.value);
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      values.push_back(in_millions(row.forward_alone));
      for (const BufferPoint& point : row.points) {
        if (point.planned()) values.push_back(in_millions(point.words()));
      }
    }
  }
  return values;
}

svg::LogAxis words_axis(const BufferExploration& exploration) {
  const std::vector<double> values = all_values(exploration);
  const auto [least, most] = std::ranges::minmax(values);
  return {std::max(least, 1e-6) / 1.15, std::max(most, 1e-6) * 1.15, 0, 0, 0, 0};
}

/// How far a row's ratios are from that of the closed forms.
double ratio_distance(const BufferExploration& exploration, const BufferRow& row, double form) {
  const auto ratios = exploration.ratios(row);
  double distance = 1e9;
  if (!ratios) return distance;
  for (const double ratio : *ratios) distance = std::min(distance, std::abs(ratio - form));
  return distance;
}

/// From 1 or less to what the plans reach. The closed forms' ratio counts as long as it is near.
svg::Axis ratio_axis(const BufferExploration& exploration) {
  constexpr double near = 2;
  double least = 1, most = 0;
  for (const BufferBlock& block : exploration.blocks) {
    for (const BufferRow& row : block.rows) {
      const auto ratios = exploration.ratios(row);
      if (!ratios) continue;
      for (const double ratio : *ratios) {
        least = std::min(least, ratio);
        most = std::max(most, ratio);
      }
    }
  }
  const double form = exploration.closed_form_ratio().value_or(0);
  if (most == 0 || form <= near * most) most = std::max(most, form * 1.05);
  most = std::max(most, least * 1.05);
  const double step = svg::round_up((most - least) / 5);
  const double low = std::floor(least / step + 1e-9) * step;
  const int lines = std::max(1, static_cast<int>(std::ceil((most - low) / step - 1e-9)));
  return {low, step, lines, 0, 0, 0, 0};
}

std::vector<Style> legend_styles(const BufferExploration& exploration) {
  std::vector<Style> styles;
  for (const Curve& curve : exploration.curves) styles.push_back(style_of(exploration, curve));
  for (const Level& level : levels_of(exploration)) styles.push_back(level.style);
  styles.push_back(forward_style);
  return styles;
}

Frame frame_of(const BufferExploration& exploration, double legend_bottom) {
  Frame frame{};
  const bool two = exploration.blocks.size() > 1;
  frame.panel_width = two ? 440 : 640;
  const auto blocks = static_cast<double>(exploration.blocks.size());
  frame.width = left + right + blocks * frame.panel_width + (blocks - 1) * gap;
  frame.words_top = legend_bottom + (two ? 48 : 26);
  frame.ratio_top = frame.words_top + words_height + between;
  const double last_bottom = exploration.compared().empty() ? frame.words_top + words_height
                                                            : frame.ratio_top + ratio_height;
  frame.height = last_bottom + bottom;
  const std::vector<BufferRow>& rows = exploration.blocks.front().rows;
  frame.first_log = std::log2(static_cast<double>(rows.front().buffer.count()));
  frame.last_log = std::log2(static_cast<double>(rows.back().buffer.count()));
  frame.words = words_axis(exploration);
  frame.words.top = frame.words_top;
  frame.words.bottom = frame.words_top + words_height;
  frame.ratio = ratio_axis(exploration);
  frame.ratio.top = frame.ratio_top;
  frame.ratio.bottom = frame.ratio_top + ratio_height;
  return frame;
}

std::string sizes_below(const Frame& frame, const BufferBlock& block, std::size_t b, double y) {
  std::string text;
  double last = -1e9;
  for (const BufferRow& row : block.rows) {
    const double x = frame.x(b, row.buffer);
    const bool labelled = x - last >= least_label_gap;
    text += svg::line(x, y, x, y + (labelled ? 6 : 3), "#333333");
    if (!labelled) continue;
    text += svg::text(x, y + 20, size_name(row.buffer), "middle", 12);
    last = x;
  }
  return text;
}

/// A curve through the rows that `value` has a number for.
template <class Value>
std::string curve_through(const Frame& frame, const BufferBlock& block, std::size_t b,
                          const Style& style, const Value& value) {
  std::vector<std::pair<double, double>> points;
  for (const BufferRow& row : block.rows) {
    if (const std::optional<double> y = value(row)) points.emplace_back(frame.x(b, row.buffer), *y);
  }
  return svg::curve(points, style);
}

std::string words_panel(const BufferExploration& exploration, const Frame& frame, std::size_t b) {
  const BufferBlock& block = exploration.blocks[b];
  svg::LogAxis axis = frame.words;
  axis.left = frame.panel_left(b);
  axis.right = axis.left + frame.panel_width;
  std::string text = axis.grid(b == 0 ? "millions of 32-bit words" : "");
  if (exploration.blocks.size() > 1) {
    text += svg::text((axis.left + axis.right) / 2, axis.top - 14,
                      block.batch_norm ? "with batch-norm" : "without batch-norm", "middle", 15,
                      " font-weight=\"bold\"");
  }
  for (const Level& level : levels_of(exploration)) {
    const double y = axis.y(level.value);
    text += svg::line(axis.left, y, axis.right, y, level.style.colour, level.style.extra);
  }
  text += curve_through(frame, block, b, forward_style, [&](const BufferRow& row) {
    return std::optional(axis.y(in_millions(row.forward_alone)));
  });
  for (std::size_t c = 0; c < exploration.curves.size(); ++c) {
    const Style style = style_of(exploration, exploration.curves[c]);
    text += curve_through(frame, block, b, style, [&](const BufferRow& row) {
      const BufferPoint& point = row.points[c];
      return point.planned() ? std::optional(axis.y(in_millions(point.words()))) : std::nullopt;
    });
  }
  return text + sizes_below(frame, block, b, axis.bottom);
}

/// A line at the ratio of the closed forms, or above or below it what it is.
std::string closed_form_line(const BufferExploration& exploration, const BufferBlock& block,
                             const svg::Axis& axis, double ratio) {
  const bool above = ratio > axis.low + axis.step * axis.lines, below = ratio < axis.low;
  const double y = above ? axis.top + 18 : below ? axis.bottom : axis.y(ratio);
  std::string text;
  if (!above && !below) {
    text += svg::line(axis.left, y, axis.right, y, rule_colours[0].best,
                      " stroke-width=\"1.3\" stroke-dasharray=\"2 3\"");
  }
  // Where the curves keep the larger distance, to the left or to the right.
  const bool to_the_left = ratio_distance(exploration, block.rows.front(), ratio) >
                           ratio_distance(exploration, block.rows.back(), ratio);
  const bool table1 = is_table1_rule(exploration.rules.front().first) &&
                      is_table1_rule(exploration.rules.back().first);
  return text + svg::text(to_the_left ? axis.left + 4 : axis.right - 4, y - 5,
                          fmt::format("{}: {:.2f}{}", table1 ? "Table 1" : "Closed forms", ratio,
                                      above   ? ", above this panel"
                                      : below ? ", below this panel"
                                              : ""),
                          to_the_left ? "start" : "end", 12);
}

/// "BP's words / LEL's", or without the first where several rules are compared.
std::string ratio_title(const BufferExploration& exploration) {
  const std::string& reference = exploration.rules.back().first;
  const std::string& first = exploration.rules.front().first;
  const bool one = std::ranges::all_of(
      exploration.compared(), [&](std::size_t c) { return exploration.curves[c].rule == first; });
  return (one ? rule_title(first) + "'s words" : "words") + " / " + rule_title(reference) + "'s";
}

std::string ratio_panel(const BufferExploration& exploration, const Frame& frame, std::size_t b) {
  const BufferBlock& block = exploration.blocks[b];
  const std::vector<std::size_t> compared = exploration.compared();
  if (compared.empty()) return "";
  svg::Axis axis = frame.ratio;
  axis.left = frame.panel_left(b);
  axis.right = axis.left + frame.panel_width;
  std::string text = axis.grid(b == 0 ? ratio_title(exploration) : "");
  if (const auto ratio = exploration.closed_form_ratio()) {
    text += closed_form_line(exploration, block, axis, *ratio);
  }
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const Style style = style_of(exploration, exploration.curves[compared[i]]);
    text +=
        curve_through(frame, block, b, style, [&](const BufferRow& row) -> std::optional<double> {
          const auto ratios = exploration.ratios(row);
          if (!ratios) return std::nullopt;
          return axis.y((*ratios)[i]);
        });
  }
  return text + sizes_below(frame, block, b, axis.bottom);
}

/// What the sizes below the last panel of a block are.
std::string sizes_title(const BufferExploration& exploration, const Frame& frame, std::size_t b) {
  const double y = (exploration.compared().empty() ? frame.words.bottom : frame.ratio.bottom) + 44;
  return svg::text(frame.panel_left(b) + frame.panel_width / 2, y, "on-chip buffer", "middle", 14);
}

}  // namespace

std::string exploration_svg(const BufferExploration& exploration) {
  const std::vector<Style> styles = legend_styles(exploration);
  const double room = frame_of(exploration, 0).width - left - right;
  const svg::Legend legend = svg::legend(styles, left, legend_top, room);
  const Frame frame = frame_of(exploration, legend.bottom);
  std::string text =
      svg::begin(frame.width, frame.height,
                 fmt::format("{}: words between chip and memory", exploration.network));
  text +=
      svg::text(left, 54,
                fmt::format("one mini-batch of {} by size of the on-chip buffer, plain SGD, best "
                            "schedules found",
                            exploration.batch),
                "start", 13);
  text += legend.text;
  for (std::size_t b = 0; b < exploration.blocks.size(); ++b) {
    text += words_panel(exploration, frame, b) + ratio_panel(exploration, frame, b) +
            sizes_title(exploration, frame, b);
  }
  return text + svg::end();
}

}  // namespace spillway::analysis
