#include "models/dram/channel.hpp"

#include <algorithm>

#include "models/dram/controllers/registry.hpp"

namespace spillway::models::dram {

Statistics& Statistics::operator+=(const Statistics& other) {
  reads += other.reads;
  writes += other.writes;
  row_misses += other.row_misses;
  activates += other.activates;
  precharges += other.precharges;
  refreshes += other.refreshes;
  bank_refreshes += other.bank_refreshes;
  read_latency_sum += other.read_latency_sum;
  finish = std::max(finish, other.finish);
  all_closed += other.all_closed;
  busy += other.busy;
  idle += other.idle;
  lost_refresh += other.lost_refresh;
  lost_turnaround += other.lost_turnaround;
  lost_row += other.lost_row;
  lost_spacing += other.lost_spacing;
  return *this;
}

Channel::Channel(const DramDevice& device)
    : controller_(controller_kind(device.controller.scheduler).make(device)) {}
Channel::~Channel() = default;
Channel::Channel(Channel&&) noexcept = default;
Channel& Channel::operator=(Channel&&) noexcept = default;

void Channel::observe(Observer observer) { controller_->observe(std::move(observer)); }
std::uint64_t Channel::submit(const Request& request) { return controller_->submit(request); }
std::uint64_t Channel::submit_run(const Request& first, std::uint64_t bursts) {
  return controller_->submit_run(first, bursts);
}
std::uint64_t Channel::drain() { return controller_->drain(); }
void Channel::reset() { controller_->reset(); }
void Channel::advance(std::uint64_t cycle) { controller_->advance(cycle); }
std::uint64_t Channel::outstanding_reads(std::uint8_t requester) const {
  return controller_->outstanding_reads(requester);
}
std::uint64_t Channel::reads_done(std::uint8_t requester) const {
  return controller_->reads_done(requester);
}
std::uint64_t Channel::served_in_runs() const { return controller_->served_in_runs(); }
Statistics Channel::statistics() const { return controller_->statistics(0); }
Statistics Channel::statistics(std::uint64_t cycle) const { return controller_->statistics(cycle); }
const DramDevice& Channel::device() const { return controller_->device(); }

}  // namespace spillway::models::dram
