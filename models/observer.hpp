// Who looks on while a program runs.
#pragma once

#include "models/dram/channel.hpp"
#include "models/dram/transaction.hpp"
#include "models/engine_times.hpp"
#include "models/instruction.hpp"

namespace spillway::models {

/// Work of an engine, in time since the program's begin. Those of one engine come in the order of
/// their begins and do not overlap; together they are its busy time.
struct WorkSlice {
  EngineKind engine = EngineKind::load;
  /// That is done; of random values that a kernel takes as they are made, the kernel's. Valid
  /// during the call alone.
  const Instruction* instruction = nullptr;
  WorkLabel work = 0;
  Picoseconds begin, end;
};

/// Is told of what it asks for; times are those since the program's begin.
class Observer {
 public:
  virtual ~Observer() = default;

  /// An engine's piece of work, once its end is known.
  virtual void work(const WorkSlice&) {}
  /// So much of the buffer is reserved from now on.
  virtual void buffer(Picoseconds, Bytes) {}
  /// A run of bytes goes to or comes from the DRAM.
  virtual void transaction(const dram::Transaction&) {}

  /// How often the channels' counters are wanted; never if zero.
  virtual Picoseconds sampling_interval() const { return Picoseconds(0); }
  /// The channels' counters since the program's begin, summed: before the first transaction after
  /// each interval, and at the end.
  virtual void sample(Picoseconds, const dram::Statistics&) {}
};

}  // namespace spillway::models
