// Files that are either the old one or the new one, whatever happens in between.
#pragma once

#include <filesystem>
#include <string_view>

namespace spillway::workloads {

/// A file written bit by bit. It grows in a hidden file beside `path`, which takes its place when
/// it is finished; if it never is, the old file stays and the hidden one goes. A link stays and its
/// file changes; a pipe or a device is written straight.
class UnfinishedFile {
 public:
  /// Throws InputError when it cannot be written, or somebody else is at it.
  explicit UnfinishedFile(const std::filesystem::path& path);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  /// Throws Error when it cannot take all of it.
  void write(std::string_view content);
  /// It is complete: has it reach the disk and puts it in its place. Throws Error.
  void finish();

 private:
  bool move_into_place();

  std::filesystem::path path_, growing_;  // the same when written straight
  int file_ = -1;
  bool finished_ = false;
};

/// Begins to write a file as UnfinishedFile does, and takes it back. Throws InputError where that
/// is not possible: some folders take no files although their permissions say so.
void try_file(const std::filesystem::path& path);

/// All of a file at once. Throws InputError, and leaves the old file as it was, when that is not
/// possible or somebody else is at it.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace spillway::workloads
