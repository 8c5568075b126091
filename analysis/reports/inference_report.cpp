#include "analysis/reports/inference_report.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "analysis/formats/columns.hpp"
#include "analysis/formats/json.hpp"
#include "analysis/formats/output.hpp"
#include "analysis/formats/svg.hpp"
#include "workloads/support/sizes.hpp"

namespace spillway::analysis {

using sim::ExitPoint;

namespace {

// Per mini-batch, unless said otherwise.
std::uint64_t words_read(const ExitPoint& exit) {
  return exit.traffic.dram_read / exit.traffic.steps;
}
std::uint64_t words_written(const ExitPoint& exit) {
  return exit.traffic.dram_write / exit.traffic.steps;
}
std::uint64_t macs(const ExitPoint& exit) { return exit.traffic.macs / exit.traffic.steps; }
double time_us(const ExitPoint& exit) {
  return static_cast<double>(exit.traffic.time_ps) / static_cast<double>(exit.traffic.steps) / 1e6;
}
double percent(const ExitPoint& exit) { return 100 * exit.accuracy(); }

/// `slowest_us`: the time that the exits' times are compared with.
Columns<ExitPoint> columns(double slowest_us) {
  using Row = ExitPoint;
  return {
      {{"exit at", "exit", "exit"}, [](const Row& row) { return row.layer; }},
      {{"accuracy %", "accuracy", "accuracy"},
       [](const Row& row) { return row.accuracy(); },
       [](const Row& row) { return row.decides ? fmt::format("{:.2f}", percent(row)) : "-"; },
       [](const Row& row) { return row.decides ? fmt::format("{:.6f}", row.accuracy()) : ""; }},
      {{"loss", "loss", "loss"},
       [](const Row& row) { return row.loss; },
       [](const Row& row) { return fmt::format("{:.4f}", row.loss); },
       [](const Row& row) { return fmt::format("{:.6f}", row.loss); }},
      {{"words read", "words_read", "read_words"}, words_read},
      {{"words written", "words_written", "write_words"}, words_written},
      {{"MACs (millions)", "macs", "macs"},
       macs,
       [](const Row& row) { return millions(macs(row)); }},
      {{"time (us)", "time_us", "time_ns"},
       [](const Row& row) { return time_us(row) * 1000; },
       [](const Row& row) { return fmt::format("{:.1f}", time_us(row)); },
       [](const Row& row) { return fmt::format("{:.3f}", time_us(row)); }},
      {{"of the last exit's time", "", ""},
       [slowest_us](const Row& row) {
         return fmt::format("{:.0f} %", 100 * time_us(row) / slowest_us);
       }},
      {{"needed on chip", "buffer_words", "buffer_words"},
       [](const Row& row) { return row.buffer.count(); },
       [](const Row& row) { return workloads::needed_size(bytes_of(row.buffer)); }},
  };
}

}  // namespace

std::string inference_text(const sim::Experiment& experiment, const std::vector<ExitPoint>& exits) {
  const Table table = text_table(columns(time_us(exits.back())), exits);
  return fmt::format(
      "{} trained with {}: inference through device {}, {} images of {} in whole mini-batches\n"
      "per mini-batch of {}: words from and to DRAM, useful MACs, simulated time\n\n{}",
      experiment.network.name, experiment.rule, experiment.device.name, exits.back().images,
      experiment.data.set, experiment.batch, table.text());
}

std::string inference_csv(const std::vector<ExitPoint>& exits) {
  return csv_file(columns(1), exits);
}

std::string inference_json(const sim::Experiment& experiment, const std::vector<ExitPoint>& exits) {
  return dump({{"network", experiment.network.name},
               {"rule", experiment.rule},
               {"batch", experiment.batch},
               {"images", exits.back().images},
               {"exits", json_rows(columns(1), exits)}});
}

namespace {

constexpr double panel = 300, gap = 34, left = 80, top = 76, plot_height = 290;
constexpr const char* colour = "#2d6a9f";

struct Panel {
  std::string label;
  std::vector<double> values;
};

/// What an exit is judged by: its accuracy, or its loss where decisions are not right or wrong.
double worth(const ExitPoint& exit) { return exit.decides ? percent(exit) : exit.loss; }

std::string panel_svg(const Panel& p, const std::vector<ExitPoint>& exits, double x,
                      const svg::Axis& axis) {
  const double most = *std::ranges::max_element(p.values);
  const double step = svg::round_up(std::max(most, 1e-9) * 1.05 / 5);
  const int lines = std::max(1, static_cast<int>(std::ceil(most * 1.05 / step)));
  const auto at = [&](double value) { return x + panel * value / (step * lines); };
  std::string text;
  for (int i = 0; i <= lines; ++i) {
    text += svg::line(at(i * step), axis.bottom, at(i * step), axis.bottom + 5, "#333333");
    text += svg::text(at(i * step), axis.bottom + 20, fmt::format("{:g}", i * step), "middle", 12);
  }
  text += svg::text(x + panel / 2, axis.bottom + 42, p.label, "middle", 13);
  for (std::size_t i = 0; i < exits.size(); ++i) {
    const double px = at(p.values[i]), py = axis.y(worth(exits[i]));
    if (i + 1 < exits.size()) {
      text += svg::line(px, py, at(p.values[i + 1]), axis.y(worth(exits[i + 1])), colour,
                        " stroke-width=\"1.5\"");
    }
    text +=
        fmt::format("<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"4\" fill=\"{}\"/>\n", px, py, colour);
    // Names above the points, every other one below where they would run into each other.
    const bool crowded = i > 0 && px - at(p.values[i - 1]) < 44 && i % 2 == 1;
    text += svg::text(px, py + (crowded ? 18 : -9), exits[i].layer, "middle", 11);
  }
  return text;
}

}  // namespace

std::string inference_svg(const sim::Experiment& experiment, const std::vector<ExitPoint>& exits) {
  Panel words{"millions of words read and written", {}}, products{"millions of MACs", {}},
      time{"simulated time, microseconds", {}};
  const bool decides = exits.front().decides;
  double least = worth(exits.front()), most = least;
  for (const ExitPoint& exit : exits) {
    words.values.push_back(static_cast<double>(words_read(exit) + words_written(exit)) / 1e6);
    products.values.push_back(static_cast<double>(macs(exit)) / 1e6);
    time.values.push_back(time_us(exit));
    least = std::min(least, worth(exit));
    most = std::max(most, worth(exit));
  }
  const double end = decides ? 100 : std::numeric_limits<double>::infinity();
  const double range = std::max(most - least, decides ? 0.5 : 0.1 * std::max(most, 1e-9));
  const double step = svg::round_up(range * 1.4 / 6);
  const double low = std::max(0.0, step * std::floor((least - 0.2 * (most - least)) / step));
  const int lines =
      std::max(1, static_cast<int>(std::ceil((std::min(end, most + 0.2 * step) - low) / step)));
  const double width = left + 3 * panel + 2 * gap + 40, height = top + plot_height + 64;
  const svg::Axis axis{low, step, lines, top, top + plot_height, left, left + 3 * panel + 2 * gap};
  std::string text = svg::begin(width, height,
                                fmt::format("{} trained with {}: what an earlier exit saves",
                                            experiment.network.name, experiment.rule));
  text += svg::text(left, 52,
                    fmt::format("inference on device {}, mini-batch of {}, {} test images",
                                experiment.device.name, experiment.batch, exits.back().images),
                    "start", 13);
  text += axis.grid(decides ? "accuracy on test images, %" : "loss on test images");
  double x = left;
  for (const Panel& p : {words, products, time}) {
    text += panel_svg(p, exits, x, axis);
    x += panel + gap;
  }
  return text + svg::end();
}

}  // namespace spillway::analysis
