// Addresses in the buffer of all that a schedule keeps there.
#pragma once

#include <cstddef>

#include "sim/plan/mapping/packing.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// Give residencies and slots their addresses in the buffer. False when they do not
/// fit.
bool place(Schedule& schedule, const workloads::Step& step, Words buffer);

/// The most words in a row that residencies, where they are placed, leave to a nest.
BufferRange largest_gap(const Schedule& schedule, const workloads::Step& step, std::size_t nest,
                        Words buffer);

/// The most words that are taken at once, gaps left out.
Words most_words(const Schedule& schedule, const workloads::Step& step);

}  // namespace spillway::sim
