// How many values a network learns: those that the paper counts, and the others.
#pragma once

#include "workloads/network.hpp"

namespace spillway::workloads {

struct ParameterCount {
  Words weights;          ///< sum of |P_i|: all that the paper counts
  Words biases;           ///< of the layers
  Words batch_norm;       ///< a scale and a shift for each map or neuron; no running statistics
  Words readout_weights;  ///< of the layer that turns the last layer's outputs into classes
  Words readout_biases;

  Words all() const { return weights + biases + batch_norm + readout_weights + readout_biases; }
};

/// Those of one layer; nothing of a readout.
ParameterCount count_parameters(const Layer& layer);

/// Those of a whole network with its readout layer. Local classifiers, which LEL-TLC trains, are
/// no part of the network that is used afterwards, and are not among them.
ParameterCount count_parameters(const Network& network);

}  // namespace spillway::workloads
