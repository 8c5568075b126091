// What `spillway infer` says.
#pragma once

#include <string>
#include <vector>

#include "sim/run/inference.hpp"

namespace spillway::analysis {

std::string inference_text(const sim::Experiment& experiment,
                           const std::vector<sim::ExitPoint>& exits);
std::string inference_csv(const std::vector<sim::ExitPoint>& exits);
std::string inference_json(const sim::Experiment& experiment,
                           const std::vector<sim::ExitPoint>& exits);
/// Accuracy against words, MACs and time, a point for each exit.
std::string inference_svg(const sim::Experiment& experiment,
                          const std::vector<sim::ExitPoint>& exits);

}  // namespace spillway::analysis
