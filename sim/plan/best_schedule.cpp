#include "sim/plan/policies.hpp"
namespace spillway::sim {
Schedule best_schedule(const ScheduleTask& task, bool) { return layer_schedule(task); }
}
