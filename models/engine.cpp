#include "models/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "models/energy/kernel_accesses.hpp"
#include "models/layout_runs.hpp"
#include "models/lfsr.hpp"
#include "models/memory_ports.hpp"
#include "models/stack_bounds.hpp"
#include "workloads/support/error.hpp"

namespace spillway::models {

using workloads::ceil_div;

namespace {

constexpr std::size_t thread_stack = 256 * 1024;

Picoseconds cycles_to_time(Cycles cycles, const DeviceConfig& config) {
  return config.clock_period * cycles.count();
}

/// How long `size` takes through one engine's side of the buffer port.
Picoseconds port_time(Bytes size, const DeviceConfig& config) {
  return cycles_to_time(Cycles(ceil_div(size.count(), config.buffer_port.count())), config);
}

}  // namespace

sc_core::sc_time to_sc_time(Picoseconds time) {
  return sc_core::sc_time::from_value(time.count());  // the resolution is one picosecond
}

Picoseconds sim_time() { return Picoseconds(sc_core::sc_time_stamp().value()); }

namespace {

/// With checks on the tile table lets nobody use bytes that were not written.
OnChipBuffer::Poison poison_for(const DeviceOptions& options) {
  if (!options.values) return OnChipBuffer::Poison::no_memory;
  return options.check_residency ? OnChipBuffer::Poison::on_request : OnChipBuffer::Poison::always;
}

}  // namespace

SharedState::SharedState(const DeviceConfig& device, const DeviceOptions& options)
    : config(device),
      values(options.values),
      buffer(device.buffer, poison_for(options)),
      tiles(buffer, options.check_residency),
      observers(options.observers) {
  buffer.when_released([this](std::span<std::byte> bytes) { kernels.forget(bytes); });
}

void SharedState::wake(const Engine& engine, bool freed) {
  if (engines_wait) {
    engines_wait = false;
    tile_changed.notify(sc_core::SC_ZERO_TIME);
  }
  if (full_engine == &engine || (space_wanted && freed)) {
    full_engine = nullptr;
    space_wanted = false;
    room_changed.notify(sc_core::SC_ZERO_TIME);
  }
}

Transferred& SharedState::line(LedgerLabel label) {
  if (execution.by_label.size() <= label) execution.by_label.resize(label + 1);
  return execution.by_label[label];
}

void SharedState::count_busy(EngineKind engine, const Instruction& instruction, Picoseconds begin,
                             Picoseconds duration) {
  execution.busy.of(engine) += duration;
  const WorkLabel work = work_of(instruction);
  WorkTimes& times = times_of(work);
  times.busy.of(engine) += duration;
  times.first = times.any ? std::min(times.first, begin) : begin;
  times.last = std::max(times.last, begin + duration);
  times.any = true;
  const Picoseconds since = begin - program_begin;
  for (Observer* observer : observers) {
    observer->work({engine, &instruction, work, since, since + duration});
  }
}

void SharedState::count_stall(EngineKind engine, WorkLabel work, StallCause cause,
                              Picoseconds duration) {
  times_of(work).stalled.of(engine).on(cause) += duration;
}

Picoseconds SharedState::random_busy(Picoseconds until) const {
  // Work that is still to be done goes on without a break.
  return execution.busy.generate - (random_until - std::min(random_until, until));
}

void SharedState::tell_buffer() {
  buffer_signal = buffer.used().count();
  if (observers.empty() || buffer.used() == buffer_told) return;
  buffer_told = buffer.used();
  for (Observer* observer : observers) observer->buffer(sim_time() - program_begin, buffer_told);
}

WorkTimes& SharedState::times_of(WorkLabel work) {
  if (execution.by_work.size() <= work) execution.by_work.resize(work + 1);
  return execution.by_work[work];
}

WorkCounts& SharedState::counts_of(WorkLabel work) { return times_of(work).counts; }

void SharedState::count_accesses(WorkLabel work, BufferUser user, const Accesses& accesses) {
  buffer.count_read(accesses.read);
  buffer.count_write(accesses.written);
  counts_of(work).buffer.of(user) += accesses;
}

void SharedState::count_accesses(WorkLabel work, const BufferAccesses& accesses) {
  const Accesses total = accesses.total();
  buffer.count_read(total.read);
  buffer.count_write(total.written);
  counts_of(work).buffer += accesses;
}

Activity& SharedState::activity_of(WorkLabel work) {
  if (activities.size() <= work) activities.resize(work + 1);
  return activities[work];
}

void SharedState::begin_transfer(WorkLabel work) {
  activity_of(work).begin_transfer(sim_time());
  activity.begin_transfer(sim_time());
}

void SharedState::end_transfer(WorkLabel work) {
  activity_of(work).end_transfer(sim_time());
  activity.end_transfer(sim_time());
}

void SharedState::keep_activities() {
  for (std::size_t label = 0; label < execution.by_work.size(); ++label) {
    WorkTimes& times = execution.by_work[label];
    const Activity& seen = activity_of(static_cast<WorkLabel>(label));
    times.transfers = seen.transfers();
    times.active = seen.active();
    execution.stalled += times.stalled;
    execution.compute += times.compute;
    execution.counts += times.counts;
  }
  execution.transfers = activity.transfers();
}

Picoseconds SharedState::make_random(const Tile& tile, const workloads::RandomValues& random,
                                     bool signs, const Instruction& instruction) {
  const WorkLabel label = work_of(instruction);
  const RandomWork work = random_work(tile, map->at(tile.tensor), random);
  const Picoseconds duration = cycles_to_time(work.clocks, config);
  execution.generated_words += work.words.count();
  const Picoseconds begin = std::max(random_until, sim_time());
  count_busy(EngineKind::generate, instruction, begin, duration);
  // Signs are those of a second register, which runs beside the first.
  counts_of(label).random_bits += work.clocks.count() * Lfsr::bits_per_clock * (signs ? 2 : 1);
  random_until = begin + duration;
  activity_of(label).work(sim_time(), random_until);
  return random_until;
}

Engine::Engine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind)
    : sc_module(name), shared_(shared), kind_(kind) {}

