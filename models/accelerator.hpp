// The top module: a sequencer that issues a program in order to four engines, and the memories.
#pragma once

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

 private:
  void sequence();
  bool issue(Instruction& instruction);
  Engine* engine_for(const Instruction& instruction);
  [[noreturn]] void report_deadlock() const;

  TransferEngine load_{"load", shared};
  TransferEngine store_{"store", shared};
  ComputeEngine compute_{"compute", shared};
  PrngUnit generate_{"generate", shared};
  sc_core::sc_event start_;
  const Program* program_ = nullptr;
  std::optional<Instruction> waiting_;  // next to be issued
  Issued free_;                         // needs no engine
  bool finished_ = true;
};

}  // namespace spillway::models
