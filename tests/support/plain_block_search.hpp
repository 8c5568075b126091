// The same question as `search_blocks` asks, answered without any of its shortcuts: loads, stores
// and drops one block at a time, each counted when it happens. For tiny programs.
#pragma once

#include <cstdint>
#include <optional>

#include "tests/support/block_program.hpp"

namespace spillway::test {

/// The fewest words that cross the border; nothing where no schedule fits.
std::optional<std::uint64_t> plain_block_words(const BlockProgram& program,
                                               std::uint64_t buffer_words);

}  // namespace spillway::test
