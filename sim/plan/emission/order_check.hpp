// The order in which a schedule runs the operations of its step.
#pragma once

#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// Throws ConsistencyError when nests run the step's operations in an order that changes what they
/// compute.
void check_order(const Schedule& schedule, const workloads::Step& step);

}  // namespace spillway::sim
