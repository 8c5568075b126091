// What every figure has to be.
#pragma once

#include <string>

namespace spillway::test {

/// Elements of an SVG file are closed in the order in which they were opened; no stray "<" or "&".
void require_well_formed(const std::string& svg);

}  // namespace spillway::test