void Engine::begin_program() {
  state_ = {};
  state_.begin = sim_time();
  state_.random_before = shared_.random_busy(state_.begin);
}

void Engine::enter(Doing doing, StallCause cause) {
  const Picoseconds now = sim_time();
  leave_state(now);
  const WorkLabel work = empty() ? 0 : work_of(front().instruction);
  state_ = {doing, cause, work, now, shared_.random_busy(now)};
  state_signal_ = static_cast<unsigned>(doing);
}

void Engine::add_signals(Waveform& waveform) const {
  waveform.add(state_signal_, fmt::format("{}.state", basename()), 2);
  waveform.add(queue_signal_, fmt::format("{}.queue", basename()), 16);
}

/// Work is counted where it is done. That of the PRNG unit goes on whatever instruction it has
/// itself, where kernels take random values as they are made.
void Engine::leave_state(Picoseconds now) {
  if (state_.doing == Doing::busy) return;
  Picoseconds lasted = now - state_.begin;
  if (kind_ == EngineKind::generate) lasted -= shared_.random_busy(now) - state_.random_before;
  if (lasted == Picoseconds(0)) return;
  if (state_.doing == Doing::idle) {
    shared_.execution.idle.of(kind_) += lasted;
  } else {
    shared_.count_stall(kind_, state_.work, state_.cause, lasted);
  }
}

Issued& Engine::next_place() {
  if (count_ == queue_.size()) {
    const auto first = queue_.begin() + static_cast<std::ptrdiff_t>(first_);
    std::rotate(queue_.begin(), first, queue_.end());
    first_ = 0;
    queue_.resize(queue_.size() + 8);
  }
  return queue_[(first_ + count_) % queue_.size()];
}

void Engine::push() {
  if (++count_ == 1) arrived_.notify(sc_core::SC_ZERO_TIME);
  queue_signal_ = static_cast<unsigned>(count_);
}

void Engine::complete_head() {
  const Bytes used = shared_.buffer.used();
  shared_.tiles.complete(front());
  first_ = (first_ + 1) % queue_.size();
  queue_signal_ = static_cast<unsigned>(--count_);
  shared_.wake(*this, shared_.buffer.used() < used);
  shared_.tell_buffer();
}

MethodEngine::MethodEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind)
    : Engine(name, shared, kind) {
  SC_HAS_PROCESS(MethodEngine);
  SC_METHOD(step);
}

