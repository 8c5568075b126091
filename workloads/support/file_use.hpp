// A file that a command reads is none that it writes, and no two results go to one file.
#pragma once

#include <filesystem>

namespace spillway::workloads {

/// Note that a file is read. Throws InputError when it is to be written.
void will_read(const std::filesystem::path& path);
/// Note that a file is to be written. Throws InputError when it is read, or written twice.
void will_write(const std::filesystem::path& path);
/// Throws InputError when a file is read.
void require_not_read(const std::filesystem::path& path);
/// Forget all notes: another command begins.
void forget_file_use();

}  // namespace spillway::workloads
