#include "workloads/support/whole_file.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace fs = std::filesystem;

namespace {

/// A file descriptor, closed at the end.
class Descriptor {
 public:
  Descriptor(const fs::path& path, int flags) : number_(::open(path.c_str(), flags, 0644)) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int number() const { return number_; }
  bool is_open() const { return number_ >= 0; }

 private:
  int number_;
};

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return true;
}

/// Nobody else writes it: the lock is ours, and the name still stands for the file that we opened.
bool is_ours(int file, const fs::path& path) {
  struct stat opened {};
  struct stat named {};
  return ::flock(file, LOCK_EX | LOCK_NB) == 0 && ::fstat(file, &opened) == 0 &&
         ::stat(path.c_str(), &named) == 0 && opened.st_ino == named.st_ino;
}

bool replace(const fs::path& path, const fs::path& temporary, std::string_view content) {
  const Descriptor file(temporary, O_WRONLY | O_CREAT | O_CLOEXEC);
  if (!file.is_open() || !is_ours(file.number(), temporary)) return false;
  std::error_code error;
  bool good = ::ftruncate(file.number(), 0) == 0 && write_all(file.number(), content) &&
              ::fsync(file.number()) == 0;
  if (good && fs::exists(path, error)) {
    fs::permissions(temporary, fs::status(path).permissions(), error);
  }
  if (good) fs::rename(temporary, path, error);
  if (!good || error) {
    std::error_code ignored;
    fs::remove(temporary, ignored);
    return false;
  }
  const Descriptor folder(path.has_parent_path() ? path.parent_path() : fs::path("."),
                          O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (folder.is_open()) ::fsync(folder.number());
  return true;
}

}  // namespace

void replace_file(const fs::path& given, std::string_view content) {
  std::error_code error;
  const bool exists = fs::exists(given, error);
  bool written = false;
  if (exists && !fs::is_regular_file(given, error)) {
    // Into a pipe or a device there is no temporary file to rename: it would take their place.
    const Descriptor file(given, O_WRONLY | O_CLOEXEC);
    written = file.is_open() && write_all(file.number(), content);
  } else {
    const fs::path path = exists ? fs::canonical(given) : given;  // a link stays, its file changes
    written = replace(path, path.parent_path() / ("." + path.filename().string() + ".unfinished"),
                      content);
  }
  if (!written) throw InputError(given.string() + ": could not be written");
}

}  // namespace spillway::workloads
