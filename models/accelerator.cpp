#include "models/accelerator.hpp"

#include <fmt/format.h>

#include <algorithm>

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
  if (!options.waveform.empty()) {
    waveform_.emplace(options.waveform);
    for (const Engine* engine : engines()) engine->add_signals(*waveform_);
    waveform_->add(shared.buffer_signal, "buffer.reserved_bytes", 64);
    waveform_->add(issue_signal_, "issue.waits_for", 2);
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
  shared.program_begin = sim_time();
  for (Engine* engine : engines()) engine->begin_program();
  dram.begin_program();
  program_ = &program;
  finished_ = false;
  start_.notify(sc_core::SC_ZERO_TIME);
}

void Accelerator::end() {
  if (shared.failure) std::rethrow_exception(shared.failure);
  const bool idle = std::ranges::all_of(engines(), &Engine::empty);
  if (!finished_ || !idle) report_deadlock();
  shared.tiles.end();
}

void Accelerator::keep_times(Picoseconds end) {
  for (Engine* engine : engines()) engine->end_program(end);
  shared.keep_activities();
  if (!waveform_) return;
  // The last values are written when time goes on.
  sc_core::sc_start(to_sc_time(std::max(Picoseconds(1), end - sim_time())));
  waveform_->finish();
  waveform_.reset();
}

/// A method, called whenever something changed: issues as much as it can.
void Accelerator::sequence() {
  if (shared.failure) return;
  restore_stack_bounds();
  count_not_issued();
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
  const std::optional<EngineKind> kind = engine_for(instruction);
  Engine* engine = kind ? engines()[static_cast<std::size_t>(*kind)] : nullptr;
  if (engine != nullptr && engine->full()) {
    shared.full_engine = engine;
    blocked_by_ = &IssueTimes::full_queue;
    issue_signal_ = 2;
    return false;
  }
  // A free needs no engine: the last user of the tile gives up the space.
  if (!shared.tiles.issue(instruction, kind.value_or(EngineKind::load),
                          engine != nullptr ? engine->next_place() : free_)) {
    shared.space_wanted = true;
    blocked_by_ = &IssueTimes::buffer_space;
    issue_signal_ = 1;
    return false;
  }
  shared.tell_buffer();
  if (engine != nullptr) engine->push();
  return true;
}

/// What blocked the last issue has lasted until now.
void Accelerator::count_not_issued() {
  const Picoseconds now = sim_time();
  if (blocked_by_ != nullptr) shared.execution.not_issued.*blocked_by_ += now - blocked_from_;
  blocked_from_ = now;
  blocked_by_ = nullptr;
  issue_signal_ = 0;
}

std::optional<EngineKind> Accelerator::engine_for(const Instruction& instruction) {
  if (std::holds_alternative<Load>(instruction)) return EngineKind::load;
  if (std::holds_alternative<Store>(instruction)) return EngineKind::store;
  if (std::holds_alternative<Generate>(instruction)) return EngineKind::generate;
  const auto* compute = std::get_if<Compute>(&instruction);
  if (compute == nullptr) return std::nullopt;
  const bool apart = shared.config.vector_unit && !contracts_.of(compute->kernel).is_product();
  return apart ? EngineKind::vector : EngineKind::compute;
}

void Accelerator::report_deadlock() {
  if (waiting_) {
    throw workloads::ProgramError(fmt::format("deadlock: {}: {}", describe(*waiting_, *shared.map),
                                              shared.tiles.blocked_on(*waiting_)));
  }
  for (const Engine* engine : engines()) {
    if (const Instruction* head = engine->head()) {
      throw workloads::ProgramError("deadlock: " + describe(*head, *shared.map) +
                                    " waits for its tiles for ever");
    }
  }
  throw workloads::ProgramError("deadlock");
}

}  // namespace spillway::models
