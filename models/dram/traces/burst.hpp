// The bytes of one request of a pattern or a trace.
#pragma once

#include <cstdint>

namespace spillway::models::dram {

/// A burst of most devices, and a cache line of most machines. Patterns and traces are in bursts of
/// the device that they are for; this is the burst where none is named.
inline constexpr std::uint64_t usual_burst_bytes = 64;

}  // namespace spillway::models::dram
