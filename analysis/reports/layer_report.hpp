// A plan's words layer by layer, beside what no plan avoids and what the layer's products move at
// least when each runs by itself.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "sim/plan/plan.hpp"

namespace spillway::analysis {

using workloads::Words;

struct LayerTraffic {
  std::string layer;
  Words forward, rest;  ///< sim/plan/reports/layer_words.hpp
  Words once;           ///< the same
  /// analysis/closed_forms/lower_bound.hpp, where it is valid: operands are counted in DRAM, none
  /// is made on chip, and there is a product.
  std::optional<Words> forward_alone;
  std::optional<Words> gradients_alone;  ///< input and weight gradient, each by itself

  Words words() const { return forward + rest; }
};

/// Layers and the readout, as far as they move words or have a bound.
std::vector<LayerTraffic> layer_traffic(const sim::Experiment& experiment, const sim::Plan& plan);

std::string layer_traffic_text(const std::vector<LayerTraffic>& layers);
Json layer_traffic_json(const std::vector<LayerTraffic>& layers);

}  // namespace spillway::analysis
