// What an operation needs on chip.
#pragma once

#include <vector>

#include "workloads/step.hpp"

namespace spillway::sim {

/// Tensors that an operation needs on chip: operands, and the seeds of generated ones.
struct OpNeeds {
  std::vector<workloads::TensorId> reads, writes, generates;
};
OpNeeds op_needs(const workloads::Step& step, const workloads::Op& op);

}  // namespace spillway::sim
