#include "analysis/unfinished_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>

#include "workloads/support/error.hpp"

namespace spillway::analysis {

namespace fs = std::filesystem;

UnfinishedFile::UnfinishedFile(const fs::path& given) : path_(given) {
  std::error_code error;
  const bool exists = fs::exists(given, error);
  const bool straight = exists && !fs::is_regular_file(given, error);
  if (exists && !straight) path_ = fs::canonical(given);
  growing_ =
      straight ? path_ : path_.parent_path() / ("." + path_.filename().string() + ".unfinished");
  file_ = ::open(growing_.c_str(), O_WRONLY | O_CLOEXEC | (straight ? 0 : O_CREAT), 0644);
  const bool ours =
      file_ >= 0 &&
      (straight || (::flock(file_, LOCK_EX | LOCK_NB) == 0 && ::ftruncate(file_, 0) == 0));
  if (ours) return;
  if (file_ >= 0) ::close(file_);
  throw workloads::InputError(given.string() +
                              ": could not be written; allowed: a file that nobody else writes");
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
    if (count <= 0) throw workloads::Error(path_.string() + ": could not be written to its end");
    content.remove_prefix(static_cast<std::size_t>(count));
  }
}

void UnfinishedFile::finish() {
  if (growing_ != path_ && !move_into_place()) {
    throw workloads::Error(path_.string() + ": could not be put in its place");
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
  return !error;
}

}  // namespace spillway::analysis
