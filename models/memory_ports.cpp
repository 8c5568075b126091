#include "models/memory_ports.hpp"

#include <algorithm>
#include <cmath>

#include "models/engine.hpp"
#include "workloads/support/error.hpp"

namespace spillway::models {

namespace {

/// Move a payload's data, if it carries any, to or from a store.
void move_data(tlm::tlm_generic_payload& payload, BackingStore& store) {
  if (payload.get_data_ptr() == nullptr) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    return;
  }
  const std::span<std::byte> data(reinterpret_cast<std::byte*>(payload.get_data_ptr()),
                                  payload.get_data_length());
  Copies now;
  auto* together = payload.get_extension<MovesTogether>();
  Copies& copies = together != nullptr ? together->copies : now;
  if (payload.is_write()) {
    store.write(payload.get_address(), data, copies);
  } else {
    store.read(payload.get_address(), data, copies);
  }
  now.run();
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace

Words counted_words(const tlm::tlm_generic_payload& payload) {
  const auto* place = payload.get_extension<PlaceInRun>();
  const Bytes begin = place != nullptr ? place->begin : Bytes(0);
  return workloads::words_of(begin + Bytes(payload.get_data_length())) - workloads::words_of(begin);
}

DramChannel::DramChannel(sc_core::sc_module_name name, const DeviceConfig& config)
    : sc_module(name), memory_(config.dram) {
  socket.register_b_transport(this, &DramChannel::b_transport);
}

void DramChannel::observe(std::vector<Observer*> observers) {
  observers_ = std::move(observers);
  for (const Observer* observer : observers_) {
    const Picoseconds interval = observer->sampling_interval();
    if (interval == Picoseconds(0)) continue;
    const bool first = sampling_interval_ == Picoseconds(0);
    sampling_interval_ = first ? interval : std::min(sampling_interval_, interval);
  }
}

void DramChannel::begin_program() {
  memory_.reset();
  counters_ = {};
  begin_ = sim_time();
  next_sample_ = sampling_interval_;
}

/// Of a transaction that is sent now; before it, of what the channels have done.
void DramChannel::tell(const dram::Transaction& transaction) {
  if (sampling_interval_ > Picoseconds(0) && transaction.time >= next_sample_) {
    const dram::Statistics sample = memory_.statistics(cycle_from(begin_ + transaction.time));
    for (Observer* observer : observers_) observer->sample(transaction.time, sample);
    next_sample_ = transaction.time + sampling_interval_;
  }
  for (Observer* observer : observers_) observer->transaction(transaction);
}

Picoseconds DramChannel::end_program() {
  const Picoseconds end = std::max(sim_time(), time_of(memory_.drain()));
  counters_.channel = memory_.statistics(cycle_from(end));
  counters_.activates = counters_.channel.activates;
  counters_.row_hits = counters_.channel.row_hits();
  for (Observer* observer : observers_) observer->sample(end - begin_, counters_.channel);
  return end;
}

std::uint64_t DramChannel::cycle_from(Picoseconds time) const {
  const std::uint64_t period = memory_.device().timing.clock_period_fs;
  return workloads::ceil_div(((time - begin_) * 1000).count(), period);
}

Picoseconds DramChannel::time_of(std::uint64_t cycle) const {
  const std::uint64_t period = memory_.device().timing.clock_period_fs;
  return begin_ + Picoseconds(workloads::ceil_div(workloads::checked_product(cycle, period), 1000));
}

void DramChannel::wait_until(Picoseconds time) {
  if (time > sim_time()) wait(to_sc_time(time - sim_time()));
}

void DramChannel::b_transport(int initiator, tlm::tlm_generic_payload& payload,
                              sc_core::sc_time& delay) {
  const auto requester = static_cast<std::uint8_t>(initiator);
  if (payload.get_command() == tlm::TLM_IGNORE_COMMAND) {
    payload.set_response_status(tlm::TLM_OK_RESPONSE);
    wait_for_reads(requester);
    return;
  }
  const Picoseconds now = sim_time() + Picoseconds(delay.value());
  const std::uint64_t address = payload.get_address();
  const Bytes size(payload.get_data_length());
  const bool is_write = payload.is_write();
  if (size == Bytes(0)) throw workloads::ProgramError("a DRAM transaction moves no bytes");
  if (!observers_.empty()) tell({now - begin_, address, size, is_write});
  const std::uint64_t burst = memory_.device().geometry.burst_bytes;
  const std::uint64_t bursts = bursts_of(address, size, burst);
  const std::uint64_t accepted =
      memory_.transfer({address, is_write, cycle_from(now), requester}, bursts);
  (is_write ? counters_.write_words : counters_.read_words) += counted_words(payload);
  (is_write ? counters_.write_bytes : counters_.read_bytes) += Bytes(burst) * bursts;
  (is_write ? counters_.write_bursts : counters_.read_bursts) += bursts;
  move_data(payload, store_);
  delay = sc_core::SC_ZERO_TIME;
  wait_until(std::max(now, time_of(accepted)));
}

// Other requesters may come meanwhile, so that the end is not known: wait for as long as it takes
// at the least, and look again.
void DramChannel::wait_for_reads(std::uint8_t requester) {
  while (true) {
    const std::uint64_t cycle = cycle_from(sim_time());
    const std::uint64_t left = memory_.outstanding_reads(requester, cycle);
    if (left == 0) break;
    wait_until(time_of(cycle + 1 + (left - 1) * memory_.device().timing.column_other));
  }
  wait_until(time_of(memory_.reads_done(requester)));
}

HostPort::HostPort(sc_core::sc_module_name name, const DeviceConfig& config)
    : sc_module(name), bytes_per_ns_(config.host_bytes_per_ns) {
  socket.register_b_transport(this, &HostPort::b_transport);
}

void HostPort::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const Bytes size(payload.get_data_length());
  (payload.is_write() ? counters_.write_words : counters_.read_words) += counted_words(payload);
  (payload.is_write() ? counters_.write_bytes : counters_.read_bytes) += size;
  move_data(payload, store_);
  if (!bytes_per_ns_) return;
  const double ns = static_cast<double>(size.count()) / *bytes_per_ns_;
  const Picoseconds duration(static_cast<std::uint64_t>(std::ceil(ns * 1000)));
  const Picoseconds start = std::max(busy_until_, sim_time() + Picoseconds(delay.value()));
  busy_until_ = start + duration;
  if (start > sim_time()) wait(to_sc_time(start - sim_time()));
  delay = to_sc_time(duration);
}

}  // namespace spillway::models
