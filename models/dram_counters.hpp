// Words, bytes and DRAM commands of one program.
#pragma once

#include <cstdint>

#include "models/dram/channel.hpp"
#include "workloads/support/units.hpp"

namespace spillway::models {

struct DramCounters {
  workloads::Words read_words, write_words;  ///< asked for; a run's bytes / 4, rounded up once
  workloads::Bytes read_bytes, write_bytes;  ///< moved over the bus, in whole bursts
  std::uint64_t read_bursts = 0;
  std::uint64_t write_bursts = 0;
  std::uint64_t activates = 0;
  std::uint64_t row_hits = 0;  ///< bursts that needed no activation: all bursts less the activates
  /// Of all channels together; the finish is the end of the program.
  dram::Statistics channel;
  bool operator==(const DramCounters&) const = default;
};

}  // namespace spillway::models
