#include "sim/run/timing.hpp"

#include <algorithm>
#include <deque>
#include <memory>
#include <tuple>

#include "sim/plan/operations/phases.hpp"
#include "workloads/support/error.hpp"

namespace spillway::sim {

using models::Instruction;
using models::WorkLabel;
using workloads::Op;
using workloads::Step;
using workloads::TensorId;

TimingLog::TimingLog(const Step& step) : writers_(step.tensors.size()) {
  for (const Op& op : step.ops) {
    const auto same = [&](const LayerTime& line) {
      return line.layer == op.layer && line.phase == op.phase;
    };
    if (std::ranges::any_of(lines_, same)) continue;
    lines_.push_back(
        {op.layer, step.layer_names[static_cast<std::size_t>(op.layer)], op.phase, {}});
  }
  std::ranges::sort(lines_, [](const LayerTime& a, const LayerTime& b) {
    return std::tie(a.layer, a.phase) < std::tie(b.layer, b.phase);
  });
  for (std::size_t i = 0; i < step.ops.size(); ++i) {
    const Op& op = step.ops[i];
    const auto line = std::ranges::find_if(lines_, [&](const LayerTime& candidate) {
      return candidate.layer == op.layer && candidate.phase == op.phase;
    });
    const auto label = static_cast<WorkLabel>(line - lines_.begin() + 1);
    for (const TensorId output : op.outputs) add(op.kernel, output, label);
    for (const OpPart& part : phases(step, i)) {
      if (!part.kernel) continue;
      for (const TensorId output : part.outputs) add(*part.kernel, output, label);
    }
  }
}

void TimingLog::add(const workloads::Kernel& kernel, TensorId output, WorkLabel label) {
  std::vector<Writer>& writers = writers_.at(output);
  const auto known = std::ranges::find_if(
      writers, [&](const Writer& writer) { return writer.kernel.same_kind(kernel); });
  if (known == writers.end()) {
    writers.push_back({kernel, label});
  } else if (known->label != label) {
    throw workloads::ConsistencyError("timing log: " + workloads::kernel_name(kernel) +
                                      " writes one tensor in two layers or phases");
  }
}

WorkLabel TimingLog::label_of(const models::Compute& compute) const {
  for (const models::TileView& output : compute.outputs) {
    if (output.part.tensor >= writers_.size()) continue;
    for (const Writer& writer : writers_[output.part.tensor]) {
      if (writer.kernel.same_kind(compute.kernel)) return writer.label;
    }
  }
  return 0;
}

/// Holds back loads until it has seen what they are for.
class TimingLog::Labeller {
 public:
  Labeller(const TimingLog& log, models::Program program)
      : log_(log), program_(std::move(program)), writer_(log.writers_.size()) {}

  std::optional<Instruction> next() {
    if (!ahead_.empty()) {
      Instruction first = std::move(ahead_.front());
      ahead_.pop_front();
      return first;
    }
    std::optional<Instruction> instruction = program_();
    if (!instruction) return std::nullopt;
    if (is_for_the_next(*instruction)) {
      look_ahead();
      std::visit([&](auto& made) { set(made, next_); }, *instruction);
    } else {
      label(*instruction);
    }
    return instruction;
  }

 private:
  static bool is_for_the_next(const Instruction& instruction) {
    return std::holds_alternative<models::Load>(instruction) ||
           std::holds_alternative<models::Generate>(instruction);
  }
  template <class AnyInstruction>
  static void set(AnyInstruction& instruction, WorkLabel label) {
    if constexpr (requires { instruction.work; }) instruction.work = label;
  }

  /// Pull instructions up to the next operation, and label them.
  void look_ahead() {
    while (std::optional<Instruction> instruction = program_()) {
      ahead_.push_back(std::move(*instruction));
      if (std::holds_alternative<models::Compute>(ahead_.back())) break;
      if (!is_for_the_next(ahead_.back())) label(ahead_.back());
    }
    if (ahead_.empty()) return;
    if (std::holds_alternative<models::Compute>(ahead_.back())) label(ahead_.back());
    for (Instruction& instruction : ahead_) {
      if (is_for_the_next(instruction)) std::visit([&](auto& i) { set(i, next_); }, instruction);
    }
  }

  void label(Instruction& instruction) {
    if (auto* compute = std::get_if<models::Compute>(&instruction)) {
      compute->work = next_ = log_.label_of(*compute);
      for (const models::TileView& output : compute->outputs) {
        if (output.part.tensor < writer_.size()) writer_[output.part.tensor] = next_;
      }
    } else if (auto* store = std::get_if<models::Store>(&instruction)) {
      const TensorId tensor = store->tile.tile.tensor;
      if (tensor < writer_.size()) store->work = writer_[tensor];
    }
  }

  const TimingLog& log_;
  models::Program program_;
  std::vector<WorkLabel> writer_;  // of each tensor, the last one
  WorkLabel next_ = 0;             // of the last operation that was seen
  std::deque<Instruction> ahead_;
};

models::Program TimingLog::labelled(models::Program program) const {
  auto labeller = std::make_shared<Labeller>(*this, std::move(program));
  return [labeller] { return labeller->next(); };
}

std::vector<LayerTime> TimingLog::lines(const models::Execution& execution) const {
  std::vector<LayerTime> lines = lines_;
  for (std::size_t label = 0; label < execution.by_work.size(); ++label) {
    const models::WorkTimes& times = execution.by_work[label];
    if (!times.any) continue;
    if (label == 0) {
      lines.push_back({0, "other", workloads::Phase::update, times});
    } else {
      lines.at(label - 1).times = times;
    }
  }
  return lines;
}

}  // namespace spillway::sim
