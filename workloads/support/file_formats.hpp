// Files that are not YAML at all, told by how they begin.
#pragma once

#include <string>

namespace spillway::workloads {

/// What a file seems to be that is no YAML text, and what to do: "found an ONNX model …; allowed:
/// …"; "" when nothing tells.
std::string foreign_format(const std::string& content, const std::string& file_name);

}  // namespace spillway::workloads
