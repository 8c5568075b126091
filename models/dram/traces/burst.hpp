// What one request of a pattern or a trace moves.
#pragma once

#include <cstdint>

namespace spillway::models::dram {

/// An aligned burst, a cache line of most machines: the unit of all traces. Devices whose bursts
/// are of another size take no traces.
inline constexpr std::uint64_t trace_burst_bytes = 64;

}  // namespace spillway::models::dram
