// Tasks in processes of their own, several at once: whatever becomes of one of them, the others and
// the program that began them go on.
#pragma once

#include <chrono>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>

#include "workloads/support/units.hpp"

namespace spillway::analysis {

/// How a task's process ended.
struct ProcessEnd {
  int exit_code = -1;      ///< -1 where it did not exit by itself
  int signal = 0;          ///< that ended it, or 0
  bool timed_out = false;  ///< it was ended for taking too long
  std::string message;     ///< what it wrote to standard error, the last of it
};

struct ProcessOptions {
  std::size_t at_once = 1;
  std::optional<double> seconds;             ///< a task may take
  std::function<double(std::size_t)> times;  ///< a task may take that; where there is none, once
  std::optional<workloads::Bytes> memory;    ///< of address space that a task may take
  std::function<void()> tick;                ///< called about ten times a second
};

/// Run tasks 0 … count-1, in this order, each in a process that is forked from this one, which must
/// have no other thread: `task` returns the exit code, `ended` is told of each in the order in
/// which they end. Processes compute with one thread and end with this one. False when an interrupt
/// or a request to end came: then the processes that ran are gone, and `ended` is not told of them.
/// Throws Error when no process can be made.
bool run_processes(std::size_t count, const std::function<int(std::size_t)>& task,
                   const std::function<void(std::size_t, const ProcessEnd&)>& ended,
                   const ProcessOptions& options);

}  // namespace spillway::analysis
