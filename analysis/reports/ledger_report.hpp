// The ledger's lines, as text and as JSON.
#pragma once

#include <string>

#include "sim/plan/emission/ledger.hpp"
#include "workloads/support/json.hpp"

namespace spillway::analysis {

/// The ledger of the DRAM channel: planned words, and simulated ones when there are.
std::string ledger_text(const sim::Ledger& planned, const sim::Ledger* simulated);

/// Words read and written at both ports, in a line each.
std::string ledger_totals_text(const sim::Ledger& ledger);

/// The lines of one port: [{"layer", "phase", "tensor", "direction", "words"}].
Json ledger_json(const sim::Ledger& ledger, models::Port port);

}  // namespace spillway::analysis
