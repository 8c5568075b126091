// Operations as they are planned: batch-norm in phases, as its statistics take the whole mini-batch
// before any value can be normalised.
#pragma once

#include <string>
#include <vector>

#include "sim/plan/nest_builder.hpp"
#include "sim/plan/policies.hpp"

namespace spillway::sim {

/// The operation, or the phases that it is done in, in order.
std::vector<OpPart> phases(const workloads::Step& step, std::size_t op);

/// Whether a kernel is a matrix product, with sums over an axis of their own.
bool is_product(const workloads::Kernel& kernel);

/// "conv1 conv forward", for messages.
std::string operation_name(const workloads::Step& step, std::size_t op);

/// Nests of which any one does the work.
using NestChoice = std::vector<NestSpec>;
NestChoice choice_of(const NestBuilder& builder, NestRequest request);
/// The one that moves the fewest words in a buffer of `words`, with nothing that stands.
std::optional<Nest> choose(const NestChoice& choice, std::uint64_t words,
                           const models::ComputeArray& array);

/// Every operation alone.
std::vector<NestChoice> single_operations(const ScheduleTask& task);

/// The nest that needs the most words of buffer.
struct BufferNeeded {
  std::string name;
  std::uint64_t words = 0;
};
BufferNeeded largest_need(const std::vector<NestChoice>& choices);
[[noreturn]] void refuse_buffer(const ScheduleTask& task, const BufferNeeded& needed);

}  // namespace spillway::sim
