// A run as a timeline, for viewers of trace events (Perfetto, chrome://tracing).
#pragma once

#include <map>
#include <string>
#include <vector>

#include "sim/plan/plan.hpp"
#include "sim/run/overview.hpp"
#include "sim/run/trainee.hpp"

namespace spillway::analysis {

/// Looks on at a device that runs one program.
class Timeline : public models::Observer {
 public:
  static constexpr std::size_t usual_most_slices = 100'000;

  /// Row hits are wanted about so often. Of more slices than `most` those of an engine that begin
  /// in one window of time become one.
  Timeline(const models::DeviceConfig& device, models::Picoseconds sampling_interval,
           std::size_t most_slices = usual_most_slices);

  /// The tensors of the program that comes; kept by reference.
  void begin(const models::MemoryMap& map) { map_ = &map; }

  void work(const models::WorkSlice& slice) override;
  void buffer(models::Picoseconds now, models::Bytes used) override { overview_.buffer(now, used); }
  void transaction(const models::dram::Transaction& sent) override { overview_.transaction(sent); }
  models::Picoseconds sampling_interval() const override { return sampling_interval_; }
  void sample(models::Picoseconds now, const models::dram::Statistics& counters) override;

  /// A file in the JSON form of trace events, of the run's result. Times are microseconds with all
  /// digits: a track for each engine and DRAM channel, counters of the buffer, the bus and its row
  /// hits. Each slice says in `args` how long its engine was busy, by layer and phase.
  std::string json(const std::string& name, const sim::Result& result);

  std::size_t slices() const { return slices_.size(); }
  bool is_aggregated() const { return window_ > models::Picoseconds(0); }

 private:
  struct Slice {
    models::EngineKind engine = models::EngineKind::load;
    models::Picoseconds begin, end;
    models::WorkLabel work = 0;
    std::string what;  ///< of a single instruction
    std::size_t instructions = 1;
    std::map<models::WorkLabel, models::Picoseconds> busy;  ///< of several
  };
  bool are_joined(const Slice& a, const Slice& b) const {
    return a.begin.count() / window_.count() == b.begin.count() / window_.count();
  }
  static void join(Slice& slice, const Slice& next);
  void aggregate();

  const models::DeviceConfig device_;
  models::Picoseconds sampling_interval_;
  std::size_t most_slices_;
  const models::MemoryMap* map_ = nullptr;
  std::vector<Slice> slices_;
  std::map<models::EngineKind, std::size_t> last_;  // of each engine, when aggregated
  models::Picoseconds window_;                      // zero: each instruction by itself
  sim::Overview overview_;
  struct Sample {
    models::Picoseconds time;
    models::dram::Statistics counters;
  };
  std::vector<Sample> samples_;
};

}  // namespace spillway::analysis
