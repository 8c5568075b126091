// A DRAM device alone under a pattern or a trace, and what `spillway dram` says of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "models/dram/channel.hpp"
#include "models/dram/traces/pattern.hpp"
#include "models/dram/traces/trace_reader.hpp"

namespace spillway::analysis {

struct DramRun {
  models::dram::DramDevice device;
  std::string pattern;  ///< or the name of the trace
  models::dram::Statistics statistics;
  double cpu_seconds = 0;  ///< of this process, making or reading the requests included
  models::dram::TraceReader::Backwards backwards{};  ///< of a trace

  double time_ns() const;
  /// Of the chips; none when the device does not give their currents.
  std::optional<double> energy_uj() const;
};

/// Told of the bursts so far, about every million.
using DramProgress = std::function<void(std::uint64_t bursts)>;

/// What a pattern moves unless told otherwise: as in the table of the reference simulators, 64 MiB
/// of the streams on DDR4-2400 with RoBaCoBg and 16 MiB of everything else.
workloads::Bytes usual_pattern_size(const models::dram::DramDevice& device,
                                    const std::string& pattern);

/// In bursts of the device. Throws InputError, also for a pattern that goes beyond the device
/// unless what is beyond begins at 0 again (`wrap`).
DramRun run_dram_pattern(const models::dram::DramDevice& device, const std::string& pattern,
                         workloads::Bytes size, bool wrap = false,
                         const DramProgress& progress = {});

/// How a trace is to be read; its format is recognised when none is given.
struct DramTraceOptions {
  std::optional<models::dram::TraceFormat> format;
  bool wrap = false;                ///< as for patterns
  std::optional<double> clock_mhz;  ///< that its cycles are of; none: the device's command clock
};

/// The same with a trace of any length, in constant memory; "-" is standard input.
DramRun run_dram_trace(const models::dram::DramDevice& device, const std::filesystem::path& trace,
                       const DramTraceOptions& options = {}, const DramProgress& progress = {});

/// Of this process, so far.
double cpu_seconds();

std::string dram_text(const DramRun& run);
std::string dram_json(const DramRun& run);

}  // namespace spillway::analysis
