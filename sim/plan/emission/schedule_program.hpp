// The instructions of a schedule.
#pragma once

#include <memory>
#include <optional>

#include "models/instruction.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// The schedule's instructions; it keeps nothing but which tiles are in the buffer. Everything that
/// is given has to outlive it.
class ScheduleProgram {
 public:
  ScheduleProgram(const Schedule& schedule, const workloads::Step& step, const ScheduleLines& lines,
                  const workloads::StepControl& control);
  ~ScheduleProgram();
  std::optional<models::Instruction> next();

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace spillway::sim
