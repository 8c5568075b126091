#include "models/accelerator.hpp"

#include <fmt/format.h>

#include "models/stack_bounds.hpp"
#include "workloads/support/error.hpp"

namespace spillway::models {

Accelerator::Accelerator(sc_core::sc_module_name name, const DeviceConfig& config,
                         const DeviceOptions& options)
    : sc_module(name), shared(config, options) {
  for (TransferEngine* engine : {&load_, &store_}) {
    engine->dram_port.bind(dram.socket);
    engine->host_port.bind(host.socket);
  }
  SC_HAS_PROCESS(Accelerator);
  SC_METHOD(sequence);
}

void Accelerator::begin(const MemoryMap& map, const Program& program) {
  shared.map = &map;
  shared.execution = {};
  shared.activities.clear();
  shared.activity = {};
  shared.tiles.begin(map);
  dram.begin_program();
  program_ = &program;
  finished_ = false;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void Accelerator::end() {
  if (shared.failure) std::rethrow_exception(shared.failure);
  const bool idle = load_.empty() && store_.empty() && compute_.empty() && generate_.empty();
  if (!finished_ || !idle) report_deadlock();
  shared.tiles.end();
}

/// A method, called whenever something changed: issues as much as it can.
void Accelerator::sequence() {
  if (shared.failure) return;
  restore_stack_bounds();
  try {
    while (!finished_) {
      if (!waiting_) waiting_ = (*program_)();
      if (!waiting_) {
        finished_ = true;
      } else if (issue(*waiting_)) {
        waiting_.reset();
        ++shared.execution.instructions;
      } else {
        next_trigger(shared.room_changed);
        return;
      }
    }
    next_trigger(start_);
  } catch (const std::exception&) {
    shared.fail();
  }
}

/// False when it has to wait for a place in a queue or for space.
bool Accelerator::issue(Instruction& instruction) {
  Engine* engine = engine_for(instruction);
  if (engine != nullptr && engine->full()) {
    shared.full_engine = engine;
    return false;
  }
  // A free needs no engine: the last user of the tile gives up the space.
  if (!shared.tiles.issue(instruction, engine != nullptr ? engine->next_place() : free_)) {
    shared.space_wanted = true;
    return false;
  }
  if (engine != nullptr) engine->push();
  return true;
}

Engine* Accelerator::engine_for(const Instruction& instruction) {
  if (std::holds_alternative<Load>(instruction)) return &load_;
  if (std::holds_alternative<Store>(instruction)) return &store_;
  if (std::holds_alternative<Compute>(instruction)) return &compute_;
  if (std::holds_alternative<Generate>(instruction)) return &generate_;
  return nullptr;
}

void Accelerator::report_deadlock() const {
  if (waiting_) {
    throw workloads::ProgramError(fmt::format("deadlock: {}: {}", describe(*waiting_, *shared.map),
                                              shared.tiles.blocked_on(*waiting_)));
  }
  for (const Engine* engine :
       std::initializer_list<const Engine*>{&load_, &store_, &compute_, &generate_}) {
    if (const Instruction* head = engine->head()) {
      throw workloads::ProgramError("deadlock: " + describe(*head, *shared.map) +
                                    " waits for its tiles for ever");
    }
  }
  throw workloads::ProgramError("deadlock");
}

}  // namespace spillway::models
