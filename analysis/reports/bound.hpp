// What bound a step, or one layer's part of it: which part of the device was busy most of the time.
#pragma once

#include <string>

#include "sim/experiment.hpp"
#include "sim/run/trainee.hpp"

namespace spillway::analysis {

enum class Bound { memory, array, vector_unit, buffer_port, prng, latency };
inline constexpr workloads::Names<Bound, 6> bound_names{{
    {Bound::memory, "memory"},
    {Bound::array, "array"},
    {Bound::vector_unit, "vector unit"},
    {Bound::buffer_port, "buffer port"},
    {Bound::prng, "PRNG"},
    {Bound::latency, "latency"},
}};

/// Shares of a time, 0 to 1, in which each part of the device was busy.
struct Usage {
  double memory = 0;  ///< a load or a store was under way, or the DRAM bus had something to do
  double array = 0, vector_unit = 0;
  double buffer_port = 0;  ///< the compute engine waited for operands from the buffer
  double prng = 0;

  double compute() const { return array + vector_unit + buffer_port; }
  double most() const;  ///< of memory, compute and PRNG
};

/// What is busy in less than this share of the time bounds nothing by itself.
inline constexpr double bound_share = 2.0 / 3;

/// Of memory, the compute engine and the PRNG unit the busiest, and of the compute engine what took
/// most of its time; latency where none is busy for `bound_share`: they wait for each other.
Bound bound_of(const Usage& usage);

/// Of the whole step's time.
Usage usage_of(const models::Execution& execution);
/// Of the time in which any engine worked for the label.
Usage usage_of(const models::WorkTimes& times);

/// Useful MACs of those that the array could do in a time, 0 to 1.
double array_share(workloads::Macs macs, workloads::Picoseconds time,
                   const models::DeviceConfig& device);

/// One line: "Memory-bound: the DRAM bus moves data 81 % of the time …".
std::string bound_text(const models::DeviceConfig& device, const sim::Result& result);

}  // namespace spillway::analysis
