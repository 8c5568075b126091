#include "models/engine.hpp"

#include <algorithm>
#include <cstring>

#include "models/lfsr.hpp"
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

Transferred& SharedState::line(LedgerLabel label) {
  if (execution.by_label.size() <= label) execution.by_label.resize(label + 1);
  return execution.by_label[label];
}

Engine::Engine(sc_core::sc_module_name name, SharedState& shared)
    : sc_module(name), shared_(shared) {}

void Engine::push(Issued issued) {
  queue_.push_back(std::move(issued));
  arrived_.notify(sc_core::SC_ZERO_TIME);
}

void Engine::complete_head() {
  shared_.tiles.complete(queue_.front());
  queue_.pop_front();
  shared_.notify_changed();
}

MethodEngine::MethodEngine(sc_core::sc_module_name name, SharedState& shared)
    : Engine(name, shared) {
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
    if (queue_.empty()) {
      next_trigger(arrived_);
    } else if (!shared_.tiles.ready(queue_.front())) {
      next_trigger(shared_.changed);
    } else {
      const Picoseconds duration = execute(queue_.front().instruction);
      running_ = true;
      next_trigger(to_sc_time(duration));
    }
  } catch (const std::exception&) {
    shared_.fail();
  }
}

TransferEngine::TransferEngine(sc_core::sc_module_name name, SharedState& shared)
    : Engine(name, shared) {
  SC_HAS_PROCESS(TransferEngine);
  SC_THREAD(run);
  set_stack_size(thread_stack);
}

void TransferEngine::run() {
  try {
    while (true) {
      while (queue_.empty()) wait(arrived_);
      while (!shared_.tiles.ready(queue_.front())) wait(shared_.changed);
      const Instruction& instruction = queue_.front().instruction;
      if (const auto* load = std::get_if<Load>(&instruction)) {
        transfer(load->tile, load->label, false);
      } else {
        const auto& store = std::get<Store>(instruction);
        transfer(store.tile, store.label, true);
      }
      complete_head();
    }
  } catch (const std::exception&) {
    shared_.fail();
  }
}

