#include "models/memory_ports.hpp"

#include <algorithm>
#include <cmath>

#include "models/engine.hpp"

namespace spillway::models {

namespace {

/// Move a payload's data to or from a store.
void move_data(tlm::tlm_generic_payload& payload, BackingStore& store) {
  const std::span<std::byte> data(reinterpret_cast<std::byte*>(payload.get_data_ptr()),
                                  payload.get_data_length());
  if (payload.is_write()) {
    store.write(payload.get_address(), data);
  } else {
    store.read(payload.get_address(), data);
  }
  payload.set_response_status(tlm::TLM_OK_RESPONSE);
}

}  // namespace

DramChannel::DramChannel(sc_core::sc_module_name name, const DeviceConfig& config)
    : sc_module(name), timing_(config.dram) {
  socket.register_b_transport(this, &DramChannel::b_transport);
}

void DramChannel::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const Picoseconds now = sim_time() + Picoseconds(delay.value());
  const DramAccess access = timing_.access(now, payload.get_address(),
                                           Bytes(payload.get_data_length()), payload.is_write());
  if (observer_) {
    observer_({now, payload.get_address(), Bytes(payload.get_data_length()), payload.is_write()});
  }
  move_data(payload, store_);
  if (access.bus_start > sim_time()) wait(to_sc_time(access.bus_start - sim_time()));
  delay = to_sc_time(access.data_ready - access.bus_start);
}

HostPort::HostPort(sc_core::sc_module_name name, const DeviceConfig& config)
    : sc_module(name), bytes_per_ns_(config.host_bytes_per_ns) {
  socket.register_b_transport(this, &HostPort::b_transport);
}

void HostPort::b_transport(int, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
  const Bytes size(payload.get_data_length());
  (payload.is_write() ? counters_.write_words : counters_.read_words) += workloads::words_of(size);
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
