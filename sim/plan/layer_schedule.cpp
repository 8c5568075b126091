#include <fmt/format.h>

#include "sim/plan/buffer_too_small.hpp"
#include "sim/plan/nest_builder.hpp"
#include "sim/plan/nest_search.hpp"
#include "sim/plan/phases.hpp"
#include "sim/plan/policies.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

std::vector<NestChoice> single_operations(const ScheduleTask& task) {
  const NestBuilder builder(task.step, task.map);
  std::vector<NestChoice> choices;
  for (std::size_t i = 0; i < task.step.ops.size(); ++i) {
    for (const OpPart& part : phases(task.step, i)) {
      NestRequest request;
      request.name = operation_name(task.step, i);
      (is_product(task.step.ops[i].kernel) ? request.main : request.after) = {part};
      choices.push_back(choice_of(builder, request));
    }
  }
  return choices;
}

Schedule layer_schedule(const ScheduleTask& task) {
  const std::uint64_t words = words_of(task.device.buffer).count();
  const std::vector<NestChoice> choices = single_operations(task);
  const models::ComputeArray array = task.device.array();
  Schedule schedule;
  for (const NestChoice& choice : choices) {
    const std::optional<Nest> nest = choose(choice, words, array);
    if (!nest) refuse_buffer(task, largest_need(choices));
    schedule.nests.push_back(*nest);
  }
  if (!place(schedule, task.step, words)) {
    throw workloads::ConsistencyError("nests without stays do not fit where each alone does");
  }
  return schedule;
}

namespace {

bool is_weight_gradient(const workloads::Step& step, const NestRequest& request) {
  if (request.main.size() != 1) return false;
  const workloads::Kernel& kernel = step.ops[request.main.front().op].kernel;
  return std::holds_alternative<workloads::ConvWeightGradient>(kernel);
}

/// The last of the choice with one or another of its operands in pieces.
void add_pieces(const NestBuilder& builder, NestRequest request, NestChoice& choice) {
  if (!request.before.empty() || request.main.size() != 1 || !request.after.empty()) return;
  const NestOp product = choice.back().ops.front();
  for (const auto* operands : {&product.inputs, &product.outputs}) {
    for (const NestOp::Operand& operand : *operands) {
      const Slot& slot = choice.front().slots[operand.slot];
      if (operand.once || slot.source == Slot::Source::streamed) continue;
      request.in_pieces = slot.tensor;
      NestSpec spec = builder.tiled(request);
      if (!spec.pieces.empty()) choice.push_back(std::move(spec));
    }
  }
}

}  // namespace

NestChoice choice_of(const NestBuilder& builder, NestRequest request) {
  NestChoice choice{builder.tiled(request)};
  const NestSpec& spec = choice.front();
  const bool cut = spec.extent[index(Axis::row)] > 1 || spec.extent[index(Axis::column)] > 1;
  add_pieces(builder, request, choice);
  if (cut && is_weight_gradient(builder.step(), request)) {
    request.cut_input_rows = true;
    choice.push_back(builder.tiled(request));
    add_pieces(builder, request, choice);
  }
  return choice;
}

std::optional<Nest> choose(const NestChoice& choice, std::uint64_t words,
                           const models::ComputeArray& array) {
  // All specs of a choice have the same slots.
  const Standing none(choice.front().slots.size());
  std::vector<LoopSearch> searches(choice.begin(), choice.end());
  LoopSearch* of_best = nullptr;
  std::optional<FoundNest> best;
  for (LoopSearch& search : searches) {
    const auto found = search.find(
        none, words, best ? best->dram_words : std::numeric_limits<std::uint64_t>::max());
    if (!found) continue;
    best = found;
    of_best = &search;
  }
  if (!best) return std::nullopt;
  return of_best->quickest_nest(*best, none, words, array);
}

BufferNeeded largest_need(const std::vector<NestChoice>& choices) {
  BufferNeeded most;
  for (const NestChoice& choice : choices) {
    std::uint64_t needed = ~std::uint64_t{0};
    for (const NestSpec& spec : choice) {
      if (!spec.pieces.empty()) continue;  // the smallest tiles are none smaller in pieces
      needed = std::min(needed, smallest_buffer(spec, Standing(spec.slots.size())));
    }
    if (needed > most.words) most = {choice.front().name, needed};
  }
  return most;
}

void refuse_buffer(const ScheduleTask& task, const BufferNeeded& needed) {
  const workloads::Bytes smallest = bytes_of(workloads::Words(needed.words));
  throw BufferTooSmall(
      fmt::format("{}too small: {} needs {} words on chip for its smallest tiles; found {} words; "
                  "allowed: at least {} bytes",
                  task.device.buffer_where, needed.name, needed.words,
                  words_of(task.device.buffer).count(), smallest.count()),
      smallest);
}

}  // namespace spillway::sim
