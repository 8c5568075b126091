// The command line.
#pragma once

#include <string>
#include <vector>

namespace spillway::analysis {

/// Run `spillway ARGUMENTS…`. Returns the exit code: 0 ok, 1 a check failed, 2 bad input or usage.
/// Errors are one line on stderr; progress is on stderr at a terminal; results are on stdout.
int command_line(const std::vector<std::string>& arguments);

}  // namespace spillway::analysis
