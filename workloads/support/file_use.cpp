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

}  // namespace

void will_read(const fs::path& path) {
  if (written_files.contains(resolved(path))) {
    throw InputError(path.string() + ": is read and to be written; allowed: another file to write");
  }
  read_files.insert(resolved(path));
}

void will_write(const fs::path& path) {
  if (read_files.contains(resolved(path))) {
    throw InputError(path.string() + ": is read and to be written; allowed: another file to write");
  }
  if (!written_files.insert(resolved(path)).second) {
    throw InputError(path.string() + ": is to be written twice; allowed: a file for each result");
  }
}

void forget_file_use() {
  read_files.clear();
  written_files.clear();
}

}  // namespace spillway::workloads
