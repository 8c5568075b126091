// When each engine worked for which layer and phase, as text and as JSON.
#pragma once

#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "sim/run/overview.hpp"
#include "sim/run/timing.hpp"

namespace spillway::analysis {

/// Cycles of a clock of that period that stand for the times of a column, in its order: each is
/// within one cycle of its time, and together they are the cycles of the sum, rounded up.
std::vector<std::uint64_t> cycles_that_add_up(const std::vector<workloads::Picoseconds>& column,
                                              workloads::Picoseconds period);

std::string timing_text(const std::vector<sim::LayerTime>& lines,
                        const models::Execution& execution, const models::DeviceConfig& device);

/// "load 91 %, store 22 %, …": parts of the whole step in which each engine is busy.
std::string engines_text(const models::Execution& execution);
/// {"load": {"busy_cycles", "busy_ns", "busy_pct", "stalled_ns", "idle_ns", "stalled_on_ns": {…}},
/// "store": …}, of the whole step.
Json engines_json(const models::Execution& execution, workloads::Picoseconds period);

/// {"buffer_space_ns", "full_queue_ns"}.
Json not_issued_json(const models::Execution& execution);

/// {"window_ns", "windows", "buffer_bytes": […], "busy_pct": {"load": […], …}, "dram_bytes": […]}.
Json overview_json(const sim::Overview& overview);

/// [{"layer", "phase", "first_cycle", "last_cycle", "begin_ns", "end_ns", "load": {"busy_cycles",
/// "busy_ns", "stalled_ns"}, "store": …, "bound", "array_pct"}]: for each engine the lines add up
/// to its whole time.
Json timing_json(const std::vector<sim::LayerTime>& lines, const models::DeviceConfig& device);

}  // namespace spillway::analysis
