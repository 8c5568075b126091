// The fewest words that a step cut into blocks moves in a buffer, found by trying every order of
// its parts and everything that may stay.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tests/support/block_program.hpp"

namespace spillway::test {

/// What every schedule of the program moves: given blocks once, wanted ones once.
std::uint64_t compulsory_words(const BlockProgram& program);
/// More than any schedule has to move: all operands of each part, twice.
std::uint64_t most_words(const BlockProgram& program);

struct BlockSchedule {
  /// Beyond the compulsory words; nothing where no schedule fits or none is below the limit.
  std::optional<std::uint64_t> more_words;
  bool complete = true;  ///< all ways were tried, none left out for want of states
  std::size_t states = 0;
  std::vector<std::string> log;  ///< what is done, and what leaves the chip before; equal
                                 ///< parts may be numbered anew from line to line
};

/// A block is loaded whenever it is missing, and stored when it leaves after a change and is used
/// again. Parts run in every order that the step's dependencies allow. Schedules that move `limit`
/// words or more beyond the compulsory ones are not looked for; the search gives up beyond
/// `most_states`.
BlockSchedule search_blocks(const BlockProgram& program, std::uint64_t buffer_words,
                            std::uint64_t limit, std::size_t most_states);

}  // namespace spillway::test
