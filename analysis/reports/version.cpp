#include "analysis/reports/version.hpp"

namespace spillway::analysis {

std::string version() { return SPILLWAY_VERSION; }

}  // namespace spillway::analysis
