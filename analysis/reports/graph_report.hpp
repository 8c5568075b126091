// What is said of a network that is a graph, beside the counts of its layers.
#pragma once

#include <string>

#include "workloads/network.hpp"
#include "workloads/support/json.hpp"

namespace spillway::analysis {

/// What each layer reads, the cuts, the blocks of local rules, and the most values alive at once.
std::string graph_text(const workloads::Network& network);
Json graph_json(const workloads::Network& network);

/// The layers from top to bottom in their order, with lines from what each reads; blocks are bands,
/// cuts are marked.
std::string network_svg(const workloads::Network& network);

}  // namespace spillway::analysis