void MethodEngine::step() {
  if (shared_.failure) return;
  restore_stack_bounds();
  try {
    if (running_) {
      running_ = false;
      complete_head();
    }
    if (empty()) {
      enter_idle();
      next_trigger(arrived_);
    } else if (const auto cause = shared_.tiles.waits_for(front())) {
      enter_stalled(*cause);
      shared_.engines_wait = true;
      next_trigger(shared_.tile_changed);
    } else {
      enter_busy();
      const Instruction& instruction = front().instruction;
      const Duration duration = execute(instruction);
      if (duration.all > duration.busy) {
        shared_.count_stall(kind_, work_of(instruction), StallCause::random_words,
                            duration.all - duration.busy);
      }
      running_ = true;
      next_trigger(to_sc_time(duration.all));
    }
  } catch (const std::exception&) {
    shared_.fail();
  }
}

TransferEngine::TransferEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind)
    : Engine(name, shared, kind) {
  SC_HAS_PROCESS(TransferEngine);
  SC_THREAD(run);
  set_stack_size(thread_stack);
}

void TransferEngine::run() {
  try {
    while (true) {
      while (empty()) {
        enter_idle();
        wait(arrived_);
      }
      while (const auto cause = shared_.tiles.waits_for(front())) {
        enter_stalled(*cause);
        shared_.engines_wait = true;
        wait(shared_.tile_changed);
      }
      enter_busy();
      const Instruction& instruction = front().instruction;
      if (const auto* load = std::get_if<Load>(&instruction)) {
        transfer(load->tile, load->label, load->work, false);
      } else {
        const auto& store = std::get<Store>(instruction);
        transfer(store.tile, store.label, store.work, true);
      }
      complete_head();
    }
  } catch (const std::exception&) {
    shared_.fail();
  }
}

void TransferEngine::transfer(const BufferedTile& tile, LedgerLabel label, WorkLabel work,
                              bool write) {
  const Picoseconds begin = sim_time();
  shared_.begin_transfer(work);
  const TensorPlacement& place = shared_.map->at(tile.tile.tensor);
  if (place.address == nowhere) {
    throw workloads::ProgramError("illegal program: a transfer of " +
                                  tile_name(tile.tile, *shared_.map) + ", which no memory holds");
  }
  const Bytes moved = place.element * tile.tile.elements();
  std::byte* data = nullptr;
  std::span<std::byte> bytes;
  const bool staged = shared_.values && !is_row_major(place.layout, place.shape);
  if (shared_.values) {
    bytes = shared_.buffer.bytes(tile.address, moved);
    if (write) {
      shared_.kernels.settle(bytes);
    } else {
      shared_.kernels.forget(bytes);
    }
    if (staged) {
      staging_.resize(moved.count());
      if (write) gather(tile.tile, place, bytes, staging_);
    }
    data = staged ? staging_.data() : bytes.data();
  }
  Picoseconds finish = begin;
  for_each_run(tile.tile, place, [&](const Run& run) {
    transport(place.port, place.address + run.offset, data, run.size, write, {label, work}, finish);
    if (data != nullptr) data += run.size.count();
  });
  moves_.copies.run();  // before anybody is told
  if (staged && !write) scatter(tile.tile, place, staging_, bytes);
  shared_.count_accesses(work, place.port == Port::dram ? BufferUser::dram : BufferUser::host,
                         write ? Accesses{moved, Bytes(0)} : Accesses{Bytes(0), moved});
  if (!write && place.port == Port::dram) wait_for_data();
  finish = std::max(finish, begin + port_time(moved, shared_.config));
  if (finish > sim_time()) wait(to_sc_time(finish - sim_time()));
  shared_.end_transfer(work);
  shared_.count_busy(kind_, front().instruction, begin, sim_time() - begin);
}

/// Until all that was read has come.
void TransferEngine::wait_for_data() {
  tlm::tlm_generic_payload payload;
  payload.set_command(tlm::TLM_IGNORE_COMMAND);
  payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
  sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
  dram_port->b_transport(payload, delay);
}

