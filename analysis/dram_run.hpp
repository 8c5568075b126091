// A DRAM device alone under a pattern or a trace, and what `spillway dram` says of it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "models/dram/channel.hpp"
#include "models/dram/traces/pattern.hpp"
#include "models/dram/traces/trace_format.hpp"

namespace spillway::analysis {

struct DramRun {
  models::dram::DramDevice device;
  std::string pattern;  ///< or the name of the trace
  models::dram::Statistics statistics;
  double cpu_seconds = 0;  ///< of this process, making or reading the requests included

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

/// Throws InputError, also for a device whose bursts are not the patterns'.
DramRun run_dram_pattern(const models::dram::DramDevice& device, const std::string& pattern,
                         workloads::Bytes size, const DramProgress& progress = {});

/// The same with a trace of any length, in constant memory; its format is recognised when none is
/// given.
DramRun run_dram_trace(const models::dram::DramDevice& device, const std::filesystem::path& trace,
                       std::optional<models::dram::TraceFormat> format = {},
                       const DramProgress& progress = {});

/// Of this process, so far.
double cpu_seconds();

std::string dram_text(const DramRun& run);
std::string dram_json(const DramRun& run);

}  // namespace spillway::analysis
