// The instructions of a schedule.
#pragma once

#include <memory>
#include <optional>

#include "models/instruction.hpp"
#include "sim/plan/emission/booking.hpp"
#include "sim/plan/schedule.hpp"

namespace spillway::sim {

/// The schedule's instructions; it keeps nothing but what stands in the buffer. Everything that is
/// given has to outlive it.
class ScheduleProgram {
 public:
  ScheduleProgram(const Schedule& schedule, const workloads::Step& step, const ScheduleLines& lines,
                  double rate_scale);
  ~ScheduleProgram();
  std::optional<models::Instruction> next();

 private:
  class Run;
  std::unique_ptr<Run> run_;
};

}  // namespace spillway::sim
