// What a golden file (tests/data/golden, tests/data/golden2) describes: a network and a step.
#pragma once

#include <array>
#include <string>

#include "workloads/network.hpp"
#include "workloads/step.hpp"
#include "workloads/support/json.hpp"

namespace spillway::test {

/// A value that differs from the file's, or a file that is not as it should be.
struct Mismatch {
  std::string what;
};

/// A JSON integer; a fraction is not cut off silently.
std::int32_t integer(const Json& value);

/// Its layers are entries of a graph with names; else they are a chain.
inline bool is_graph(const Json& file) { return file.value("graph", false); }

workloads::Network read_golden_network(const Json& file);

workloads::Step golden_step(const workloads::Network& network, const Json& file);

}  // namespace spillway::test
