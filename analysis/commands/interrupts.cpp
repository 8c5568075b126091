#include "analysis/commands/interrupts.hpp"

#include <atomic>
#include <csignal>
#include <cstdlib>
#include <ctime>

namespace spillway::analysis {

namespace {

std::atomic<bool> interrupted{false};

extern "C" void note_interrupt(int number) {
  interrupted = true;
  std::signal(number, SIG_DFL);
}

}  // namespace

NoteInterrupts::NoteInterrupts() {
  interrupted = false;
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, note_interrupt);
}

NoteInterrupts::~NoteInterrupts() {
  for (const int number : {SIGINT, SIGTERM}) std::signal(number, SIG_DFL);
}

bool NoteInterrupts::noted() { return interrupted; }

EndOnInterrupt::EndOnInterrupt(std::function<void()> before_the_end) {
  sigemptyset(&signals_);
  for (const int number : {SIGINT, SIGTERM}) sigaddset(&signals_, number);
  pthread_sigmask(SIG_BLOCK, &signals_, &mask_before_);
  watcher_ = std::jthread([this, ending = std::move(before_the_end)](const std::stop_token& stop) {
    const timespec patience{0, 50'000'000};  // to look whether the work is over
    while (!stop.stop_requested()) {
      if (sigtimedwait(&signals_, nullptr, &patience) < 0) continue;
      ending();
      std::_Exit(exit_interrupted);  // other threads are in the middle of their work
    }
  });
}

EndOnInterrupt::~EndOnInterrupt() {
  watcher_.request_stop();
  watcher_.join();
  pthread_sigmask(SIG_SETMASK, &mask_before_, nullptr);
}

}  // namespace spillway::analysis
