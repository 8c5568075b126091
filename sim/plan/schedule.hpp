// A step as a sequence of nests, with what stays in the buffer from one nest to another.
#pragma once

#include <cstdint>
#include <vector>

#include "models/tile.hpp"
#include "sim/plan/mapping/nest.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// A tensor, or the first part of it, that stands in the buffer through several nests.
struct Stay {
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;           ///< elements of its first dimension, from the first on
  std::size_t first = 0, last = 0;  ///< nests
  bool loaded = false;              ///< it is brought in; otherwise made in the first nest
  bool stored = false;              ///< it is wanted when it leaves
  std::uint64_t address = 0;        ///< in the buffer, in words
};

bool is_whole(const Stay& stay, const workloads::Step& step);
models::Tile tile_of(const Stay& stay, const workloads::Step& step);
std::uint64_t words_of(const Stay& stay, const workloads::Step& step);

struct Schedule {
  std::vector<Nest> nests;
  std::vector<Stay> stays;
};

/// The schedule with stays of so many elements each of their tensors' first dimensions, fewer than
/// there are or as many.
Schedule with_counts(const Schedule& schedule, const std::vector<std::int64_t>& counts);

/// A stay may be of so many elements: no tile of the nests that use it would be split.
bool is_cut_at(const Schedule& schedule, std::size_t stay, std::int64_t count);

}  // namespace spillway::sim
