// What a run sends to its DRAM, as a trace file for other simulators.
#pragma once

#include <cstdint>
#include <filesystem>

#include "models/dram/traces/burst.hpp"
#include "models/dram/traces/trace_writer.hpp"
#include "models/observer.hpp"
#include "workloads/support/whole_file.hpp"

namespace spillway::analysis {

/// Takes transactions as they happen and keeps none of them. The file appears when it is finished.
class DramTraceFile : public models::Observer {
 public:
  /// `clock_period_fs` is that of the channel's command clock, in which the trace counts;
  /// `burst_bytes` are what each of its lines moves, a burst of the device. Throws InputError when
  /// the file cannot be written.
  DramTraceFile(const std::filesystem::path& path, models::dram::TraceFormat format,
                std::uint64_t clock_period_fs,
                std::uint64_t burst_bytes = models::dram::usual_burst_bytes);

  /// Every burst that the transaction touches, in the order of addresses.
  void add(const models::dram::Transaction& transaction);
  void transaction(const models::dram::Transaction& sent) override { add(sent); }
  void finish();

  std::uint64_t bursts() const { return bursts_; }

 private:
  workloads::UnfinishedFile file_;
  models::dram::TraceWriter writer_;
  std::uint64_t clock_period_fs_, burst_bytes_;
  std::uint64_t bursts_ = 0;
};

}  // namespace spillway::analysis
