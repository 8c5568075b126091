#include "workloads/support/whole_file.hpp"

#include <fcntl.h>
#include <unistd.h>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace {

bool write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written <= 0) return false;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0;
}

}  // namespace

void replace_file(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".tmp";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  const bool written = file >= 0 && write_all(file, content);
  const bool closed = file >= 0 && ::close(file) == 0;
  std::error_code error;
  if (written && closed) std::filesystem::rename(temporary, path, error);
  if (!written || !closed || error) {
    std::error_code ignored;
    if (file >= 0) std::filesystem::remove(temporary, ignored);
    throw Error(path.string() + ": could not be written");
  }
}

}  // namespace spillway::workloads
