// Runs the built program as a user does.
#pragma once

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
  /// Names of all files in it.
  std::vector<std::string> files() const;

 private:
  std::filesystem::path path_;
};

}  // namespace spillway::test
