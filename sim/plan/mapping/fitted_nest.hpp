// Nests made of loops that a search has found, and fitted to the room that there is for them.
#pragma once

#include <cstdint>

#include "models/compute_array.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/mapping/packing.hpp"

namespace spillway::sim {

/// The found loops as a nest, with updates in parts as large as the buffer allows.
Nest make_nest(const NestSpec& spec, const FoundNest& found, const ResidentPrefixes& resident,
               std::uint64_t words);

/// The nest with loops that move as many words as its own, in the smallest buffer that allows it.
Nest tightened(const Nest& nest);
/// The nest with the quickest loops that are found in this part of the buffer, at addresses there,
/// if it fits; else as it is. It moves no more words.
Nest widened(const Nest& nest, BufferRange room, const models::ComputeArray& array);

}  // namespace spillway::sim
