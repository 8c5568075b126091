#include "sim/plan/emission/schedule_program.hpp"

#include <deque>

#include "sim/plan/emission/nest_walk.hpp"
#include "sim/plan/emission/residents.hpp"

namespace spillway::sim {

using models::Instruction;
using workloads::Op;
using workloads::Step;
using workloads::TensorId;

class ScheduleProgram::Run {
 public:
  Run(const Schedule& schedule, const Step& step, const ScheduleLines& lines,
      const workloads::StepControl& control)
      : schedule_(schedule),
        step_(step),
        lines_(lines),
        control_(control),
        end_(schedule.by_operations() ? step.ops.size() : schedule.nests.size()),
        residents_(schedule, step, lines, out_) {}

  std::optional<Instruction> next() {
    while (out_.empty()) {
      if (time_ == end_) return std::nullopt;
      if (schedule_.by_operations()) {
        run_operation();
      } else {
        advance_nest();
      }
    }
    Instruction instruction = std::move(out_.front());
    out_.pop_front();
    return instruction;
  }

 private:
  /// One place of the loops of the nest, or the end of it.
  void advance_nest() {
    if (!nest_) {
      residents_.begin(time_);
      nest_.emplace(schedule_.nests[time_], step_, lines_.slots[time_], residents_, control_, out_);
    }
    if (nest_->advance()) return;
    nest_.reset();
    residents_.end(time_++);
  }

  /// One operation on whole tensors, which are all resident.
  void run_operation() {
    residents_.begin(time_);
    begin_at(Residency::Begin::load);
    begin_at(Residency::Begin::generate);  // from seeds that have been loaded
    const Op& op = step_.ops[time_];
    std::vector<models::Input> inputs;
    std::vector<models::TileView> outputs;
    for (const TensorId id : op.inputs) {
      const auto& generated = step_.tensor(id).generated;
      if (generated && !residents_.has(id)) {
        inputs.push_back(stream(id));
      } else {
        inputs.push_back(models::TileView(residents_.bring(id)));
      }
    }
    for (const TensorId id : op.outputs) outputs.push_back(residents_.make(id));
    out_.push_back(models::Compute{in_step(op.kernel, control_), std::move(inputs),
                                   std::move(outputs), op.layer == step_.readout_layer()});
    residents_.end(time_++);
  }

  /// Residencies that begin so at this operation are loaded or generated before it.
  void begin_at(Residency::Begin begin) {
    for (const Residency& residency : schedule_.residencies) {
      if (residency.first != time_ || residency.begin != begin) continue;
      if (begin == Residency::Begin::load) {
        residents_.bring(residency.tensor);
      } else {
        models::Streamed made = stream(residency.tensor);
        out_.push_back(models::Generate{residents_.make(residency.tensor), made.seed,
                                        made.sign_seed, made.values});
      }
    }
  }

  models::Streamed stream(TensorId id) const {
    const workloads::Tensor& tensor = step_.tensor(id);
    return streamed(*tensor.generated, models::whole_tensor(id, tensor.shape),
                    [&](TensorId seed) { return residents_.place(seed); });
  }

  const Schedule& schedule_;
  const Step& step_;
  const ScheduleLines& lines_;
  workloads::StepControl control_;
  std::size_t time_ = 0, end_;  // nests, or operations
  std::deque<Instruction> out_;
  Residents residents_;
  std::optional<NestWalk> nest_;
};

ScheduleProgram::ScheduleProgram(const Schedule& schedule, const Step& step,
                                 const ScheduleLines& lines, const workloads::StepControl& control)
    : run_(std::make_unique<Run>(schedule, step, lines, control)) {}
ScheduleProgram::~ScheduleProgram() = default;

std::optional<Instruction> ScheduleProgram::next() { return run_->next(); }

}  // namespace spillway::sim
