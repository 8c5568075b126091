#include <fmt/format.h>

#include "sim/plan/nest_builder.hpp"
#include "sim/plan/nest_search.hpp"
#include "sim/plan/phases.hpp"
#include "sim/plan/policies.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

namespace {

bool is_product(const workloads::Kernel& kernel) {
  using namespace workloads;
  return std::visit(
      [](const auto& k) {
        using K = std::decay_t<decltype(k)>;
        return std::is_same_v<K, ConvForward> || std::is_same_v<K, ConvInputGradient> ||
               std::is_same_v<K, ConvWeightGradient> || std::is_same_v<K, FcForward> ||
               std::is_same_v<K, FcInputGradient> || std::is_same_v<K, FcWeightGradient> ||
               std::is_same_v<K, ClassifierForward> || std::is_same_v<K, ClassifierError> ||
               std::is_same_v<K, ClassifierWeightGradient>;
      },
      kernel);
}

}  // namespace

Schedule layer_schedule(const ScheduleTask& task) {
  const std::uint64_t words = words_of(task.device.buffer).count();
  const NestBuilder builder(task.step, task.map);
  std::vector<NestSpec> specs;
  for (std::size_t i = 0; i < task.step.ops.size(); ++i) {
    for (const OpPart& part : phases(task.step, i)) {
      NestRequest request;
      request.name = operation_name(task.step, i);
      (is_product(task.step.ops[i].kernel) ? request.main : request.after) = {part};
      specs.push_back(builder.tiled(request));
    }
  }
  Schedule schedule;
  for (const NestSpec& spec : specs) {
    const std::vector<bool> pinned(spec.slots.size());
    const std::optional<FoundNest> found = find_loops(spec, pinned, words);
    if (!found) refuse_buffer(task, specs);
    schedule.nests.push_back(make_nest(spec, *found, pinned, words));
  }
  if (!place(schedule, task.step, words)) {
    throw workloads::ConsistencyError("nests without stays do not fit where each alone does");
  }
  return schedule;
}

void refuse_buffer(const ScheduleTask& task, const std::vector<NestSpec>& specs) {
  std::uint64_t most = 0;
  const NestSpec* worst = nullptr;
  for (const NestSpec& spec : specs) {
    const std::uint64_t needed = smallest_buffer(spec, std::vector<bool>(spec.slots.size()));
    if (needed > most) {
      most = needed;
      worst = &spec;
    }
  }
  throw workloads::InputError(
      fmt::format("{}too small: {} needs {} words on chip for its smallest tiles; found {} words; "
                  "allowed: at least {} bytes",
                  task.device.buffer_where, worst->name, most,
                  words_of(task.device.buffer).count(), most * workloads::bytes_per_word));
}

}  // namespace spillway::sim
