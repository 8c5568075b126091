#include "analysis/sweeps/processes.hpp"

#include <doctest/doctest.h>
#include <omp.h>
#include <unistd.h>

#include <csignal>
#include <iostream>
#include <map>
#include <vector>

#include "analysis/sweeps/sha256.hpp"
#include "tests/support/sanitized.hpp"
#include "workloads/support/error.hpp"

namespace spillway::processes_test {

using analysis::ProcessEnd;
using analysis::ProcessOptions;
using analysis::run_processes;

namespace {

/// How each of some tasks ended.
std::map<std::size_t, ProcessEnd> ends_of(const std::vector<std::function<int()>>& tasks,
                                          const ProcessOptions& options = {}) {
  std::map<std::size_t, ProcessEnd> ends;
  const bool whole = run_processes(
      tasks.size(), [&](std::size_t i) { return tasks[i](); },
      [&](std::size_t i, const ProcessEnd& end) { ends[i] = end; }, options);
  CHECK(whole);
  return ends;
}

int wait_for_ever() {
  while (true) ::pause();
}

}  // namespace

TEST_CASE("a task that crashes, refuses or takes too long costs itself alone") {
  ProcessOptions options;
  options.at_once = 3;
  options.seconds = 0.5;
  // AddressSanitizer needs more address space than any limit leaves it.
  if (!test::sanitized) options.memory = workloads::Bytes(std::uint64_t{8} << 30);
  const auto ends = ends_of({[] { return 0; }, [] { return ::raise(SIGABRT); }, wait_for_ever,
                             [] {
                               std::cerr << "before\nthe last line" << std::endl;
                               return 3;
                             },
                             []() -> int { throw workloads::InputError("wrong"); },
                             []() -> int { throw std::bad_alloc(); },
                             [] {
                               if (test::sanitized) throw std::bad_alloc();
                               const std::vector<char> large(std::size_t{16} << 30);
                               return static_cast<int>(large.size() >> 40);
                             },
                             [] { return omp_get_max_threads() == 1 ? 0 : 1; }, [] { return 0; }},
                            options);
  REQUIRE(ends.size() == 9);
  CHECK(ends.at(0).exit_code == 0);
  CHECK(ends.at(1).exit_code == -1);
  CHECK(ends.at(1).signal == SIGABRT);
  CHECK_FALSE(ends.at(1).timed_out);
  CHECK(ends.at(2).timed_out);
  CHECK(ends.at(3).exit_code == 3);
  CHECK(ends.at(3).message == "before\nthe last line");
  CHECK(ends.at(4).exit_code == 2);
  CHECK(ends.at(4).message == "wrong");
  CHECK(ends.at(5).message == "not enough memory");
  CHECK(ends.at(6).message == "not enough memory");
  CHECK(ends.at(7).exit_code == 0);
  CHECK(ends.at(8).exit_code == 0);
}

TEST_CASE("tasks run as many at once as they may, and begin in order") {
  ProcessOptions options;
  options.at_once = 2;
  // The first waits for what the second says, which only helps when both run.
  int pipe_ends[2];
  REQUIRE(::pipe(pipe_ends) == 0);
  const auto ends = ends_of({[&] {
                               char c = 0;
                               return ::read(pipe_ends[0], &c, 1) == 1 ? 0 : 1;
                             },
                             [&] { return ::write(pipe_ends[1], "x", 1) == 1 ? 0 : 1; }},
                            options);
  CHECK(ends.at(0).exit_code == 0);
  CHECK(ends.at(1).exit_code == 0);
  ::close(pipe_ends[0]);
  ::close(pipe_ends[1]);
}

TEST_CASE("an interrupt ends the tasks that run, and none of them is told of") {
  std::size_t told = 0;
  const pid_t self = ::getpid();
  const bool whole = run_processes(
      3,
      [&](std::size_t i) {
        if (i == 1) ::kill(self, SIGINT);
        return wait_for_ever();
      },
      [&](std::size_t, const ProcessEnd&) { ++told; }, {2, {}, {}, {}, {}});
  CHECK_FALSE(whole);
  CHECK(told == 0);
}

TEST_CASE("the digests of FIPS 180-4's examples") {
  CHECK(analysis::sha256("") == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  CHECK(analysis::sha256("abc") ==
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  CHECK(analysis::sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq") ==
        "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
  analysis::Sha256 sum;
  for (int i = 0; i < 1000; ++i) sum.add(std::string(1000, 'a'));
  CHECK(sum.digest() == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

}  // namespace spillway::processes_test
