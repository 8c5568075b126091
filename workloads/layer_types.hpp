// The types of layers, and what to say of types that other tools have and Spillway has not.
#pragma once

#include "workloads/network.hpp"

namespace spillway::workloads {

/// What the key `type` says. `channels` are those of the layer's input. Throws InputError, which
/// for a known type of other tools names what stands in for it.
LayerKind read_layer_kind(const Config& type, std::int64_t channels);

}  // namespace spillway::workloads
