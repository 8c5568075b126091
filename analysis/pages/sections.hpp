// The sections of a page, each about all results; without their headings.
#pragma once

#include <string>
#include <vector>

#include "analysis/pages/run_view.hpp"

namespace spillway::analysis::pages {

using Runs = std::vector<RunView>;

std::string summary_section(const Runs& runs);
std::string cost_section(const Runs& runs);
std::string traffic_section(const Runs& runs);
std::string time_section(const Runs& runs);
std::string roofline_section(const Runs& runs);
std::string energy_section(const Runs& runs);
std::string overview_section(const Runs& runs);
std::string schedule_section(const Runs& runs);
std::string settings_section(const Runs& runs);

/// Names of the eight kinds of colours, "c1" and on.
std::string colour_class(std::size_t number);

}  // namespace spillway::analysis::pages
