// Ctrl-C and requests to end, for work that keeps what it has done.
#pragma once

#include <pthread.h>

#include <csignal>
#include <functional>
#include <thread>

namespace spillway::analysis {

/// As shells have it for what Ctrl-C ended.
inline constexpr int exit_interrupted = 130;

/// While it lives, an interrupt or a request to end calls a function and then ends the program at
/// once with exit_interrupted, whatever other threads are at. Threads must begin after it.
class EndOnInterrupt {
 public:
  explicit EndOnInterrupt(std::function<void()> before_the_end);
  ~EndOnInterrupt();
  EndOnInterrupt(const EndOnInterrupt&) = delete;
  EndOnInterrupt& operator=(const EndOnInterrupt&) = delete;

 private:
  sigset_t signals_{}, mask_before_{};
  std::jthread watcher_;
};

/// While it lives, the first interrupt or request to end is noted instead of ending the program; a
/// second one ends it. One at a time.
class NoteInterrupts {
 public:
  NoteInterrupts();
  ~NoteInterrupts();
  NoteInterrupts(const NoteInterrupts&) = delete;
  NoteInterrupts& operator=(const NoteInterrupts&) = delete;

  static bool noted();
};

}  // namespace spillway::analysis
