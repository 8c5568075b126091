// Which operations of its step a schedule runs, and in which order.
#pragma once

#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// Throws ConsistencyError when nests run the step's operations in an order that changes the values
/// they compute.
void check_order(const Schedule& schedule, const workloads::Step& step);

/// Throws ConsistencyError when an operation of the step, or a phase of one, is in none of the
/// nests.
void check_complete(const Schedule& schedule, const workloads::Step& step);

}  // namespace spillway::sim
