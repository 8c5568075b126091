// Runs the built program as a user does.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <string>
#include <vector>

namespace spillway::test {

struct ProgramRun {
  int exit_code = -1;
  std::string out, err;
};

/// `spillway ARGUMENTS…` in `folder`.
ProgramRun run_spillway(const std::vector<std::string>& arguments,
                        const std::filesystem::path& folder);

/// The same in the background, and the number of its process. It reads nothing; its standard output
/// is thrown away, and so is its standard error, unless a file of `folder` is named for it.
pid_t start_spillway(const std::vector<std::string>& arguments, const std::filesystem::path& folder,
                     const std::string& err = "");

/// Waits for a program in the background to end: its exit code, -1 when a signal ended it.
int exit_code_of(pid_t process);

/// A folder of its own for one test, removed with it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::filesystem::path& path() const { return path_; }
  std::filesystem::path write(const std::string& name, const std::string& content) const;
  std::string read(const std::string& name) const;
  /// Names of all files in it, also while a program writes and removes some.
  std::vector<std::string> files() const;

 private:
  std::filesystem::path path_;
};

}  // namespace spillway::test
