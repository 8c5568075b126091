// JSON with keys in the order in which they are written.
#pragma once

#include <string>

#include "workloads/support/json.hpp"

namespace spillway::analysis {

/// Indented, with a newline at the end.
std::string dump(const Json& json);

}  // namespace spillway::analysis
