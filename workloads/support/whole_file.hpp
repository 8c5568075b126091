// Files that are either the old one or the new one, whatever happens in between.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace spillway::workloads {

/// A file written bit by bit. It grows in a hidden file beside `path`, which takes its place when
/// it is finished; if it never is, the old file stays and the hidden one goes. A link stays and its
/// file changes; a pipe or a device is written straight.
class UnfinishedFile {
 public:
  /// Throws InputError when it cannot be written, or somebody else is at it.
  explicit UnfinishedFile(const std::filesystem::path& path);
  /// Grows in the file `growing`, which has to be in the same file system; a link at `path` is
  /// replaced. So several processes may write one file at the same time, each by a name of its own,
  /// while others take away what is left behind (remove_unfinished).
  UnfinishedFile(std::filesystem::path path, std::filesystem::path growing);
  ~UnfinishedFile();
  UnfinishedFile(const UnfinishedFile&) = delete;
  UnfinishedFile& operator=(const UnfinishedFile&) = delete;

  /// Throws Error when it cannot take all of it.
  void write(std::string_view content);
  /// It is complete: has it reach the disk and puts it in its place. Throws Error.
  void finish();

 private:
  bool move_into_place();

  /// Throws where `file_` is no open file; `error` is an errno, or 0.
  void require_open(const std::filesystem::path& given, int error) const;

  std::filesystem::path path_, growing_;  // the same when written straight
  int file_ = -1;
  bool finished_ = false;
};

/// Removes a file that an UnfinishedFile grew in, unless its writer is still at it.
void remove_unfinished(const std::filesystem::path& growing);

/// All bytes of a file; nothing where it cannot be read.
std::optional<std::string> file_content(const std::filesystem::path& path);

/// Begins to write a file as UnfinishedFile does, and takes it back. Throws InputError where that
/// is not possible: some folders take no files although their permissions say so.
void try_file(const std::filesystem::path& path);

/// All of a file at once. Throws InputError, and leaves the old file as it was, when that is not
/// possible or somebody else is at it.
void replace_file(const std::filesystem::path& path, std::string_view content);

}  // namespace spillway::workloads