void TransferEngine::transfer(const BufferedTile& tile, LedgerLabel label, bool write) {
  const Picoseconds begin = sim_time();
  const TensorPlacement& place = shared_.map->at(tile.tile.tensor);
  Picoseconds finish = begin;
  std::uint64_t at = tile.address;
  Bytes moved;
  for_each_run(tile.tile, place.shape, place.element, [&](const Run& run) {
    const std::span<std::byte> data = shared_.buffer.bytes(at, run.size);
    if (write) {
      shared_.kernels.settle(data);
    } else {
      shared_.kernels.forget(data);
    }
    transport(place.port, place.address + run.offset, data, write, label, finish);
    at += run.size.count();
    moved += run.size;
  });
  if (write) {
    shared_.buffer.count_read(moved);
  } else {
    shared_.buffer.count_write(moved);
  }
  if (!write && place.port == Port::dram) wait_for_data();
  finish = std::max(finish, begin + port_time(moved, shared_.config));
  if (finish > sim_time()) wait(to_sc_time(finish - sim_time()));
  EngineTimes& busy = shared_.execution.busy;
  (write ? busy.store : busy.load) += sim_time() - begin;
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
void TransferEngine::transport(Port port, std::uint64_t address, std::span<std::byte> data,
                               bool write, LedgerLabel label, Picoseconds& finish) {
  const std::uint64_t chunk = shared_.config.dram_chunk.count();
  while (!data.empty()) {
    const std::size_t size = std::min<std::size_t>(data.size(), chunk - address % chunk);
    tlm::tlm_generic_payload payload;
    payload.set_command(write ? tlm::TLM_WRITE_COMMAND : tlm::TLM_READ_COMMAND);
    payload.set_address(address);
    payload.set_data_ptr(reinterpret_cast<unsigned char*>(data.data()));
    payload.set_data_length(static_cast<unsigned>(size));
    payload.set_streaming_width(static_cast<unsigned>(size));
    payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    (port == Port::dram ? dram_port : host_port)->b_transport(payload, delay);
    if (payload.is_response_error()) {
      throw workloads::ConsistencyError("a memory refused a transaction: " +
                                        payload.get_response_string());
    }
    finish = std::max(finish, sim_time() + Picoseconds(delay.value()));
    Transferred& line = shared_.line(label);
    line.words += workloads::words_of(Bytes(size));
    line.bytes += Bytes(size);
    address += size;
    data = data.subspan(size);
  }
}

ComputeEngine::ComputeEngine(sc_core::sc_module_name name, SharedState& shared)
    : MethodEngine(name, shared),
      array_(shared.config.array_rows, shared.config.array_columns, shared.config.dataflow) {}

Picoseconds ComputeEngine::execute(const Instruction& instruction) {
  const auto& compute = std::get<Compute>(instruction);
  std::vector<const std::byte*> inputs;
  std::vector<std::byte*> outputs;
  Bytes read, written;
  const auto bytes_of_tile = [&](const BufferedTile& tile, Bytes& sum) {
    const Bytes size = shared_.map->at(tile.tile.tensor).element * tile.tile.elements();
    sum += size;
    return shared_.buffer.bytes(tile.address, size).data();
  };
  for (const BufferedTile& tile : compute.inputs) inputs.push_back(bytes_of_tile(tile, read));
  for (const BufferedTile& tile : compute.outputs) outputs.push_back(bytes_of_tile(tile, written));
  shared_.kernels.run(compute.kernel, inputs, outputs);
  shared_.buffer.count_read(read);
  shared_.buffer.count_write(written);

  const KernelCost cost = kernel_cost(compute.kernel);
  Execution& execution = shared_.execution;
  if (compute.counted_apart) {
    execution.macs_apart += cost.macs;
  } else {
    execution.macs += cost.macs;
    execution.macs_padded += cost.macs_padded;
  }
  const Picoseconds duration = std::max(cycles_to_time(kernel_cycles(cost, array_), shared_.config),
                                        port_time(read + written, shared_.config));
  execution.busy.compute += duration;
  return duration;
}

PrngUnit::PrngUnit(sc_core::sc_module_name name, SharedState& shared)
    : MethodEngine(name, shared) {}

std::uint32_t PrngUnit::seed_of(const BufferedTile& tile) {
  std::uint32_t seed = 0;
  const std::span<std::byte> bytes = shared_.buffer.bytes(tile.address, Bytes(sizeof seed));
  std::memcpy(&seed, bytes.data(), sizeof seed);
  return seed;
}

Picoseconds PrngUnit::execute(const Instruction& instruction) {
  const auto& generate = std::get<Generate>(instruction);
  const TensorPlacement& place = shared_.map->at(generate.tile.tile.tensor);
  const std::uint32_t seed = seed_of(generate.seed);
  std::optional<std::uint64_t> sign_seed;
  if (generate.sign_seed) sign_seed = seed_of(*generate.sign_seed);
  const std::uint64_t per_clock = elements_per_clock(generate.values);
  std::uint64_t at = generate.tile.address, clocks = 0;
  for_each_run(generate.tile.tile, place.shape, place.element, [&](const Run& run) {
    const std::uint64_t first = run.offset / place.element.count(),
                        count = run.size.count() / place.element.count();
    const std::span<std::byte> bytes = shared_.buffer.bytes(at, run.size);
    shared_.kernels.forget(bytes);
    generate_values(generate.values, seed, sign_seed, first, bytes);
    clocks += ceil_div(first + count, per_clock) - first / per_clock;
    shared_.buffer.count_write(run.size);
    shared_.execution.generated_words += words_of(run.size).count();
    at += run.size.count();
  });
  const Picoseconds duration = cycles_to_time(Cycles(clocks), shared_.config);
  shared_.execution.busy.generate += duration;
  return duration;
}

}  // namespace spillway::models
