#include <algorithm>
#include <bit>

#include "models/dram/channel.hpp"

namespace spillway::models::dram {

Memory::Memory(const DramDevice& device) : device_(device) {
  for (std::uint32_t c = 0; c < device.channels; ++c) channels_.emplace_back(device);
  channel_bits_ = std::countr_zero(device.channels);
  interleave_bits_ = std::countr_zero(device.interleave_bytes);
}

std::uint64_t Memory::submit(const Request& request) {
  if (channels_.size() == 1) return channels_.front().submit(request);
  Request own = request;
  own.address = own_address(request.address);
  own.earliest_cycle = std::max(next_cycle_, request.earliest_cycle);
  next_cycle_ = channels_[channel_of(request.address)].submit(own);
  return next_cycle_;
}

std::uint64_t Memory::submit_run(const Request& first, std::uint64_t bursts) {
  if (channels_.size() == 1) return channels_.front().submit_run(first, bursts);
  Request run = first;
  run.earliest_cycle = std::max(next_cycle_, first.earliest_cycle);
  next_cycle_ = transfer(run, bursts);
  return next_cycle_;
}

std::uint64_t Memory::transfer(const Request& first, std::uint64_t bursts) {
  if (channels_.size() == 1) return channels_.front().submit_run(first, bursts);
  // The blocks of a run that are a channel's follow each other in the channel.
  const std::uint64_t burst = device_.geometry.burst_bytes;
  const std::uint64_t begin = first.address / burst * burst, end = begin + bursts * burst;
  std::uint64_t accepted = 0;
  std::uint64_t address = begin;
  for (std::size_t i = 0; i < channels_.size() && address < end; ++i) {
    const std::uint64_t c = channel_of(address);
    std::uint64_t share = 0;  // bursts of this channel
    const std::uint64_t round = device_.interleave_bytes << channel_bits_;
    std::uint64_t block_end = (address | (device_.interleave_bytes - 1)) + 1;
    for (std::uint64_t at = address; at < end;) {
      share += (std::min(block_end, end) - at) / burst;
      at = block_end - device_.interleave_bytes + round;
      block_end += round;
    }
    Request own = first;
    own.address = own_address(address);
    accepted = std::max(accepted, channels_[c].submit_run(own, share));
    address = (address | (device_.interleave_bytes - 1)) + 1;
  }
  return accepted;
}

std::uint64_t Memory::drain() {
  std::uint64_t finish = 0;
  for (Channel& channel : channels_) finish = std::max(finish, channel.drain());
  return finish;
}

void Memory::advance(std::uint64_t cycle) {
  for (Channel& channel : channels_) channel.advance(cycle);
}

std::uint64_t Memory::outstanding_reads(std::uint8_t requester) const {
  std::uint64_t most = 0;
  for (const Channel& channel : channels_) {
    most = std::max(most, channel.outstanding_reads(requester));
  }
  return most;
}

std::uint64_t Memory::reads_done(std::uint8_t requester) const {
  std::uint64_t last = 0;
  for (const Channel& channel : channels_) last = std::max(last, channel.reads_done(requester));
  return last;
}

Statistics Memory::statistics(std::uint64_t cycle) const {
  if (channels_.size() == 1) return channels_.front().statistics(cycle);
  for (const Channel& channel : channels_) cycle = std::max(cycle, channel.statistics().finish);
  Statistics sum;
  for (const Channel& channel : channels_) sum += channel.statistics(cycle);
  return sum;
}

void Memory::reset() {
  for (Channel& channel : channels_) channel.reset();
  next_cycle_ = 0;
}

}  // namespace spillway::models::dram
