// The top module: a sequencer that issues a program in order to four engines, and the memories.
#pragma once

#include <array>
#include <systemc>

#include "models/engine.hpp"
#include "models/memory_ports.hpp"

namespace spillway::models {

class Accelerator : public sc_core::sc_module {
 public:
  Accelerator(sc_core::sc_module_name name, const DeviceConfig& config,
              const DeviceOptions& options);

  SharedState shared;
  DramChannel dram{"dram", shared.config};
  HostPort host{"host", shared.config};

  /// Begin a program; it runs when the simulation does.
  void begin(const MemoryMap& map, const Program& program);
  /// After the simulation has nothing left to do. Throws the first error, a deadlock included.
  void end();
  /// What was seen of the program, which ended then, goes to `shared.execution`.
  void keep_times(Picoseconds end);

 private:
  void sequence();
  bool issue(Instruction& instruction);
  Engine* engine_for(const Instruction& instruction);
  void count_not_issued();
  [[noreturn]] void report_deadlock();
  /// By kind.
  std::array<Engine*, 4> engines() { return {&load_, &store_, &compute_, &generate_}; }

  TransferEngine load_{"load", shared, EngineKind::load};
  TransferEngine store_{"store", shared, EngineKind::store};
  ComputeEngine compute_{"compute", shared};
  PrngUnit generate_{"generate", shared};
  sc_core::sc_event start_;
  const Program* program_ = nullptr;
  std::optional<Instruction> waiting_;  // next to be issued
  Issued free_;                         // needs no engine
  bool finished_ = true;
  // Since when no instruction could be issued, and what for.
  Picoseconds blocked_from_;
  Picoseconds IssueTimes::*blocked_by_ = nullptr;
  unsigned issue_signal_ = 0;  // 0 goes on or is done, 1 waits for buffer space, 2 for a queue
  std::optional<Waveform> waveform_;
};

}  // namespace spillway::models
