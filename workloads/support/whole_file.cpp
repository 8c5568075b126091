#include "workloads/support/whole_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <utility>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace fs = std::filesystem;

namespace {

/// The number of a file that nobody else writes: the lock is ours, and the name still stands for
/// the file that we opened. Else -1, and `error` is why it cannot be opened, or 0.
int open_locked(const fs::path& path, int flags, int& error) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CLOEXEC | flags, 0644);
  error = file < 0 ? errno : 0;
  if (file < 0) return -1;
  struct stat opened {};
  struct stat named {};
  if (::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &opened) == 0 &&
      ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino) {
    return file;
  }
  ::close(file);
  return -1;
}

/// The same, made where it is missing, and empty.
int open_empty(const fs::path& path, int& error) {
  const int file = open_locked(path, O_CREAT, error);
  if (file < 0 || ::ftruncate(file, 0) == 0) return file;
  ::close(file);
  return -1;
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
  int failure = 0;
  if (straight) {
    file_ = ::open(growing_.c_str(), O_WRONLY | O_CLOEXEC);
    failure = errno;
  } else {
    file_ = open_empty(growing_, failure);
  }
  require_open(given, failure);
}

UnfinishedFile::UnfinishedFile(fs::path path, fs::path growing)
    : path_(std::move(path)), growing_(std::move(growing)) {
  constexpr int most_attempts = 100;  // against who removes what is left behind
  int failure = 0;
  for (int i = 0; i < most_attempts && file_ < 0 && failure == 0; ++i) {
    file_ = open_empty(growing_, failure);
  }
  require_open(path_, failure);
}

void UnfinishedFile::require_open(const fs::path& given, int error) const {
  if (file_ >= 0) return;
  const std::string reason = error != 0 ? fmt::format(" ({})", std::strerror(error)) : "";
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
  const fs::file_status old = fs::status(path_, error);  // asked once: others may remove it
  if (fs::exists(old)) {
    fs::permissions(growing_, old.permissions(), error);
    if (error) return false;
  }
  fs::rename(growing_, path_, error);
  if (error) return false;
  sync_folder(path_.parent_path());
  return true;
}

void remove_unfinished(const fs::path& growing) {
  int error = 0;
  const int file = open_locked(growing, 0, error);
  if (file < 0) return;
  std::error_code ignored;
  fs::remove(growing, ignored);
  ::close(file);
}

std::optional<std::string> file_content(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream) return std::nullopt;
  std::string text;
  std::array<char, 1 << 16> part;
  do {
    stream.read(part.data(), part.size());
    text.append(part.data(), static_cast<std::size_t>(stream.gcount()));
  } while (stream);
  if (stream.bad()) return std::nullopt;  // a folder can be opened, but not read
  return text;
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
