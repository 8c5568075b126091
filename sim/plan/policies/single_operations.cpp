#include "sim/plan/policies/single_operations.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "sim/plan/allocation/buffer_too_small.hpp"
#include "sim/plan/mapping/nest_search.hpp"
#include "sim/plan/operations/phases.hpp"

namespace spillway::sim {

using workloads::Words;

std::vector<NestChoice> single_operations(const ScheduleTask& task) {
  const NestBuilder builder(task.step, task.counted());
  std::vector<NestChoice> choices;
  for (std::size_t i = 0; i < task.step.ops.size(); ++i) {
    for (const OpPart& part : phases(task.step, i)) {
      NestRequest request;
      request.name = operation_name(task.step, i);
      (task.step.ops[i].kernel.contract().is_product() ? request.main : request.after) = {part};
      choices.push_back(choice_of(builder, request));
    }
  }
  return choices;
}

BufferNeeded largest_need(const std::vector<NestChoice>& choices) {
  BufferNeeded most;
  for (const NestChoice& choice : choices) {
    Words needed(~std::uint64_t{0});
    for (const NestSpec& spec : choice) {
      if (!spec.pieces.empty()) continue;  // the smallest tiles are none smaller in pieces
      needed = std::min(needed, Words(smallest_buffer(spec, ResidentPrefixes(spec.slots.size()))));
    }
    if (needed > most.words) most = {choice.front().name, needed};
  }
  return most;
}

void refuse_buffer(const ScheduleTask& task, const BufferNeeded& needed) {
  const workloads::Bytes smallest = bytes_of(needed.words);
  throw BufferTooSmall(
      fmt::format("{}too small: {} needs {} words on chip for its smallest tiles; found {} words; "
                  "allowed: at least {} bytes",
                  task.device.buffer_where, needed.name, needed.words.count(),
                  words_of(task.device.buffer).count(), smallest.count()),
      smallest);
}

}  // namespace spillway::sim
