// What a result was made with, so that its file stands alone.
#pragma once

#include <string>
#include <vector>

#include "analysis/formats/json.hpp"
#include "sim/experiment.hpp"

namespace spillway::analysis {

/// Of the JSON that `run` and `plan` write. It grows by one when a key goes or changes its meaning,
/// not when one is added.
inline constexpr int result_schema = 1;

/// The keys from which such a file begins: schema, version, command, and all settings of the
/// experiment that counts, times and values depend on.
Json result_head(const sim::Experiment& experiment, const std::string& command);

/// What a network is, but for its name: {"classes", "input_dropout", "network_layers"}.
Json network_settings(const workloads::Network& network);

/// The keys of `result_head` that are settings: those that two results are compared by.
const std::vector<std::string>& setting_keys();

}  // namespace spillway::analysis
