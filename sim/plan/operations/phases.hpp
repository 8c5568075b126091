// Operations as they are planned: in their phases, where they have some.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "workloads/step.hpp"

namespace spillway::sim {

/// An operation of the step, or a phase of one.
struct OpPart {
  std::size_t op = 0;
  /// A phase's kernel and operands, where they are not the operation's own.
  std::optional<workloads::Kernel> kernel;
  std::vector<workloads::TensorId> inputs, outputs;

  OpPart(std::size_t whole) : op(whole) {}
  OpPart(std::size_t of, workloads::Kernel phase, std::vector<workloads::TensorId> in,
         std::vector<workloads::TensorId> out)
      : op(of), kernel(phase), inputs(std::move(in)), outputs(std::move(out)) {}
};

const std::vector<workloads::TensorId>& inputs_of(const workloads::Step& step, const OpPart& part);
const std::vector<workloads::TensorId>& outputs_of(const workloads::Step& step, const OpPart& part);
const workloads::Kernel& kernel_of(const workloads::Step& step, const OpPart& part);

/// The operation, or the phases that it is done in, in order.
std::vector<OpPart> phases(const workloads::Step& step, std::size_t op);

/// "conv1 conv forward", for messages.
std::string operation_name(const workloads::Step& step, std::size_t op);

}  // namespace spillway::sim
