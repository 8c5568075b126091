// Files that are either the old one or the new one, whatever happens in between.
#pragma once

#include <filesystem>
#include <string_view>

namespace spillway::workloads {

/// Write `content` to a hidden temporary file beside `path`, have it reach the disk, and rename it.
/// A link stays and its file changes; a pipe or a device is written straight. Throws InputError,
/// and leaves the old file as it was, when that is not possible or somebody else is at it.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace spillway::workloads
