// A step's operations by layer and by purpose, in the order in which they are planned.
#pragma once

#include <initializer_list>
#include <vector>

#include "sim/plan/operations/phases.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// Numbers of parts, in order.
using PartList = std::vector<std::size_t>;
void append(PartList& list, const PartList& more);
PartList joined(std::initializer_list<PartList> lists);

/// One layer's parts.
struct LayerParts {
  PartList input;    ///< makes its input out of the images (input dropout)
  PartList forward;  ///< the product first; batch-norm in phases, ReLU, max-pool, dropout
  PartList score;    ///< of its local classifier, or of the readout above the last layer
  PartList loss;
  PartList error;             ///< makes the error of its output; empty where the layer above does
  PartList masks;             ///< dropout and ReLU, on that error
  PartList pool;              ///< max-pool, on that error
  PartList norm;              ///< batch-norm in phases: sums, then errors
  PartList input_recomputed;  ///< the same dropout, for the weight gradient
  PartList input_gradient;    ///< makes the error of the layer below
  PartList weight_gradient;
  PartList updates;  ///< of weights and biases
  PartList norm_updates;
  PartList classifier_gradient, classifier_updates;  ///< the readout's, above the last layer
  PartList seeds;
};

struct StepParts {
  std::vector<OpPart> parts;       ///< phases of operations, in the step's order
  std::vector<LayerParts> layers;  ///< none where the step is no chain
  bool backward = false;           ///< a backward pass follows when the forward pass is through
};

StepParts parts_of(const workloads::Step& step);

}  // namespace spillway::sim
