// Files that are either the old one or the new one, whatever happens in between.
#pragma once

#include <filesystem>
#include <string_view>

namespace spillway::workloads {

/// Write `content` to a temporary file beside `path`, have it reach the disk, and rename it. Throws
/// Error, and leaves the old file as it was, when that is not possible.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace spillway::workloads
