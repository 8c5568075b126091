// Tensors that an operation needs on chip.
#pragma once

#include <vector>

#include "workloads/step.hpp"

namespace spillway::sim {

/// Tensors that an operation needs on chip: operands, and the seeds of generated ones.
struct OpNeeds {
  std::vector<workloads::TensorId> reads, writes, generates;
};
OpNeeds op_needs(const workloads::Step& step, const workloads::Op& op);

/// Words that the step has to move of a tensor whose home is off chip: once in when it is given and
/// read (of images, what is needed), once out when it is kept and written.
workloads::Words words_once(const workloads::Step& step, const workloads::Tensor& tensor);

}  // namespace spillway::sim
