// When each tensor is on chip: the decisions of a policy, before any instruction exists.
#pragma once

#include <optional>
#include <vector>

#include "models/tile.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// One stay of a tile on chip, from the operation that first needs it to the one that last does.
struct Residence {
  enum class Begin { load, generate, made_by_op };
  models::Tile tile;
  std::size_t first_op = 0, last_op = 0;
  Begin begin = Begin::load;
  bool changed = false;       ///< some operation writes it
  bool store_at_end = false;  ///< it is wanted again after the stay
  std::uint64_t address = 0;  ///< in the buffer; set by place_residences
};

/// Policy `paper`: whole tensors. A tensor that a stage uses stays to the end of the stage, and on
/// through the next stage when that uses it too; at a turn everything leaves but the survivors. A
/// changed tensor with a later use is stored, any other is dropped. Space is given up at the last
/// use. A generated tensor is made anew for every operation that uses it.
std::vector<Residence> paper_residences(const workloads::Step& step);

/// Whole tensors, each from its first use to its last: nothing crosses the border twice.
std::vector<Residence> lasting_residences(const workloads::Step& step);

/// Tensors that an operation needs on chip: operands, and the seeds of generated ones.
struct OpNeeds {
  std::vector<workloads::TensorId> reads, writes, generates;
};
OpNeeds op_needs(const workloads::Step& step, const workloads::Op& op);

}  // namespace spillway::sim
