#pragma once

#include <string>

namespace spillway::analysis {

/// The program's, "0.1.0".
std::string version();

}  // namespace spillway::analysis
