// A residency: a tensor, or a prefix of it, in the buffer, its address and its time. Policies
// decide them before any instruction exists.
#pragma once

#include <cstdint>

#include "models/tile.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

using workloads::Words;

/// A tensor, or the first part of it, in the buffer for some time. Times are the nests of the
/// schedule that it belongs to, or the step's operations where whole tensors move.
struct Residency {
  enum class Begin {
    load,      ///< it is brought in
    generate,  ///< the PRNG unit makes it
    make,      ///< an operation makes it
  };
  workloads::TensorId tensor = 0;
  std::int64_t count = 0;           ///< elements of its first dimension, from the first on
  std::size_t first = 0, last = 0;  ///< times, both included
  Begin begin = Begin::load;
  bool stored = false;  ///< when it leaves: it is changed, and wanted later
  Words address;        ///< in the buffer; set when it is placed
};

bool is_whole(const Residency& residency, const workloads::Step& step);
models::Tile tile_of(const Residency& residency, const workloads::Step& step);
/// Words that it takes in the buffer.
Words words_of(const Residency& residency, const workloads::Step& step);

}  // namespace spillway::sim
