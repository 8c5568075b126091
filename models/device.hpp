// A simulated device to run programs on. The SystemC modules are behind this interface; several
// devices may live in one process, one after the other or side by side, on one thread.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <vector>

#include "models/backing_store.hpp"
#include "models/device_config.hpp"
#include "models/dram_counters.hpp"
#include "models/energy/work_counts.hpp"
#include "models/engine_times.hpp"
#include "models/instruction.hpp"
#include "models/observer.hpp"

namespace spillway::models {

using workloads::Macs;

struct DeviceOptions {
  bool check_residency = true;  ///< see TileTable
  /// Without values nothing is read, written or computed; times, counters and checks are the same.
  bool values = true;
  std::vector<Observer*> observers{};  ///< who outlive the device
  /// Of the first program, where not empty; see Waveform.
  std::filesystem::path waveform{};
};

/// Words and bytes through the host port.
struct HostCounters {
  Words read_words, write_words;
  Bytes read_bytes, write_bytes;
};

/// Words and bytes under one ledger label.
struct Transferred {
  Words words;
  Bytes bytes;  ///< asked for
};

/// What the compute engine's time went to. The three times add up to it.
struct ComputeWork {
  Picoseconds array, vector_unit;  ///< products; single elements
  Picoseconds buffer_port;         ///< that operands took longer than both
  Macs macs;                       ///< border-exact, those counted apart included

  ComputeWork& operator+=(const ComputeWork& other);
};

/// When an engine worked for a label, in time since the program's begin.
struct WorkTimes {
  EngineTimes busy;
  EngineStalls stalled;
  ComputeWork compute;
  Picoseconds transfers;    ///< a load or a store, or both, were under way
  Picoseconds active;       ///< any engine worked
  Picoseconds first, last;  ///< begin of the first piece of work, end of the last
  bool any = false;         ///< there was one, if only a transfer that took no time
  WorkCounts counts;        ///< what was done meanwhile
};

/// Of one program.
struct Execution {
  std::vector<Transferred> by_label;  ///< indexed by LedgerLabel
  DramCounters dram;                  ///< the channel's own
  HostCounters host;                  ///< the port's own
  Macs macs, macs_padded;             ///< without those counted apart
  Macs macs_apart;
  std::uint64_t generated_words = 0;
  Picoseconds time;
  Cycles cycles;  ///< of the array's clock, rounded up
  EngineTimes busy;
  EngineStalls stalled;
  EngineTimes idle;  ///< without an instruction; of each engine with `busy` and `stalled`: `time`
  IssueTimes not_issued;
  ComputeWork compute;
  Picoseconds transfers;  ///< a load or a store, or both, were under way
  /// Indexed by WorkLabel; they add up to `busy`, `stalled` and `compute`.
  std::vector<WorkTimes> by_work;
  WorkCounts counts;  ///< theirs added up
  Accesses buffer;    ///< the buffer's own counter
  Bytes high_water;   ///< most ever reserved in the buffer, in this program or an earlier one
  std::uint64_t instructions = 0;
};

class Device {
 public:
  explicit Device(const DeviceConfig& config, const DeviceOptions& options = {});
  ~Device();
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;

  /// The memories outside the chip. Unwritten bytes are poison.
  BackingStore& dram();
  BackingStore& host();

  /// Run a program to its end. Throws ProgramError when it breaks a rule, needs more space than
  /// there is or can never go on (a deadlock); the device is then of no further use.
  Execution execute(const MemoryMap& map, const Program& program);

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace spillway::models