/// One run, in transactions that end where a chunk of the address space ends. Each returns when the
/// memory has taken it in, so that the next one stands behind it in the queues.
void TransferEngine::transport(Port port, std::uint64_t address, std::byte* data, Bytes run,
                               bool write, const Labels& labels, Picoseconds& finish) {
  const std::uint64_t chunk = shared_.config.dram_chunk.count();
  const std::uint64_t burst = shared_.config.dram.geometry.burst_bytes;
  PlaceInRun place;
  tlm::tlm_generic_payload payload;
  payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
  payload.set_extension(&moves_);
  while (run > Bytes(0)) {
    const std::uint64_t size = std::min(run.count(), chunk - address % chunk);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(data));
    payload.set_data_length(static_cast<unsigned>(size));
    payload.set_streaming_width(static_cast<unsigned>(size));
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    const bool within_word = place.begin.count() % workloads::bytes_per_word != 0;
    payload.set_extension(within_word ? &place : nullptr);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (port == Port::dram ? dram_port : host_port)->b_transport(payload, delay);
    if (payload.is_response_error()) {
      throw workloads::ConsistencyError("a memory refused a transaction: " +
                                        payload.get_response_string());
    }
    finish = std::max(finish, sim_time() + Picoseconds(delay.value()));
    if (port == Port::dram) {
      WorkCounts& counts = shared_.counts_of(labels.work);
      (write ? counts.write_bursts : counts.read_bursts) += bursts_of(address, Bytes(size), burst);
    }
    Transferred& line = shared_.line(labels.ledger);
    line.words += counted_words(payload);
    line.bytes += Bytes(size);
    address += size;
    if (data != nullptr) data += size;
    run -= Bytes(size);
    place.begin += Bytes(size);
  }
}

ComputeEngine::ComputeEngine(sc_core::sc_module_name name, SharedState& shared, EngineKind kind)
    : MethodEngine(name, shared, kind), array_(shared.config.array()) {}

MethodEngine::Duration ComputeEngine::execute(const Instruction& instruction) {
  const auto& compute = std::get<Compute>(instruction);
  const Picoseconds begin = sim_time();
  Picoseconds random_end = begin;
  Bytes read, written;
  const auto size_of = [&](const TileView& view) {
    return shared_.map->at(view.part.tensor).element * view.part.elements();
  };
  for (const Input& input : compute.inputs) {
    if (const auto* view = std::get_if<TileView>(&input)) {
      read += size_of(*view);
    } else {
      const auto& streamed = std::get<Streamed>(input);
      random_end = shared_.make_random(streamed.tile, streamed.values,
                                       streamed.sign_seed.has_value(), instruction);
    }
  }
  for (const TileView& view : compute.outputs) written += size_of(view);
  if (accumulates(compute.kernel)) read += written;
  if (shared_.values) shared_.operands.run(compute, *shared_.map);

  const workloads::Contract& contract = contracts_.of(compute.kernel);
  const KernelCost cost = kernel_cost(contract);
  shared_.count_accesses(compute.work,
                         kernel_accesses(compute, contract, cost.gemm, array_, *shared_.map));
  WorkCounts& counts = shared_.counts_of(compute.work);
  counts.macs += cost.macs_padded;
  counts.elements += cost.elements;
  Execution& execution = shared_.execution;
  if (compute.counted_apart) {
    execution.macs_apart += cost.macs;
  } else {
    execution.macs += cost.macs;
    execution.macs_padded += cost.macs_padded;
  }
  const Picoseconds elements = shared_.config.elementwise_time(cost.elements);
  const Picoseconds computed =
      cycles_to_time(product_cycles(cost, array_), shared_.config) + elements;
  const Picoseconds duration = std::max(computed, port_time(read + written, shared_.config));
  shared_.count_busy(kind_, instruction, begin, duration);
  execution.by_work[compute.work].compute +=
      {computed - elements, elements, duration - computed, cost.macs};
  shared_.activity_of(compute.work).work(begin, begin + duration);
  return {duration, std::max(duration, random_end - begin)};
}

PrngUnit::PrngUnit(sc_core::sc_module_name name, SharedState& shared)
    : MethodEngine(name, shared, EngineKind::generate) {}

MethodEngine::Duration PrngUnit::execute(const Instruction& instruction) {
  const auto& generate = std::get<Generate>(instruction);
  const Tile& tile = generate.tile.tile;
  const TensorPlacement& place = shared_.map->at(tile.tensor);
  const Bytes size = place.element * tile.elements();
  if (shared_.values) {
    shared_.operands.make(generate.values, tile, generate.seed, generate.sign_seed, place,
                          shared_.buffer.bytes(generate.tile.address, size));
  }
  shared_.count_accesses(generate.work, BufferUser::prng, {Bytes(0), size});
  const Picoseconds all =
      shared_.make_random(tile, generate.values, generate.sign_seed.has_value(), instruction) -
      sim_time();
  return {all, all};
}

}  // namespace spillway::models
