#include <string>
#include <vector>

#include "analysis/command_line.hpp"

int main(int argc, char* argv[]) {
  return spillway::analysis::command_line(std::vector<std::string>(argv + 1, argv + argc));
}
