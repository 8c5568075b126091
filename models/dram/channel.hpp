// One DRAM channel with its controller: which command goes out in which cycle. Plain C++, integer
// cycles, no events: time jumps from one decision to the next.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include "models/dram/device.hpp"
#include "models/dram/request.hpp"

namespace spillway::models::dram {

enum class Command : std::uint8_t {
  activate,         // or ACT-1
  activate_second,  // ACT-2
  data_clock,       // CAS that starts the data clock
  read,
  write,
  precharge,
  precharge_all,
  refresh_all,
  refresh_bank
};

/// One command on the bus, for whoever checks or prints them.
struct IssuedCommand {
  std::uint64_t cycle = 0;
  Command command = Command::activate;
  /// (rank * bank_groups + bank_group) * banks_per_group + bank; of _all and data_clock, which are
  /// for a rank, its first.
  std::uint32_t bank = 0;
  std::uint64_t row = 0;  ///< of activate, read and write
  std::uint32_t column = 0;
  bool closes = false;  ///< read or write with auto-precharge
  bool operator==(const IssuedCommand&) const = default;
};

/// Since power-up. Times are cycles.
struct Statistics {
  std::uint64_t reads = 0, writes = 0;  ///< bursts served
  std::uint64_t row_misses = 0;         ///< bursts served first in an opened row; others were hits
  std::uint64_t activates = 0;          ///< more than misses if a refresh closes an unused row
  std::uint64_t precharges = 0;         ///< commands: one that closes all banks counts once
  std::uint64_t refreshes = 0, bank_refreshes = 0;
  std::uint64_t read_latency_sum = 0;  ///< acceptance to last data
  std::uint64_t finish = 0;            ///< the last read data or write command
  /// With every bank of a rank closed, up to `finish`; the sum over the ranks.
  std::uint64_t all_closed = 0;
  std::uint64_t busy = 0;  ///< data on the bus
  /// The bus stood still and no request had been there in time to prevent it.
  std::uint64_t idle = 0;
  /// The bus stood still although requests waited: for a refresh, for the change of direction or of
  /// the rank, for the activation of a row, or for the spacing of commands.
  std::uint64_t lost_refresh = 0, lost_turnaround = 0, lost_row = 0, lost_spacing = 0;

  std::uint64_t bursts() const { return reads + writes; }
  std::uint64_t row_hits() const { return bursts() - row_misses; }
  /// Counts and times add up; `finish` is the later one.
  Statistics& operator+=(const Statistics& other);
  bool operator==(const Statistics&) const = default;
};

/// Hand a source's requests over in runs of consecutive addresses, in their order.
template <class Source, class Target>
void serve_runs(Source& source, Target& target, std::uint64_t burst_bytes) {
  constexpr std::uint64_t longest = 4096;
  Request request, first;
  std::uint64_t bursts = 0;
  while (source.next(request)) {
    if (request.address == first.address + bursts * burst_bytes && bursts > 0 && bursts < longest &&
        request.is_write == first.is_write && request.earliest_cycle == first.earliest_cycle) {
      ++bursts;
      continue;
    }
    if (bursts > 0) target.submit_run(first, bursts);
    first = request;
    bursts = 1;
  }
  if (bursts > 0) target.submit_run(first, bursts);
}

class ChannelController;

class Channel {
 public:
  using Observer = std::function<void(const IssuedCommand&)>;

  explicit Channel(const DramDevice& device);
  ~Channel();
  Channel(Channel&&) noexcept;
  Channel& operator=(Channel&&) noexcept;

  /// Tell every command, in the order of cycles. Slower: without an observer, runs of row hits are
  /// served as a whole, to the same cycles.
  void observe(Observer observer);

  /// Hand over the next request. It is accepted in the first cycle that is later than the last
  /// request's and not before `earliest_cycle` in which its queue has room: returns that cycle.
  /// Addresses are those of the channel (its own bytes only).
  std::uint64_t submit(const Request& request);

  /// As `submit` for `bursts` requests at consecutive addresses, of which `first` is the first;
  /// returns the cycle that accepted the last one. Fast where the bursts are row hits.
  std::uint64_t submit_run(const Request& first, std::uint64_t bursts);

  /// Serve all that was submitted; returns Statistics::finish.
  std::uint64_t drain();

  /// Decide all cycles up to `cycle`; later requests are not accepted before that.
  void advance(std::uint64_t cycle);
  /// Reads of a requester that have not got their column command.
  std::uint64_t outstanding_reads(std::uint8_t requester) const;
  /// When the last data come of those that have.
  std::uint64_t reads_done(std::uint8_t requester) const;
  /// Bursts that were served in runs, as a whole.
  std::uint64_t served_in_runs() const;

  /// Pull requests until there are no more (`bool next(Request&)`), then drain.
  template <class Source>
  std::uint64_t serve(Source&& source) {
    serve_runs(source, *this, device().geometry.burst_bytes);
    return drain();
  }

  /// As at power-up: cycle 0, all banks closed, nothing waiting, nothing counted.
  void reset();

  Statistics statistics() const;
  /// The same as if nothing more came until `cycle`, which is then the finish if it is later.
  Statistics statistics(std::uint64_t cycle) const;
  const DramDevice& device() const;

 private:
  std::unique_ptr<ChannelController> controller_;
};

/// The channels of a device behind one address space, interleaved. With one channel exactly that.
class Memory {
 public:
  explicit Memory(const DramDevice& device);

  /// As Channel's, at most one in a cycle for each channel; a request that its channel has no room
  /// for holds up all later ones.
  std::uint64_t submit(const Request& request);
  /// Each channel takes its share of the run at its own pace, as from a requester with a port to
  /// each channel. Later requests wait until all of the run is accepted.
  std::uint64_t submit_run(const Request& first, std::uint64_t bursts);
  /// As `submit_run`, but later requests wait only for the share of their own channel:
  /// where several requesters take turns.
  std::uint64_t transfer(const Request& first, std::uint64_t bursts);
  std::uint64_t drain();

  void advance(std::uint64_t cycle);
  /// Of the channel with most of them.
  std::uint64_t outstanding_reads(std::uint8_t requester) const;
  std::uint64_t reads_done(std::uint8_t requester) const;

  template <class Source>
  std::uint64_t serve(Source&& source) {
    serve_runs(source, *this, device().geometry.burst_bytes);
    return drain();
  }

  /// Summed over the channels, all of them up to the finish of the last or `cycle`.
  Statistics statistics(std::uint64_t cycle = 0) const;
  const DramDevice& device() const { return device_; }
  void reset();

 private:
  std::uint64_t channel_of(std::uint64_t address) const {
    return (address >> interleave_bits_) & (channels_.size() - 1);
  }
  std::uint64_t own_address(std::uint64_t address) const {
    return (address >> interleave_bits_ >> channel_bits_) << interleave_bits_ |
           (address & (device_.interleave_bytes - 1));
  }

  DramDevice device_;
  std::vector<Channel> channels_;
  int channel_bits_ = 0, interleave_bits_ = 0;
  std::uint64_t next_cycle_ = 0;
};

}  // namespace spillway::models::dram
