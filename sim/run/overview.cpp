#include "sim/run/overview.hpp"

#include <algorithm>

namespace spillway::sim {

using models::Bytes;
using models::EngineKind;
using models::Picoseconds;
using workloads::ceil_div;

Overview::Overview(const models::dram::DramDevice& dram, std::size_t most)
    : channels_(dram.channels),
      most_(most),
      interleave_(channels_ == 1 ? ~std::uint64_t{0} : dram.interleave_bytes) {}

OverviewWindow& Overview::at(Picoseconds time) {
  while (time.count() / window_.count() >= most_) join_pairs();
  const std::size_t place = time.count() / window_.count();
  while (windows_.size() <= place) {
    windows_.emplace_back().channels.resize(channels_);
  }
  return windows_[place];
}

void Overview::join_pairs() {
  window_ *= 2;
  for (std::size_t i = 0; i < windows_.size(); ++i) {
    if (i % 2 == 0) {
      windows_[i / 2] = windows_[i];
      continue;
    }
    OverviewWindow& joined = windows_[i / 2];
    for (const EngineKind engine : models::all_engines) {
      joined.busy.of(engine) += windows_[i].busy.of(engine);
    }
    joined.buffer = std::max(joined.buffer, windows_[i].buffer);
    for (std::size_t channel = 0; channel < channels_; ++channel) {
      joined.channels[channel].read += windows_[i].channels[channel].read;
      joined.channels[channel].written += windows_[i].channels[channel].written;
    }
  }
  windows_.resize(ceil_div(windows_.size(), 2));
}

void Overview::work(const models::WorkSlice& slice) {
  if (slice.end == slice.begin) return;
  at(slice.end - Picoseconds(1));  // so that windows are long enough
  for (Picoseconds begin = slice.begin; begin < slice.end;) {
    const Picoseconds next = window_ * (begin.count() / window_.count() + 1);
    const Picoseconds end = std::min(slice.end, next);
    at(begin).busy.of(slice.engine) += end - begin;
    begin = end;
  }
}

void Overview::buffer(Picoseconds now, Bytes used) {
  at(now);
  for (std::size_t i = since_.count() / window_.count(); i <= now.count() / window_.count(); ++i) {
    windows_[i].buffer = std::max(windows_[i].buffer, used_);
  }
  used_ = used;
  since_ = now;
  OverviewWindow& window = at(now);
  window.buffer = std::max(window.buffer, used);
}

void Overview::transaction(const models::dram::Transaction& sent) {
  OverviewWindow& window = at(sent.time);
  std::uint64_t address = sent.address;
  const std::uint64_t end = address + sent.size.count();
  while (address < end) {
    const std::uint64_t next = std::min(end - address, interleave_ - address % interleave_);
    OverviewWindow::Channel& channel = window.channels[address / interleave_ % channels_];
    (sent.is_write ? channel.written : channel.read) += Bytes(next);
    address += next;
  }
}

void Overview::finish(Picoseconds end) {
  if (end == Picoseconds(0)) return;
  buffer(end - Picoseconds(1), used_);
}

}  // namespace spillway::sim
