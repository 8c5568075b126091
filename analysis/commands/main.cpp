#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "analysis/commands/command_line.hpp"

namespace {

/// Threads of the OpenMP runtime that wait by spinning make two runs on the same cores six times
/// slower. The runtime reads its settings when it is loaded, so the program begins anew with them.
void begin_with_passive_waiting(char* argv[]) {
  if (std::getenv("OMP_WAIT_POLICY") != nullptr) return;
  setenv("OMP_WAIT_POLICY", "passive", 1);
  execv("/proc/self/exe", argv);  // returns only where it cannot; then things are merely slower
}

}  // namespace

int main(int argc, char* argv[]) {
  begin_with_passive_waiting(argv);
  return spillway::analysis::command_line(std::vector<std::string>(argv + 1, argv + argc));
}
