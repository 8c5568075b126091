// A plan's words by the layer whose operations they are moved for.
#pragma once

#include <vector>

#include "sim/plan/plan.hpp"

namespace spillway::sim {

struct LayerWords {
  Words forward;
  Words rest;  ///< loss, backward pass, update
  Words all() const { return forward + rest; }
};

/// Words through the DRAM port by layer: 1 … L, then the readout; 0 has none. A loaded tensor
/// counts for the first operation that uses it, a stored one for the last that changes it. (The
/// ledger goes by the layer that a tensor belongs to.)
std::vector<LayerWords> words_by_layer(const Plan& plan);

/// Words that no plan avoids, by the same layers: a tensor that is in DRAM before the step and used
/// is read once, one that is changed and wanted afterwards is written once. A layer's own tensors
/// count for it, images and labels for the first layer that uses them. Images count as far as
/// anything depends on them: pixels that no window touches are not needed
/// (workloads/step_needs.hpp).
std::vector<Words> words_once(const Plan& plan);

}  // namespace spillway::sim
