// What a layer reads of the network before it. Internal to the networks.
#pragma once

#include <string>
#include <vector>

#include "workloads/network.hpp"

namespace spillway::workloads {

/// Throws ShapeError: "layer NAME: why".
[[noreturn]] void refuse(const LayerSpec& spec, const std::string& field, const std::string& why);

/// The layers that it reads, by the names in `from` or the one before. Throws ShapeError.
std::vector<int> inputs_of(const Network& network, const LayerSpec& spec);

/// The shape that it works on: of a concatenation with the channels of all. Throws ShapeError where
/// the inputs of a join do not fit each other.
ImageShape joined_shape(const Network& network, const LayerSpec& spec,
                        const std::vector<int>& inputs);

/// Whether its output is a vector. Throws ShapeError where vectors and maps would meet.
bool is_flat(const Network& network, const LayerSpec& spec, const std::vector<int>& inputs);

}  // namespace spillway::workloads
