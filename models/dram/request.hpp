// One burst that somebody wants from the memory, and the address it goes to.
#pragma once

#include <cstdint>

namespace spillway::models::dram {

inline constexpr std::uint8_t most_requesters = 4;

/// One burst. Traces are sequences of these, and so are the requests of a run.
struct Request {
  std::uint64_t address = 0;  ///< in bytes; the burst that holds it is meant
  bool is_write = false;
  /// Not accepted before this command-clock cycle: the pace of a trace. 0: as soon as there is
  /// room.
  std::uint64_t earliest_cycle = 0;
  std::uint8_t requester = 0;  ///< who is to be told of its end; below most_requesters

  bool operator==(const Request&) const = default;
};

}  // namespace spillway::models::dram
