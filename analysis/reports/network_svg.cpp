// A network drawn: a row for each layer, a lane for each branch.
#include <fmt/format.h>

#include <algorithm>

#include "analysis/formats/svg.hpp"
#include "analysis/reports/graph_report.hpp"
#include "workloads/blocks.hpp"

namespace spillway::analysis {

using workloads::Block;
using workloads::Layer;
using workloads::LayerKind;
using workloads::Network;

namespace {

constexpr double row_height = 22, box_width = 300, box_height = 17, lane_width = 320, top = 60,
                 left = 30;

/// A lane is a row of layers of which each reads the one before. A layer goes on in the lane of the
/// first of its inputs that no other goes on in, and else takes the first lane that is free down to
/// the last reader of its output.
std::vector<std::size_t> lanes_of(const Network& network) {
  const auto layers = static_cast<int>(network.layers.size());
  std::vector<std::size_t> lanes(network.layers.size() + 1);
  std::vector<bool> continued(lanes.size());
  std::vector<int> busy{0};  // the last row of each lane that is taken
  for (int i = 1; i <= layers; ++i) {
    const auto at = static_cast<std::size_t>(i);
    const auto& inputs = network.layer(i).inputs;
    const auto before = std::ranges::find_if(inputs, [&](int input) {
      const auto from = static_cast<std::size_t>(input);
      return !continued[from] && busy[lanes[from]] <= i;
    });
    if (before != inputs.end()) {
      lanes[at] = lanes[static_cast<std::size_t>(*before)];
      continued[static_cast<std::size_t>(*before)] = true;
    } else {
      const auto free = std::ranges::find_if(busy, [&](int row) { return row < i; });
      lanes[at] = static_cast<std::size_t>(free - busy.begin());
      if (free == busy.end()) busy.push_back(0);
    }
    const std::vector<int> readers = network.readers(i);
    busy[lanes[at]] = readers.empty() ? i : readers.back();
  }
  return lanes;
}

std::string colour_of(LayerKind kind) {
  if (kind == LayerKind::conv) return "#cfe2f3";
  if (kind == LayerKind::fc) return "#d9d2e9";
  if (is_pooling(kind)) return "#fce5cd";
  return kind == LayerKind::batch_norm ? "#eeeeee" : "#d9ead3";
}

std::string label_of(const Layer& layer) {
  std::string text =
      fmt::format("{}  {}", layer.name, name_in(workloads::layer_kind_names, layer.kind));
  if (layer.kind == LayerKind::conv) {
    text += fmt::format(" {}x{}", layer.kernel[0], layer.kernel[1]);
  }
  return text +
         fmt::format("  {}x{}x{}", layer.output.channels, layer.output.height, layer.output.width);
}

double y_of(int layer) { return top + layer * row_height; }

std::string bands(const Network& network, double width) {
  std::string text;
  bool shaded = false;
  for (const Block& block : natural_blocks(network)) {
    shaded = !shaded;
    if (!shaded) continue;
    text += svg::rectangle(8, y_of(block.first) - 2.5, width - 16,
                           (block.last - block.first + 1) * row_height, "#f4f4f4");
  }
  for (const int cut : workloads::cuts(network)) {
    const double y = y_of(cut) + row_height - 2.5;
    text += svg::line(8, y, width - 8, y, "#999999", " stroke-dasharray=\"3 3\"");
  }
  return text;
}

}  // namespace

std::string network_svg(const Network& network) {
  const std::vector<std::size_t> lanes = lanes_of(network);
  const auto layers = static_cast<int>(network.layers.size());
  const auto x_of = [&](int layer) {
    return left + static_cast<double>(lanes[static_cast<std::size_t>(layer)]) * lane_width;
  };
  double width = left + lane_width;
  for (int i = 1; i <= layers; ++i) width = std::max(width, x_of(i) + lane_width);
  std::string figure = svg::begin(width, y_of(layers + 2), network.name);
  figure += svg::text(left, 44, "bands: blocks of local rules; dashed: cuts", "start", 11);
  figure += bands(network, width);
  for (int i = 1; i <= layers; ++i) {
    for (const int input : network.layer(i).inputs) {
      const double from = x_of(input) + 12, to = x_of(i) + 12, bottom = y_of(input) + box_height;
      const double bend = y_of(i) - 3;
      figure += svg::polyline({{from, bottom}, {from, bend}, {to, bend}, {to, y_of(i)}}, "#666666");
    }
  }
  for (int i = 0; i <= layers; ++i) {
    const std::string label = i == 0 ? fmt::format("input  {}x{}x{}", network.input.channels,
                                                   network.input.height, network.input.width)
                                     : label_of(network.layer(i));
    figure += svg::rectangle(x_of(i), y_of(i), box_width, box_height,
                             i == 0 ? "#ffffff" : colour_of(network.layer(i).kind));
    figure += svg::text(x_of(i) + 5, y_of(i) + 12.5, label, "start", 11);
  }
  return figure + svg::end();
}

}  // namespace spillway::analysis
