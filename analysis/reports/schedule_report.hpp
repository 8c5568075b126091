// How a policy that cuts operations into tiles fits a step to a buffer: its nests, their loops,
// what stays in the buffer and what each moves.
#pragma once

#include <string>

#include "analysis/formats/json.hpp"
#include "sim/plan/plan.hpp"

namespace spillway::analysis {

std::string schedule_text(const sim::Plan& plan);
Json schedule_json(const sim::Plan& plan);

}  // namespace spillway::analysis
