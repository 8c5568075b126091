// A step fitted to a device: tensors on chip at each time, their addresses, words across the
// border. The counts here come from the sizes of tiles alone, before any instruction exists.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "models/device_config.hpp"
#include "models/instruction.hpp"
#include "sim/experiment.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/emission/ledger.hpp"
#include "sim/plan/estimate/plan_cost.hpp"
#include "sim/plan/schedule.hpp"
#include "sim/plan/schedule_task.hpp"
#include "workloads/step.hpp"

namespace spillway::sim {

/// Moves of one stage's tensors, where whole tensors move.
struct StageReason {
  std::string stage;
  std::vector<std::string> arrives;  ///< tensors loaded in it
  std::vector<std::string> stays;    ///< from the stage before
  std::vector<std::string> stored;   ///< tensors stored in it
};

struct PlanOptions {
  /// What policies `best` and `best-recompute` minimise.
  Objective objective = Objective::words;
  /// Each tensor lies in DRAM as its tiles move the fewest bursts; else row-major.
  bool layouts = false;
};

class Plan {
 public:
  /// Throws InputError when the buffer is too small: for `paper` when it cannot hold a stage's
  /// tensors, for the others when it cannot hold the smallest tiles.
  Plan(workloads::Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
       Policy policy = Policy::paper, const PlanOptions& options = {});
  /// A schedule made by hand, with addresses. Throws ConsistencyError when it runs operations in an
  /// order that changes their results.
  Plan(workloads::Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
       Schedule schedule, const PlanOptions& options = {});

  const workloads::Step& step() const { return content_->step; }
  const models::MemoryMap& map() const { return content_->map; }
  /// Lines are indexed by the labels of the program's instructions.
  const Ledger& ledger() const { return content_->ledger; }
  /// By operations where whole tensors move: with policy `paper`, or where tiles move no less.
  const Schedule& schedule() const { return content_->schedule; }
  /// Most words on chip at once when instructions run one after another.
  Words buffer_words() const { return content_->buffer_words; }
  std::vector<StageReason> reasons() const;
  Objective objective() const { return content_->objective; }
  /// An estimate of what a step costs on the device that the plan was made for.
  PlanCost cost(const models::DeviceConfig& device) const;

  /// The instructions, from the first, with kernels as they are in that step. Several programs may
  /// be pulled from one plan.
  models::Program program(const workloads::StepControl& control = {}) const;

 private:
  struct Content {
    workloads::Step step;
    models::MemoryMap map;
    Schedule schedule;
    ScheduleLines lines;
    Ledger ledger;
    Words buffer_words;
    Objective objective = Objective::words;
  };
  Plan(workloads::Step step, const models::DeviceConfig& device, const Idealisations& idealisations,
       const std::function<Schedule(const ScheduleTask&)>& schedule, const PlanOptions& options);

  std::shared_ptr<const Content> content_;  // programs outlive a moved plan
};

/// By the experiment's objective; with layouts where it is another than words and the policy heeds
/// it.
PlanOptions plan_options(const Experiment& experiment);

/// The plan of the experiment's training step; of one layer alone when `only_layer` is not 0.
Plan make_plan(const Experiment& experiment, int only_layer = 0);
Plan make_plan(const Experiment& experiment, int only_layer, const PlanOptions& options);

}  // namespace spillway::sim
