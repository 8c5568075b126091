#include "workloads/support/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace fs = std::filesystem;

namespace {

/// Nobody else writes it: the lock is ours, and the name still stands for the file that we opened.
bool is_ours(int file, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &opened) == 0 &&
         ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
}

/// Has the folder's entries reach the disk, where that is possible.
void sync_folder(const fs::path& folder) {
  const int number =
      ::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (number < 0) return;
  ::fsync(number);
  ::close(number);
}

}  // namespace

UnfinishedFile::UnfinishedFile(const fs::path& given) : path_(given) {
  std::error_code error;
  const bool exists = fs::exists(given, error);
  // Into a pipe or a device there is no hidden file to rename: it would take their place.
  const bool straight = exists && !fs::is_regular_file(given, error);
  if (exists && !straight) path_ = fs::canonical(given);
  growing_ =
      straight ? path_ : path_.parent_path() / ("." + path_.filename().string() + ".unfinished");
  file_ = ::open(growing_.c_str(), O_WRONLY | O_CLOEXEC | (straight ? 0 : O_CREAT), 0644);
  if (file_ >= 0 && (straight || (is_ours(file_, growing_) && ::ftruncate(file_, 0) == 0))) {
    return;
  }
  const std::string reason = file_ < 0 ? fmt::format(" ({})", std::strerror(errno)) : "";
  if (file_ >= 0) ::close(file_);
  throw InputError(given.string() + ": could not be written" + reason +
                   "; allowed: a file in a folder that takes files, and that nobody else writes");
}

UnfinishedFile::~UnfinishedFile() {
  std::error_code ignored;
  if (!finished_ && growing_ != path_) fs::remove(growing_, ignored);
  ::close(file_);
}

void UnfinishedFile::write(std::string_view content) {
  while (!content.empty()) {
    const ssize_t count = ::write(file_, content.data(), content.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) throw Error(path_.string() + ": could not be written to its end");
    content.remove_prefix(static_cast<std::size_t>(count));
  }
}

void UnfinishedFile::finish() {
  if (growing_ != path_ && !move_into_place()) {
    throw Error(path_.string() + ": could not be put in its place");
  }
  finished_ = true;
}

bool UnfinishedFile::move_into_place() {
  std::error_code error;
  if (::fsync(file_) != 0) return false;
  if (fs::exists(path_, error)) {
    fs::permissions(growing_, fs::status(path_).permissions(), error);
    if (error) return false;
  }
  fs::rename(growing_, path_, error);
  if (error) return false;
  sync_folder(path_.parent_path());
  return true;
}

void try_file(const fs::path& path) { const UnfinishedFile attempt(path); }

void replace_file(const fs::path& path, std::string_view content) {
  try {
    UnfinishedFile file(path);
    file.write(content);
    file.finish();
  } catch (const Error&) {
    throw InputError(path.string() + ": could not be written");
  }
}

}  // namespace spillway::workloads
