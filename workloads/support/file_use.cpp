#include "workloads/support/file_use.hpp"

#include <set>

#include "workloads/support/error.hpp"

namespace spillway::workloads {

namespace fs = std::filesystem;

namespace {

std::set<fs::path> read_files, written_files;

fs::path resolved(const fs::path& path) {
  std::error_code error;
  const fs::path full = fs::weakly_canonical(fs::absolute(path, error), error);
  return error ? path : full;
}

[[noreturn]] void refuse(const fs::path& path) {
  throw InputError(path.string() + ": is read and to be written; allowed: another file to write");
}

}  // namespace

void will_read(const fs::path& path) {
  read_files.insert(resolved(path));
  if (written_files.contains(resolved(path))) refuse(path);
}

void require_not_read(const fs::path& path) {
  if (read_files.contains(resolved(path))) refuse(path);
}

void will_write(const fs::path& path) {
  require_not_read(path);
  if (!written_files.insert(resolved(path)).second) {
    throw InputError(path.string() + ": is to be written twice; allowed: a file for each result");
  }
}

void forget_file_use() {
  read_files.clear();
  written_files.clear();
}

}  // namespace spillway::workloads
