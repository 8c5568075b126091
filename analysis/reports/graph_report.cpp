#include "analysis/reports/graph_report.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "analysis/formats/output.hpp"
#include "workloads/blocks.hpp"

namespace spillway::analysis {

using workloads::Block;
using workloads::Layer;
using workloads::Network;

namespace {

std::vector<std::string> names_of(const Network& network, const std::vector<int>& layers) {
  std::vector<std::string> names;
  for (const int layer : layers) names.push_back(network.name_of(layer));
  return names;
}

/// Of a block: its last layer and how many conv and fc layers it has.
Json block_json(const Network& network, const Block& block) {
  return {{"end", network.name_of(block.last)},
          {"weighted_layers", weighted_layers(network, block).size()}};
}

}  // namespace

std::string graph_text(const Network& network) {
  const std::vector<int> all_cuts = cuts(network);
  Table table({"layer", "type", "reads", "cut", "block", "conv, fc"});
  for (const Block& block : natural_blocks(network)) {
    for (int i = block.first; i <= block.last; ++i) {
      const bool end = i == block.last;
      table.add({network.layer(i).name, name_in(workloads::layer_kind_names, network.layer(i).kind),
                 fmt::format("{}", fmt::join(names_of(network, network.layer(i).inputs), ", ")),
                 std::ranges::count(all_cuts, i) > 0 ? "cut" : "", end ? "ends" : "",
                 end ? std::to_string(weighted_layers(network, block).size()) : ""});
    }
  }
  return fmt::format(
      "\nGraph: {} cuts, {} blocks of local rules\n{}"
      "  Values of one example alive at once, at most: {} in inference, {} in training by\n"
      "  backpropagation (nothing in place; winners of max-pooling counted).\n",
      all_cuts.size(), natural_blocks(network).size(), table.text(),
      grouped(static_cast<std::uint64_t>(most_alive_in_inference(network))),
      grouped(static_cast<std::uint64_t>(most_alive_in_training(network))));
}

Json graph_json(const Network& network) {
  Json layers = Json::array(), blocks = Json::array();
  for (const Layer& layer : network.layers) {
    layers.push_back({{"layer", layer.name},
                      {"type", name_in(workloads::layer_kind_names, layer.kind)},
                      {"from", names_of(network, layer.inputs)},
                      {"activations", layer.activations().count()}});
  }
  for (const Block& block : natural_blocks(network)) blocks.push_back(block_json(network, block));
  return {{"layers", layers},
          {"cuts", names_of(network, cuts(network))},
          {"blocks", blocks},
          {"alive_in_inference", most_alive_in_inference(network)},
          {"alive_in_training", most_alive_in_training(network)}};
}

}  // namespace spillway::analysis
