// JSON with keys in the order in which they are written.
#pragma once

#include <string>

#include "sim/plan/emission/ledger.hpp"
#include "workloads/support/json.hpp"

namespace spillway::analysis {

/// Indented, with a newline at the end.
std::string dump(const Json& json);

/// The lines of one port: [{"layer", "phase", "tensor", "direction", "words"}].
Json ledger_json(const sim::Ledger& ledger, models::Port port);

}  // namespace spillway::analysis
