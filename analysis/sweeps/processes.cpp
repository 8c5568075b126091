#include "analysis/sweeps/processes.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <omp.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <vector>

#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace {

using Clock = std::chrono::steady_clock;

constexpr int exit_without_memory = 77;  // of a task's process: it asked for more than there is
constexpr auto pause = std::chrono::milliseconds(100);

/// What a process writes to standard error, in a file without a name.
class MessageFile {
 public:
  MessageFile() : file_(::memfd_create("message", MFD_CLOEXEC)) {
    if (file_ < 0) throw workloads::Error("no file for a process's messages can be made");
  }
  ~MessageFile() { ::close(file_); }
  MessageFile(const MessageFile&) = delete;
  MessageFile& operator=(const MessageFile&) = delete;

  int number() const { return file_; }
  /// The last of it.
  std::string text() const {
    constexpr off_t most = 4000;
    const off_t size = ::lseek(file_, 0, SEEK_END);
    std::string content(static_cast<std::size_t>(std::min(size, most)), '\0');
    const ssize_t count =
        ::pread(file_, content.data(), content.size(), std::max<off_t>(size - most, 0));
    content.resize(static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    while (content.ends_with('\n')) content.pop_back();
    return content;
  }

 private:
  int file_;
};

/// Signals that the loop waits for, instead of being stopped by them, as long as this lives.
class AwaitedSignals {
 public:
  AwaitedSignals() {
    sigemptyset(&signals_);
    for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP}) sigaddset(&signals_, number);
    ::sigprocmask(SIG_BLOCK, &signals_, &before_);
  }
  ~AwaitedSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  AwaitedSignals(const AwaitedSignals&) = delete;
  AwaitedSignals& operator=(const AwaitedSignals&) = delete;

  /// The next signal, or 0 when none came for a while.
  int next() const {
    const timespec patience{0, std::chrono::nanoseconds(pause).count()};
    return std::max(::sigtimedwait(&signals_, nullptr, &patience), 0);
  }
  const sigset_t& before() const { return before_; }

 private:
  sigset_t signals_{}, before_{};
};

struct Running {
  pid_t process;
  std::size_t task;
  Clock::time_point begin;
  bool timed_out = false;
  std::unique_ptr<MessageFile> message;
};

void limit(decltype(RLIMIT_AS) resource, rlim_t most) {
  const rlimit value{most, most};
  ::setrlimit(resource, &value);
}

[[noreturn]] void run_task(std::size_t number, const std::function<int(std::size_t)>& task,
                           const ProcessOptions& options, const AwaitedSignals& signals,
                           int messages, pid_t parent) {
  ::setpgid(0, 0);  // the terminal's interrupts are for the parent alone, which then ends us
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) std::_Exit(1);  // it died before
  for (const int each : {SIGINT, SIGTERM, SIGHUP}) std::signal(each, SIG_DFL);
  ::sigprocmask(SIG_SETMASK, &signals.before(), nullptr);
  limit(RLIMIT_CORE, 0);
  if (options.memory) limit(RLIMIT_AS, options.memory->count());
  const int nothing = ::open("/dev/null", O_RDWR | O_CLOEXEC);
  ::dup2(nothing, STDIN_FILENO);
  ::dup2(nothing, STDOUT_FILENO);
  ::dup2(messages, STDERR_FILENO);
  omp_set_num_threads(1);
  int code = 1;
  try {
    code = task(number);
  } catch (const std::bad_alloc&) {
    code = exit_without_memory;
  } catch (const workloads::InputError& error) {
    std::cerr << error.what() << std::endl;
    code = 2;
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
  }
  std::_Exit(code);
}

Running begin_task(std::size_t number, const std::function<int(std::size_t)>& task,
                   const ProcessOptions& options, const AwaitedSignals& signals) {
  Running running{0, number, Clock::now(), false, std::make_unique<MessageFile>()};
  std::fflush(nullptr);  // or both would print what waits
  const pid_t parent = ::getpid();
  running.process = ::fork();
  if (running.process == 0) {
    run_task(number, task, options, signals, running.message->number(), parent);
  }
  if (running.process < 0) {
    throw workloads::Error(fmt::format("no process can be made: {}", std::strerror(errno)));
  }
  return running;
}

ProcessEnd end_of(const Running& running, int status) {
  ProcessEnd end;
  if (WIFEXITED(status)) end.exit_code = WEXITSTATUS(status);
  if (WIFSIGNALED(status)) end.signal = WTERMSIG(status);
  end.timed_out = running.timed_out && end.signal == SIGKILL;
  end.message = running.message->text();
  if (end.exit_code == exit_without_memory) end.message = "not enough memory";
  return end;
}

void end_all(std::vector<Running>& all) {
  for (const Running& running : all) ::kill(running.process, SIGKILL);
  for (const Running& running : all) ::waitpid(running.process, nullptr, 0);
  all.clear();
}

/// Ends all that still runs when the loop is left, by an exception too.
struct EndAll {
  std::vector<Running>& all;
  ~EndAll() { end_all(all); }
};

void end_late_ones(std::vector<Running>& all, const ProcessOptions& options) {
  if (!options.seconds) return;
  for (Running& running : all) {
    const std::chrono::duration<double> age = Clock::now() - running.begin;
    const double most = *options.seconds * (options.times ? options.times(running.task) : 1);
    if (running.timed_out || age.count() < most) continue;
    running.timed_out = true;
    ::kill(running.process, SIGKILL);
  }
}

}  // namespace

bool run_processes(std::size_t count, const std::function<int(std::size_t)>& task,
                   const std::function<void(std::size_t, const ProcessEnd&)>& ended,
                   const ProcessOptions& options) {
  const AwaitedSignals signals;
  std::vector<Running> all;
  const EndAll end_all_at_the_end{all};
  std::size_t next = 0;
  auto ticked = Clock::now();
  while (next < count || !all.empty()) {
    while (next < count && all.size() < options.at_once) {
      all.push_back(begin_task(next, task, options, signals));
      ++next;
    }
    const int signal = signals.next();
    if (signal == SIGINT || signal == SIGTERM || signal == SIGHUP) return false;
    end_late_ones(all, options);
    for (std::size_t i = 0; i < all.size();) {
      int status = 0;
      if (::waitpid(all[i].process, &status, WNOHANG) != all[i].process) {
        ++i;
        continue;
      }
      const Running done = std::move(all[i]);
      all.erase(all.begin() + static_cast<std::ptrdiff_t>(i));
      ended(done.task, end_of(done, status));
    }
    if (options.tick && Clock::now() - ticked >= pause) {
      options.tick();
      ticked = Clock::now();
    }
  }
  return true;
}

}  // namespace spillway::analysis
