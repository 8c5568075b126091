// The choice of a channel's next command. A controller has queues of its own and an order in which
// their bursts go on; which commands are allowed when, it asks the channel's timing. The
// controllers that there are: registry.cpp.
#pragma once

#include "models/dram/controllers/channel_timing.hpp"

namespace spillway::models::dram {

namespace detail {
constexpr std::uint64_t shortest_stream = 16;  // bursts that make up for the work of finding it
}

class ChannelController : public ChannelTiming {
 public:
  using ChannelTiming::ChannelTiming;
  virtual ~ChannelController() = default;

  // As Channel's.
  virtual std::uint64_t submit(const Request& request) = 0;
  virtual std::uint64_t submit_run(const Request& first, std::uint64_t bursts) = 0;
  virtual std::uint64_t drain() = 0;
  virtual void advance(std::uint64_t cycle) = 0;
  virtual void reset() = 0;

 protected:
  // As `submit_run`, with `stream` for runs that can be served as a whole.
  template <class Controlled>
  static std::uint64_t submit_all(Controlled& controller, const Request& first,
                                  std::uint64_t bursts) {
    Request request = first;
    std::uint64_t accepted = 0;
    while (bursts > 0) {
      const std::uint64_t served =
          bursts < shortest_stream ? 0 : controller.stream(request, bursts);
      if (served > 0) {
        bursts -= served;
        request.address += served << controller.burst_shift_;
        accepted = static_cast<std::uint64_t>(controller.next_arrival_ - 1);
        continue;
      }
      accepted = controller.submit(request);
      request.address += controller.device_.geometry.burst_bytes;
      --bursts;
    }
    return accepted;
  }
};

}  // namespace spillway::models::dram
