#include "analysis/reports/dram_trace_file.hpp"

namespace spillway::analysis {

DramTraceFile::DramTraceFile(const std::filesystem::path& path, models::dram::TraceFormat format,
                             std::uint64_t clock_period_fs, std::uint64_t burst_bytes)
    : file_(path),
      writer_(format, [this](std::string_view text) { file_.write(text); }),
      clock_period_fs_(clock_period_fs),
      burst_bytes_(burst_bytes) {}

void DramTraceFile::add(const models::dram::Transaction& transaction) {
  if (transaction.size == workloads::Bytes(0)) return;
  const std::uint64_t cycle = (transaction.time * 1000).count() / clock_period_fs_;
  const std::uint64_t first = transaction.address / burst_bytes_;
  const std::uint64_t last = (transaction.address + (transaction.size.count() - 1)) / burst_bytes_;
  for (std::uint64_t burst = first; burst <= last; ++burst) {
    writer_.add({burst * burst_bytes_, transaction.is_write, cycle});
  }
  bursts_ += last - first + 1;
}

void DramTraceFile::finish() {
  writer_.finish();
  file_.finish();
}

}  // namespace spillway::analysis
